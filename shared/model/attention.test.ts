import { expect, test } from 'vitest'
import { examples } from '../engine/contract.data.ts'
import { expectNear } from '../engine/contract.expect.ts'
import { inputOf, toDoubles } from '../engine/contract.reference.ts'
import { attentionOf } from './attention.ts'
import { type ModelSpec, widthOf } from './spec.ts'

/**
 * One query q = 2 and the keys 3, padding, 2; dimension 1, one hidden unit, E[2] = 0.5, E[3] = −1:
 *   k = 3   [q, k, q−k, q∗k] = [0.5, −1, 1.5, −0.5]    1·0.5 + 2·(−1) + 1·1.5 + 4·(−0.5) + 0.5 = −1.5
 *           PReLU, slope 0.2: −0.3                      2·(−0.3) + 0.1 = −0.5
 *   k = 2   [0.5, 0.5, 0, 0.25]                         1·0.5 + 2·0.5 + 1·0 + 4·0.25 + 0.5 = 3
 *                                                       2·3 + 0.1 = 6.1
 */
test('the weights are those that were worked out by hand', () => {
  const spec: ModelSpec = {
    idWidth: 4,
    denseWidth: 0,
    tables: [{ name: 'items', rows: 4, dim: 1 }],
    inputs: [{ kind: 'attend', feature: 'clicks', table: 0, at: 1, length: 3, query: 0 }],
    attention: 1,
    mlp: [],
  }
  const tensor = (shape: number[], ...values: number[]) => ({ shape, data: Float32Array.from(values) })
  const weights = {
    'embedding.items': tensor([4, 1], 0, 9, 0.5, -1),
    'attend.clicks.w1': tensor([4, 1], 1, 2, 1, 4),
    'attend.clicks.b1': tensor([1], 0.5),
    'attend.clicks.slope': tensor([1], 0.2),
    'attend.clicks.w2': tensor([1, 1], 2),
    'attend.clicks.b2': tensor([1], 0.1),
  }
  const [attention] = attentionOf(spec, weights, { size: 1, ids: Int32Array.of(2, 3, 0, 2) })
  expect(attention).toMatchObject({ feature: 'clicks', at: 1, length: 3 })
  expectNear(attention!.weights, [-0.5, 0, 6.1], 1e-6, 'weight')
})

test.each(examples(40))(
  'model $seed: the keys, weighed and added up, are the history as the definition attends to it',
  ({ spec, weights, batch }) => {
    const doubles = toDoubles(weights)
    const attention = attentionOf(spec, weights, batch)
    for (let row = 0; row < batch.size; row++) {
      const due = inputOf(spec, doubles, batch, row)
      let from = 0
      for (const input of spec.inputs) {
        const width = widthOf(spec, input)
        if (input.kind === 'attend') {
          const { at, length, weights: of } = attention.find(({ feature }) => feature === input.feature)!
          const table = doubles[`embedding.${spec.tables[input.table]!.name}`]!
          const sum = new Array<number>(width).fill(0)
          for (let l = 0; l < length; l++) {
            const id = batch.ids[row * spec.idWidth + at + l]!
            for (let i = 0; id !== 0 && i < width; i++)
              sum[i]! += of[row * length + l]! * table[id * width + i]!
          }
          expectNear(sum, due.slice(from, from + width), 1e-9, input.feature)
        }
        from += width
      }
    }
  },
)
