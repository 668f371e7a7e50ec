import { expect, it } from 'vitest'
import type { Weights } from '../../../shared/model/weights.ts'
import { withUnseenUnknown } from './unseen.ts'

const table = (...rows: number[][]): Weights => ({
  'embedding.item': { shape: [rows.length, 2], data: Float32Array.from(rows.flat()) },
  'mlp.0.w': { shape: [1, 1], data: Float32Array.of(7) },
})
/** Padding, unknown, and four items. */
const fresh = table([0, 0], [0.5, 0.5], [1, 1], [2, 2], [3, 3], [4, 4])

it('a row that training never moved becomes a copy of “unknown”; what was taught, padding and the rest stay', () => {
  const trained = table([0, 0], [-0.25, 0.75], [1, 1], [2.5, 2], [3, 3], [4, 4.5])
  expect(withUnseenUnknown(trained, fresh)).toEqual(
    table([0, 0], [-0.25, 0.75], [-0.25, 0.75], [2.5, 2], [-0.25, 0.75], [4, 4.5]),
  )
})

it('“unknown” is the mean of what was taught where no sample taught it', () => {
  const trained = table([0, 0], [0.5, 0.5], [1, 1], [6, 2], [3, 3], [2, 10])
  expect(withUnseenUnknown(trained, fresh)).toEqual(table([0, 0], [4, 6], [4, 6], [6, 2], [4, 6], [2, 10]))
})

it('changes nothing of what it is given; where nothing was taught, all is “unknown”', () => {
  expect(withUnseenUnknown(fresh, fresh)).toEqual(
    table([0, 0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]),
  )
  expect(fresh).toEqual(table([0, 0], [0.5, 0.5], [1, 1], [2, 2], [3, 3], [4, 4]))
})
