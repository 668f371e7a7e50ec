import { describe, expect, test } from 'vitest'
import { initialWeights, type ModelSpec, shapesOf } from '../model/spec.ts'
import { sizeOf, type Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { dinSpec, randomBatch, randomWeights } from './contract.data.ts'
import { expectNear } from './contract.expect.ts'
import { referenceAdam, toDoubles } from './contract.reference.ts'
import { engineContract } from './contract.ts'
import { createPlainEngine } from './plain/engine.ts'

engineContract('plain', async () => createPlainEngine(), { examples: 60 })

describe('the plain engine', () => {
  /**
   * One item q = 2, a history of k = 3 and padding, dimension 1, one hidden unit everywhere, E[2] = 0.5, E[3] = −1:
   *   unit input   [q, k, q−k, q∗k] = [0.5, −1, 1.5, −0.5]
   *   hidden       1·0.5 + 2·(−1) + 1·1.5 + 4·(−0.5) + 0.5 = −1.5      PReLU, slope 0.2: −0.3
   *   score        2·(−0.3) + 0.1 = −0.5                               attended: −0.5·(−1) = 0.5
   *   MLP          [q, attended] = [0.5, 0.5]: 3·0.5 − 1·0.5 + 1 = 2   PReLU: 2
   *   logit        0.5·2 − 1 = 0                                       probability: 0.5
   */
  test('computes the DIN that was worked out by hand', async () => {
    const spec: ModelSpec = {
      idWidth: 3,
      denseWidth: 0,
      tables: [{ name: 'items', rows: 4, dim: 1 }],
      inputs: [
        { kind: 'lookup', feature: 'item', table: 0, at: 0 },
        { kind: 'attend', feature: 'clicks', table: 0, at: 1, length: 2, query: 0 },
      ],
      attention: 1,
      mlp: [1],
    }
    const values: Record<string, number[]> = {
      'embedding.items': [9, 9, 0.5, -1],
      'attend.clicks.w1': [1, 2, 1, 4],
      'attend.clicks.b1': [0.5],
      'attend.clicks.slope': [0.2],
      'attend.clicks.w2': [2],
      'attend.clicks.b2': [0.1],
      'mlp.0.w': [3, -1],
      'mlp.0.b': [1],
      'mlp.0.slope': [0.7],
      'out.w': [0.5],
      'out.b': [-1],
    }
    const weights: Weights = Object.fromEntries(
      [...shapesOf(spec)].map(([name, shape]) => [name, { shape, data: Float32Array.from(values[name]!) }]),
    )
    const model = await createPlainEngine().load(spec, weights)
    const batch: Batch = {
      size: 1,
      ids: Int32Array.of(2, 3, 0),
      dense: new Float32Array(0),
      labels: Float32Array.of(1),
      weights: Float32Array.of(1),
    }
    expectNear(await model.predict(batch), [0.5], 1e-7, 'probability')
    const { loss, gradient } = await model.gradient(batch)
    expect(loss).toBeCloseTo(Math.LN2, 7) // −ln 0.5
    expect(gradient['out.w']!.data[0]).toBeCloseTo((0.5 - 1) * 2, 6) // (p − y) · the MLP's 2
    expect(gradient['mlp.0.b']!.data[0]).toBeCloseTo((0.5 - 1) * 0.5, 6)
  })

  const spec = dinSpec(12, 3, 4)
  /** Rows of odd items at some steps only, so that they fall to rest and wake again. */
  const visit = (step: number): Batch => {
    const batch = randomBatch(spec, 3, seeded(step))
    const rare = step % 450 < 5
    return { ...batch, ids: batch.ids.map((id) => (id % 2 === 1 && !rare ? id - 1 : id)) }
  }

  test('rows that rest between rare visits end where dense Adam would put them', async () => {
    const model = await createPlainEngine().load(spec, randomWeights(spec, seeded(2)))
    const due = toDoubles(await model.save())
    const adam = referenceAdam(due)
    for (let step = 0; step < 1000; step++) {
      const { gradient } = await model.gradient(visit(step))
      adam(gradient, 0.003)
      await model.step(visit(step), 0.003)
    }
    const now = await model.save()
    // 1000 roundings of values up to 4 to float32: 1000·2.4e-7 at the very worst, their random walk in practice.
    for (const [name, values] of Object.entries(due)) expectNear(now[name]!.data, values, 2e-5, name)
  })

  test('revert restores which rows were at rest', async () => {
    const model = await createPlainEngine().load(spec, randomWeights(spec, seeded(2)))
    for (let step = 0; step < 300; step++) await model.step(visit(step), 0.01)
    const rest = async () => {
      for (let step = 445; step < 460; step++) await model.step(visit(step), 0.01)
      return model.save()
    }
    await model.mark()
    const first = await rest()
    await model.revert()
    expect(await rest()).toEqual(first)
  })

  test('lazy embeddings: a row changes only in the steps that give it a gradient; the first step is Adam’s own', async () => {
    const weights = randomWeights(spec, seeded(3))
    const lazy = await createPlainEngine({ lazyEmbeddings: true }).load(spec, weights)
    const dense = await createPlainEngine().load(spec, weights)
    const batchOf = (id: number): Batch => {
      const batch = randomBatch(spec, 2, seeded(id))
      return { ...batch, ids: batch.ids.map(() => id) }
    }
    await lazy.step(batchOf(4), 0.01)
    await dense.step(batchOf(4), 0.01)
    const after = await lazy.save()
    expect(after).toEqual(await dense.save())
    await lazy.step(batchOf(7), 0.01)
    const later = (await lazy.save())['embedding.items']!.data
    const row = (data: Float32Array, id: number) => [...data.subarray(3 * id, 3 * id + 3)]
    expect(row(later, 4)).toEqual(row(after['embedding.items']!.data, 4))
    expect(row(later, 7)).not.toEqual(row(after['embedding.items']!.data, 7))
  })

  test('lazy embeddings learn too', async () => {
    const model = await createPlainEngine({ lazyEmbeddings: true }).load(
      spec,
      initialWeights(spec, seeded(4)),
    )
    const batch = randomBatch(spec, 16, seeded(9))
    let loss = 0
    for (let i = 0; i < 200; i++) loss = await model.step(batch, 0.03)
    expect(loss).toBeLessThan(0.1)
  })

  test('its plan covers every parameter once', async () => {
    const size = [...shapesOf(spec).values()].reduce((sum, shape) => sum + sizeOf(shape), 0)
    const saved = await (await createPlainEngine().load(spec, initialWeights(spec, seeded(1)))).save()
    expect(Object.values(saved).reduce((sum, { data }) => sum + data.length, 0)).toBe(size)
  })
})
