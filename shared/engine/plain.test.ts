import { describe, expect, test } from 'vitest'
import { initialWeights, type ModelSpec, shapesOf } from '../model/spec.ts'
import { sizeOf, type Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { dinSpec } from './contract.data.ts'
import { embeddingContract } from './contract.embeddings.ts'
import { expectNear } from './contract.expect.ts'
import { engineContract } from './contract.ts'
import { createPlainEngine } from './plain/engine.ts'

engineContract('plain', async () => createPlainEngine(), { examples: 60 })
embeddingContract('plain', async (options) => createPlainEngine(options))

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

  test('its plan covers every parameter once', async () => {
    const spec = dinSpec(12, 3, 4)
    const size = [...shapesOf(spec).values()].reduce((sum, shape) => sum + sizeOf(shape), 0)
    const saved = await (await createPlainEngine().load(spec, initialWeights(spec, seeded(1)))).save()
    expect(Object.values(saved).reduce((sum, { data }) => sum + data.length, 0)).toBe(size)
  })
})
