/** The part of the engine contract about how a model is trained: optimizers, the pull, frozen parameters. */
import { describe, expect, test } from 'vitest'
import { type ModelSpec, shapesOf } from '../model/spec.ts'
import { cloneWeights, type Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import {
  smallBatch as batchOf,
  randomBatch,
  randomSpec,
  randomWeights,
  smallSpec as spec,
  smallWeights as weights,
} from './contract.data.ts'
import { expectNear } from './contract.expect.ts'
import { type Doubles, gradientOf, referenceOptimizer, toDoubles } from './contract.reference.ts'
import type { Engine, Model, Training } from './engine.ts'

const TRAININGS: Training[] = [
  { optimizer: 'sgd' },
  { optimizer: 'adagrad' },
  { optimizer: 'adam', pull: 0.3 },
  { optimizer: 'sgd', pull: 0.3 },
  { optimizer: 'adagrad', pull: 0.3, frozen: ['mlp.', 'out.b'] },
  { frozen: ['embedding.'] },
  { frozen: ['embedding.', 'attend.'], pull: 0.1 },
  { optimizer: 'sgd', frozen: ['embedding.', 'attend.', 'mlp.0.'] },
  { optimizer: 'sgd', frozen: ['embedding.', 'attend.', 'mlp.', 'out.w'] },
  { frozen: ['attend.clicks.w', 'mlp.1.b'] },
  { frozen: ['attend.', 'mlp.', 'out.'], optimizer: 'sgd', pull: 0.2 },
  { frozen: [''] },
]

/** To be called inside a `describe`; `engine` is asked for within the tests only. */
export function trainingContract(engine: () => Engine, reproducible: boolean): void {
  const tolerance = reproducible ? 0 : 1e-6

  /** Steps `model` and the float64 optimizer side by side along the model's own gradients. */
  async function follow(model: Model, spec: ModelSpec, from: Weights, training: Training, steps: number) {
    const due = toDoubles(from)
    const advance = referenceOptimizer(due, training)
    const random = seeded(77)
    for (let i = 0; i < steps; i++) {
      const batch = randomBatch(spec, 2, random)
      const { loss, gradient } = await model.gradient(batch)
      expect(await model.step(batch, 0.02)).toBeCloseTo(loss, 6)
      advance(gradient, 0.02)
      const now = await model.save()
      for (const [name, values] of Object.entries(due)) expectNear(now[name]!.data, values, 4e-6, name)
    }
  }

  async function steps(training: Training, count: number): Promise<Model> {
    const model = await engine().load(spec, weights, training)
    for (let i = 0; i < count; i++) await model.step(batchOf(i), 0.05)
    return model
  }

  describe.each(TRAININGS)('training %j', (training) => {
    test('a step is a step of the optimizer along the gradient and the pull; what is frozen stays', async () => {
      const held = engine().held()
      const model = await engine().load(spec, weights, training)
      await follow(model, spec, weights, training, 12)
      const now = await model.save()
      for (const [name, { data }] of Object.entries(weights)) {
        const isFrozen = (training.frozen ?? []).some((prefix) => name.startsWith(prefix))
        if (isFrozen) expect(now[name]!.data, name).toEqual(data)
        else expect(now[name]!.data, name).not.toEqual(data)
      }
      model.dispose()
      expect(engine().held()).toBe(held)
    })

    test('the gradient is the loss’s alone, and of all parameters', async () => {
      const model = await steps(training, 3)
      const plain = await engine().load(spec, await model.save())
      const [got, due] = [await model.gradient(batchOf(9)), await plain.gradient(batchOf(9))]
      expect(Object.keys(got.gradient)).toEqual([...shapesOf(spec).keys()])
      for (const [name, { data }] of Object.entries(due.gradient))
        expectNear(got.gradient[name]!.data, data, tolerance, name)
      model.dispose()
      plain.dispose()
    })

    test('revert restores the optimizer, as often as asked; the same steps lead to the same weights', async () => {
      const [model, other] = [await steps(training, 4), await steps(training, 4)]
      const held = engine().held()
      await model.mark()
      const runs: Weights[] = []
      for (let run = 0; run < 2; run++) {
        for (let i = 10; i < 13; i++) await model.step(batchOf(i), 0.05)
        runs.push(await model.save())
        await model.revert()
      }
      for (let i = 10; i < 13; i++) await other.step(batchOf(i), 0.05)
      const due = await other.save()
      for (const run of runs)
        for (const [name, { data }] of Object.entries(due)) expectNear(run[name]!.data, data, tolerance, name)
      expect(engine().held()).toBeGreaterThan(held)
      model.dispose()
      other.dispose()
    })
  })

  test('models of several tables: rows of one without a gradient, pulled or at rest, keep to their optimizer', async () => {
    const random = seeded(4)
    for (const optimizer of ['adam', 'sgd', 'adagrad'] as const) {
      const several = randomSpec(random)
      const from = randomWeights(several, random)
      for (const training of [
        { optimizer, pull: 0.3 },
        { optimizer, frozen: ['embedding.table-0'] },
      ]) {
        const model = await engine().load(several, from, training)
        await follow(model, several, from, training, 8)
        model.dispose()
      }
    }
  })

  test('the pull is the derivative of λ·Σ(w − w₀)²', async () => {
    const pull = 0.4
    const model = await engine().load(spec, weights, { optimizer: 'sgd', pull })
    for (let i = 0; i < 4; i++) await model.step(batchOf(i), 0.3)
    const before = await model.save()
    await model.step(batchOf(8), 1)
    const after = await model.save()
    const loss = gradientOf(spec, before, batchOf(8))
    const away = penaltyGradient(toDoubles(before), toDoubles(weights), pull)
    for (const name of Object.keys(weights)) {
      const moved = before[name]!.data.map((value, i) => value - after[name]!.data[i]!)
      const due = loss[name]!.map((value, i) => value + away[name]![i]!)
      expectNear(moved, due, 3e-5, name)
    }
    model.dispose()
  })

  test.each(['sgd', 'adagrad'] as const)(
    'where the data have no gradient, the pull brings the weights back: %s',
    async (optimizer) => {
      // A logit of 60 makes the probability 1: no gradient at all where the label is 1, a full one where it is 0.
      const sure = cloneWeights(weights)
      sure['out.b']!.data[0] = 60
      const model = await engine().load(spec, sure, { optimizer, pull: 0.2 })
      const labelled = (label: number) => ({ ...batchOf(3), labels: new Float32Array(8).fill(label) })
      await model.step(labelled(0), 0.1)
      const distance = async () => {
        const now = await model.save()
        return Math.max(
          ...Object.entries(sure).flatMap(([name, { data }]) =>
            Array.from(data, (value, i) => Math.abs(value - now[name]!.data[i]!)),
          ),
        )
      }
      expect(await distance()).toBeGreaterThan(0.05)
      expect((await model.gradient(labelled(1))).loss).toBeLessThan(1e-12)
      for (let i = 0; i < 120; i++) await model.step(labelled(1), optimizer === 'sgd' ? 0.3 : 1)
      // Half a unit in the last place of 60, over rate times 2λ: where a step no longer changes a float32.
      expect(await distance()).toBeLessThan(2e-5)
      model.dispose()
    },
  )

  test('a training that makes no sense is refused', async () => {
    const held = engine().held()
    for (const training of [
      { pull: -1 },
      { pull: Number.NaN },
      { pull: Number.POSITIVE_INFINITY },
      { pull: 1e300 },
      { optimizer: 'rmsprop' as 'sgd' },
      { optimizer: 'toString' as 'sgd' },
      { frozen: ['mlp.7'] },
      { frozen: ['embedding.', 'items'] },
    ])
      await expect(engine().load(spec, weights, training)).rejects.toMatchObject({ code: 'bad-input' })
    expect(engine().held()).toBe(held)
    const model = await engine().load(spec, weights, { optimizer: 'sgd' })
    await expect(model.step(batchOf(1), Number.NaN)).rejects.toMatchObject({ code: 'bad-input' })
    await expect(model.step(batchOf(1), -1)).rejects.toMatchObject({ code: 'bad-input' })
    expect(await model.save()).toEqual(weights)
    model.dispose()
  })

  describe('a finite loss whose gradient is not finite', () => {
    // The logit is 0 whatever comes below; the derivatives by what comes below are not.
    const steepTop = cloneWeights(weights)
    for (const name of ['mlp.1.w', 'mlp.1.b', 'out.b']) steepTop[name]!.data.fill(0)
    steepTop['out.w']!.data.fill(1e30)
    // Only the embeddings' gradient is steep.
    const shallow: ModelSpec = {
      ...spec,
      inputs: spec.inputs.filter(({ kind }) => kind === 'lookup'),
      mlp: [],
    }
    const steepRows = randomWeights(shallow, seeded(1))
    for (const name of ['embedding.items', 'out.b']) steepRows[name]!.data.fill(0)
    steepRows['out.w']!.data.fill(1e30)
    const models: [string, ModelSpec, Weights][] = [
      ['of layers', spec, steepTop],
      ['of embedding rows', shallow, steepRows],
    ]

    test.each(
      models.flatMap(([what, spec, from]) =>
        [{}, { optimizer: 'sgd', pull: 0.1 } as const, { optimizer: 'adagrad' } as const].map(
          (training: Training) => ({ what, spec, from, training }),
        ),
      ),
    )('$what throws diverged, and changes nothing: $training', async ({ spec, from, training }) => {
      const model = await engine().load(spec, from, training)
      const other = await engine().load(spec, from, training)
      const batch = { ...batchOf(2), labels: new Float32Array(8) }
      expect((await model.gradient(batch)).loss).toBeCloseTo(Math.LN2, 6)
      await expect(model.step(batch, 0.01)).rejects.toMatchObject({ code: 'diverged' })
      expect(await model.save()).toEqual(from)
      const flat = { ...batchOf(4), labels: new Float32Array(8).fill(0.5) } // whose gradient is 0
      for (const one of [model, other]) await one.step(flat, 0.01)
      expect(await model.save()).toEqual(await other.save())
      model.dispose()
      other.dispose()
    })
  })
}

/** Of λ·Σ(w − w₀)², by central differences. */
function penaltyGradient(w: Doubles, start: Doubles, pull: number): Doubles {
  const penalty = (value: number, from: number) => pull * (value - from) ** 2
  const h = 1e-4
  return Object.fromEntries(
    Object.entries(w).map(([name, values]) => [
      name,
      values.map((value, i) => {
        const from = start[name]![i]!
        return (penalty(value + h, from) - penalty(value - h, from)) / (2 * h)
      }),
    ]),
  )
}
