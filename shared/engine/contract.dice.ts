/** The part of the engine contract about Dice: what its statistics are, and what moves them. */
import { describe, expect, test } from 'vitest'
import { isStatistic, type ModelSpec } from '../model/spec.ts'
import { cloneWeights, type Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import { readSafetensors, writeSafetensors } from '../safetensors.ts'
import type { Batch } from '../sample.ts'
import { padBatch } from './batch.ts'
import { denseOnly, dinSpec, randomBatch, randomWeights, rowsOf } from './contract.data.ts'
import { expectNear } from './contract.expect.ts'
import {
  type Doubles,
  lossOf,
  pass,
  referenceOptimizer,
  statisticsOf,
  toDoubles,
  weightedRows,
} from './contract.reference.ts'
import type { Engine, Training } from './engine.ts'

const spec: ModelSpec = { ...dinSpec(20, 4, 6), activation: 'dice' }
const weights = randomWeights(spec, seeded(3))
const batchOf = (seed: number, size = 8): Batch => randomBatch(spec, size, seeded(seed))

/** One number in, one unit with α = 0.5, and a logit that is the unit's output. */
const one: ModelSpec = {
  ...denseOnly,
  denseWidth: 1,
  inputs: [{ kind: 'dense', feature: 'number', at: 0, size: 1 }],
  mlp: [1],
  activation: 'dice',
}
const oneWeights = (mean: number, variance: number): Weights => {
  const tensor = (shape: number[], value: number) => ({ shape, data: Float32Array.of(value) })
  return {
    'mlp.0.w': tensor([1, 1], 1),
    'mlp.0.b': tensor([1], 0),
    'mlp.0.slope': tensor([1], 0.5),
    'mlp.0.running.mean': tensor([1], mean),
    'mlp.0.running.variance': tensor([1], variance),
    'out.w': tensor([1, 1], 1),
    'out.b': tensor([1], 0),
  }
}
const numbers = (...values: number[]): Batch => ({
  size: values.length,
  ids: new Int32Array(0),
  dense: Float32Array.from(values),
  labels: new Float32Array(values.length).fill(1),
  weights: new Float32Array(values.length).fill(1),
})

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
/** Of a unit with α = 0.5, `n` deviations from its mean. */
const diced = (s: number, n: number) => s * sigmoid(n) + 0.5 * s * (1 - sigmoid(n))

/** To be called inside a `describe`; `engine` is asked for within the tests only. */
export function diceContract(engine: () => Engine, reproducible: boolean): void {
  const tolerance = reproducible ? 0 : 1e-6

  describe('Dice', () => {
    test('predicts with its running statistics, row by row', async () => {
      const model = await engine().load(one, oneWeights(2, 9))
      // (5 − 2) / √9 = 1, (2 − 2) / 3 = 0, (−4 − 2) / 3 = −2
      const due = [diced(5, 1), diced(2, 0), diced(-4, -2)].map(sigmoid)
      expectNear(await model.predict(numbers(5, 2, -4)), due, 1e-6, 'probability')
      expectNear(await model.predict(numbers(2)), [due[1]!], 1e-6, 'probability')
      model.dispose()
    })

    test('learns with those of the mini-batch, of which the running ones then take a hundredth', async () => {
      const model = await engine().load(one, oneWeights(2, 9), { optimizer: 'sgd' })
      // 1 and 5 have mean 3 and variance 4: they lie one deviation away from it.
      const due = -(Math.log(sigmoid(diced(1, -1))) + Math.log(sigmoid(diced(5, 1)))) / 2
      expectNear([(await model.gradient(numbers(1, 5))).loss], [due], 1e-6, 'loss')
      expect(await model.save()).toEqual(oneWeights(2, 9))
      expectNear([await model.step(numbers(1, 5), 0.1)], [due], 1e-6, 'loss')
      const after = await model.save()
      expectNear(after['mlp.0.running.mean']!.data, [0.99 * 2 + 0.01 * 3], 1e-6, 'mean')
      expectNear(after['mlp.0.running.variance']!.data, [0.99 * 9 + 0.01 * 4], 1e-6, 'variance')
      model.dispose()
    })

    test('a mini-batch of one row is half of each side, and has no variance', async () => {
      const model = await engine().load(one, oneWeights(2, 9), { optimizer: 'sgd' })
      const { loss, gradient } = await model.gradient(numbers(4))
      expectNear([loss], [-Math.log(sigmoid(3))], 1e-6, 'loss') // ½·4 + ½·0.5·4
      expectNear(gradient['mlp.0.w']!.data, [(sigmoid(3) - 1) * 0.75 * 4], 1e-6, 'w')
      expectNear(gradient['mlp.0.slope']!.data, [(sigmoid(3) - 1) * 0.5 * 4], 1e-6, 'slope')
      await model.step(numbers(4), 0.1)
      const after = await model.save()
      expectNear(after['mlp.0.running.mean']!.data, [0.99 * 2 + 0.01 * 4], 1e-6, 'mean')
      expectNear(after['mlp.0.running.variance']!.data, [0.99 * 9], 1e-6, 'variance')
      model.dispose()
    })

    test('rows of weight 0 are not of the mini-batch; those with weight count once, however much they have', async () => {
      const model = await engine().load(spec, weights)
      const batch = batchOf(7)
      const silent: Batch = { ...batch, weights: batch.weights.map((weight, i) => (i < 5 ? weight : 0)) }
      const alone = await model.gradient(rowsOf(spec, batch, 0, 5))
      for (const padded of [silent, padBatch(spec, rowsOf(spec, batch, 0, 5), 13)]) {
        const { loss, gradient } = await model.gradient(padded)
        expectNear([loss], [alone.loss], 2e-6, 'loss')
        for (const name of Object.keys(weights))
          expectNear(gradient[name]!.data, alone.gradient[name]!.data, 1e-5, name)
      }
      model.dispose()
    })

    test('the statistics are those of a batch too large to be computed in one piece', async () => {
      const model = await engine().load(spec, weights, { optimizer: 'sgd' })
      const batch = batchOf(11, 75)
      const { loss, gradient } = await model.gradient(batch)
      const at = (step: number) => {
        const moved = toDoubles(weights)
        for (const [name, values] of Object.entries(moved))
          for (let i = 0; i < values.length; i++) values[i]! += step * gradient[name]!.data[i]!
        return lossOf(spec, moved, batch)
      }
      expectNear([loss], [at(0)], 1e-5, 'loss')
      const squares = Object.values(gradient).reduce(
        (sum, { data }) => sum + data.reduce((s, g) => s + g * g, 0),
        0,
      )
      expectNear([squares], [(at(1e-4) - at(-1e-4)) / 2e-4], 1e-4, 'slope along the gradient')
      await model.step(batch, 0.01)
      const due = toDoubles(weights)
      follow(due, batch)
      const after = await model.save()
      for (const name of statistics) expectNear(after[name]!.data, due[name]!, 1e-6, name)
      model.dispose()
    })

    test.each<Training>([
      {},
      { optimizer: 'sgd', pull: 0.3 },
      { optimizer: 'adagrad', pull: 0.3 },
      { pull: 0.3, frozen: ['mlp.0.', 'embedding.'] },
      { frozen: ['mlp.', 'attend.'], optimizer: 'sgd' },
    ])(
      'the optimizer and its pull leave the running statistics alone, which follow each step: %j',
      async (training) => {
        const frozen = (name: string) => (training.frozen ?? []).some((prefix) => name.startsWith(prefix))
        const model = await engine().load(spec, weights, training)
        const due = toDoubles(weights)
        const others = Object.fromEntries(Object.entries(due).filter(([name]) => !isStatistic(name)))
        const advance = referenceOptimizer(others, training)
        for (let i = 0; i < 12; i++) {
          const { gradient } = await model.gradient(batchOf(i))
          for (const name of statistics)
            expect(
              gradient[name]!.data.every((g) => g === 0),
              name,
            ).toBe(true)
          await model.step(batchOf(i), 0.02)
          follow(due, batchOf(i), frozen)
          advance(gradient, 0.02)
          const now = await model.save()
          for (const [name, values] of Object.entries(due)) expectNear(now[name]!.data, values, 1e-5, name)
        }
        const now = await model.save()
        for (const name of statistics)
          if (frozen(name)) expect(now[name]).toEqual(weights[name])
          else expect(now[name]).not.toEqual(weights[name])
        model.dispose()
      },
    )

    test('revert brings the running statistics back, as often as asked; the same steps lead to the same', async () => {
      const models = [await engine().load(spec, weights), await engine().load(spec, weights)] as const
      for (const model of models) for (let i = 0; i < 3; i++) await model.step(batchOf(i), 0.02)
      const marked = await models[0].save()
      await models[0].mark()
      for (let run = 0; run < 2; run++) {
        for (let i = 5; i < 8; i++) await models[0].step(batchOf(i), 0.02)
        if (run === 1) break
        await models[0].revert()
        expect(await models[0].save()).toEqual(marked)
      }
      for (let i = 5; i < 8; i++) await models[1].step(batchOf(i), 0.02)
      const due = await models[1].save()
      for (const [name, { data }] of Object.entries(await models[0].save()))
        expectNear(data, due[name]!.data, tolerance, name)
      for (const model of models) model.dispose()
    })

    test('what is saved goes through a file and predicts as before', async () => {
      const model = await engine().load(spec, weights)
      for (let i = 0; i < 3; i++) await model.step(batchOf(i), 0.02)
      const again = await engine().load(spec, readSafetensors(writeSafetensors(await model.save())))
      expect(await again.save()).toEqual(await model.save())
      expect(await again.predict(batchOf(9))).toEqual(await model.predict(batchOf(9)))
      model.dispose()
      again.dispose()
    })

    test('a negative variance, or weights without statistics, are refused by name', async () => {
      const negative = cloneWeights(weights)
      negative['mlp.1.running.variance']!.data[2] = -1e-9
      await expect(engine().load(spec, negative)).rejects.toMatchObject({
        code: 'bad-artifact',
        message: expect.stringContaining('mlp.1.running.variance'),
      })
      await expect(engine().load({ ...spec, activation: 'prelu' }, weights)).rejects.toMatchObject({
        code: 'bad-artifact',
        message: expect.stringContaining('running'),
      })
    })

    test('a variance that is not finite throws diverged, and changes nothing', async () => {
      const model = await engine().load(one, oneWeights(2, 9))
      // The unit's values are finite, and 0.5 is all that becomes of them; their squares are not.
      const wide = { ...numbers(-3e19, 3e19), labels: Float32Array.of(0, 1) }
      for (const call of [model.step(wide, 0.01), model.gradient(wide)])
        await expect(call).rejects.toMatchObject({ code: 'diverged' })
      expect(await model.save()).toEqual(oneWeights(2, 9))
      await model.step(numbers(1, 5), 0.01)
      model.dispose()
    })
  })
}

const statistics = Object.keys(weights).filter(isStatistic)

/** Draws the running statistics of `w` towards those of a batch, by the definition. */
function follow(w: Doubles, batch: Batch, isFrozen: (name: string) => boolean = () => false): void {
  const { before } = pass(spec, w, batch, weightedRows(batch), true)
  before.forEach((values, layer) => {
    statisticsOf(values).forEach((ofBatch, j) => {
      for (const name of ['mean', 'variance'] as const) {
        const running = `mlp.${layer}.running.${name}`
        if (!isFrozen(running)) w[running]![j] = 0.99 * w[running]![j]! + 0.01 * ofBatch[name]
      }
    })
  })
}
