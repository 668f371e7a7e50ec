/** The tests that every Engine must pass, held against `contract.reference.ts`. Run from a `*.test.ts` beside it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { initialWeights, type ModelSpec } from '../model/spec.ts'
import { cloneWeights, type Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { padBatch } from './batch.ts'
import { attentionContract } from './contract.attention.ts'
import {
  smallBatch as batchOf,
  diceExamples,
  examples,
  randomBatch,
  randomSpec,
  randomWeights,
  rowsOf,
  smallSpec as spec,
  smallWeights as weights,
} from './contract.data.ts'
import { diceContract } from './contract.dice.ts'
import { expectNear, train } from './contract.expect.ts'
import { type MemoryOptions, memoryContract } from './contract.memory.ts'
import { gradientOf, lossOf, pass, referenceAdam, sigmoid, toDoubles } from './contract.reference.ts'
import { refusalContract } from './contract.refusals.ts'
import { trainingContract } from './contract.training.ts'
import type { Engine } from './engine.ts'

export interface ContractOptions extends MemoryOptions {
  /** Random models to be checked; default 24. */
  readonly examples?: number
  /** False for a backend that adds in no fixed order (float atomics on a GPU); default true. */
  readonly reproducible?: boolean
}

/** float32 rounding through some hundred operations on values near 1, absolute below 1 and relative above. */
const TOLERANCE = 2e-5

export function engineContract(
  name: string,
  make: () => Promise<Engine>,
  options: ContractOptions = {},
): void {
  const count = options.examples ?? 24
  const cases = [...examples(count), ...diceExamples(Math.ceil(count / 2))]

  describe(`engine contract: ${name}`, () => {
    let engine: Engine
    beforeAll(async () => {
      engine = await make()
    })
    afterAll(() => engine.dispose())
    attentionContract(() => engine, cases)
    refusalContract(() => engine, options.reproducible !== false)
    diceContract(() => engine, options.reproducible !== false)
    memoryContract(() => engine, options)
    trainingContract(() => engine, options.reproducible !== false)

    const trained = (steps: number, from?: Weights) => train(engine, steps, from)

    test.each(cases)('model $seed: predicts what its definition says', async ({ spec, weights, batch }) => {
      const model = await engine.load(spec, weights)
      const rows = Array.from({ length: batch.size }, (_, row) => row)
      const { logits } = pass(spec, toDoubles(weights), batch, rows, false)
      expectNear(await model.predict(batch), logits.map(sigmoid), TOLERANCE, 'probability')
      model.dispose()
    })

    test.each(cases)(
      'model $seed: its gradient is the finite difference',
      async ({ spec, weights, batch }) => {
        const model = await engine.load(spec, weights)
        const { loss, gradient } = await model.gradient(batch)
        const due = gradientOf(spec, weights, batch)
        expectNear([loss], [lossOf(spec, toDoubles(weights), batch)], TOLERANCE, 'loss')
        expect(Object.keys(gradient)).toEqual(Object.keys(due))
        for (const [name, values] of Object.entries(due))
          expectNear(gradient[name]!.data, values, TOLERANCE, name)
        expect(await model.save()).toEqual(weights)
        model.dispose()
      },
    )

    test('a step is a step of Adam, rows without gradient moving by their momentum', async () => {
      const random = seeded(1)
      const queriedOnly: ModelSpec = { ...spec, inputs: spec.inputs.filter(({ kind }) => kind !== 'lookup') }
      for (const spec of [randomSpec(random), randomSpec(random), randomSpec(random), queriedOnly]) {
        const weights = randomWeights(spec, random)
        const model = await engine.load(spec, weights)
        const due = toDoubles(weights)
        const adam = referenceAdam(due)
        for (let i = 0; i < 12; i++) {
          const batch = randomBatch(spec, 2, random)
          const { loss, gradient } = await model.gradient(batch)
          expect(await model.step(batch, 0.01)).toBeCloseTo(loss, 6)
          adam(gradient, 0.01)
          const now = await model.save()
          for (const [name, values] of Object.entries(due)) expectNear(now[name]!.data, values, 2e-6, name)
        }
        model.dispose()
      }
    })

    test('the padding row stays as it was, whatever it holds', async () => {
      const odd = cloneWeights(weights)
      odd['embedding.items']!.data.fill(0.5, 0, 4)
      const model = await trained(5, odd)
      const after = (await model.save())['embedding.items']!.data
      expect([...after.subarray(0, 4)]).toEqual([0.5, 0.5, 0.5, 0.5])
      model.dispose()
    })

    test('rows of weight 0 change nothing', async () => {
      const model = await engine.load(spec, weights)
      const batch = batchOf(7)
      const silent: Batch = { ...batch, weights: batch.weights.map((weight, i) => (i < 5 ? weight : 0)) }
      const alone = await model.gradient(rowsOf(spec, batch, 0, 5))
      for (const padded of [silent, padBatch(spec, rowsOf(spec, batch, 0, 5), 13)]) {
        const { loss, gradient } = await model.gradient(padded)
        expectNear([loss], [alone.loss], 1e-6, 'loss')
        for (const name of Object.keys(weights))
          expectNear(gradient[name]!.data, alone.gradient[name]!.data, 1e-6, name)
      }
      model.dispose()
    })

    test('a weight of 2 counts like the row twice', async () => {
      const model = await engine.load(spec, weights)
      const once = { ...batchOf(3, 2), weights: Float32Array.of(2, 1) }
      const both = batchOf(3, 2)
      const twice: Batch = {
        size: 3,
        ids: Int32Array.of(...both.ids.subarray(0, spec.idWidth), ...both.ids),
        dense: Float32Array.of(...both.dense.subarray(0, spec.denseWidth), ...both.dense),
        labels: Float32Array.of(both.labels[0]!, ...both.labels),
        weights: Float32Array.of(1, 1, 1),
      }
      expectNear([(await model.gradient(once)).loss], [(await model.gradient(twice)).loss], 1e-6, 'loss')
      model.dispose()
    })

    test('a prediction is a probability that does not depend on the rows beside it', async () => {
      const model = await engine.load(spec, weights)
      const batch = batchOf(11, 9)
      const all = await model.predict(batch)
      for (let row = 0; row < batch.size; row++) {
        expect(all[row]).toBeGreaterThanOrEqual(0)
        expect(all[row]).toBeLessThanOrEqual(1)
        expectNear(await model.predict(rowsOf(spec, batch, row, row + 1)), [all[row]!], 1e-6, `row ${row}`)
      }
      expect(await model.predict(rowsOf(spec, batch, 0, 0))).toHaveLength(0)
      model.dispose()
    })

    test('revert restores weights and optimizer, as often as asked', async () => {
      const model = await trained(3)
      await model.mark()
      const marked = await model.save()
      const next = async () => {
        await model.step(batchOf(100), 0.01)
        return model.save()
      }
      const first = await next()
      await model.step(batchOf(101), 0.5)
      await model.revert()
      expect(await model.save()).toEqual(marked)
      for (let again = 0; again < 2; again++) {
        const second = await next()
        for (const name of Object.keys(first))
          expectNear(second[name]!.data, first[name]!.data, options.reproducible === false ? 1e-6 : 0, name)
        await model.revert()
      }
      model.dispose()
    })

    test('revert without a mark says so', async () => {
      const model = await engine.load(spec, weights)
      await expect(model.revert()).rejects.toMatchObject({ code: 'not-ready' })
      model.dispose()
    })

    test.skipIf(options.reproducible === false)(
      'same weights, same batches, same order: the same weights bit for bit',
      async () => {
        const [one, two] = [await trained(20), await trained(20)]
        expect(await one.save()).toEqual(await two.save())
        one.dispose()
        two.dispose()
      },
    )

    test('models of one engine do not disturb each other, nor the weights they came from', async () => {
      const before = cloneWeights(weights)
      const [one, two] = [await trained(0), await trained(0)]
      await one.step(batchOf(1), 0.1)
      expect(await two.save()).toEqual(before)
      expect(weights).toEqual(before)
      one.dispose()
      two.dispose()
    })

    test('learns a separable toy set to a loss below 0.1 within 60 steps', async () => {
      const random = seeded(5)
      const batch = randomBatch(spec, 32, random)
      for (let row = 0; row < 32; row++) {
        batch.ids[row * spec.idWidth] = 1 + random.below(19)
        batch.labels[row] = batch.ids[row * spec.idWidth]! % 2
      }
      const model = await engine.load(spec, initialWeights(spec, random))
      let loss = Number.POSITIVE_INFINITY
      for (let i = 0; i < 60; i++) loss = await model.step(batch, 0.03)
      expect(loss).toBeLessThan(0.1)
      model.dispose()
    })

    test('calls made at once are served one by one', async () => {
      const model = await engine.load(spec, weights)
      const losses = await Promise.all([0, 1, 2].map((i) => model.step(batchOf(i), 0.01)))
      const alone = await engine.load(spec, weights)
      for (const [i, loss] of losses.entries())
        expectNear([await alone.step(batchOf(i), 0.01)], [loss], 1e-6, `loss ${i}`)
      model.dispose()
      alone.dispose()
    })
  })
}
