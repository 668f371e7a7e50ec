import { expect, test } from 'vitest'
import { seeded } from '../../shared/random.ts'
import type { Batch } from '../../shared/sample.ts'
import { batchesOf, joined, shuffled } from './batches.ts'

const widths = { idWidth: 2, denseWidth: 1 }
/** Row r has the ids [r, r + 100] and the dense value, label and weight r. */
const rows = (...numbers: number[]): Batch => ({
  size: numbers.length,
  ids: Int32Array.from(numbers.flatMap((r) => [r, r + 100])),
  dense: Float32Array.from(numbers),
  labels: Float32Array.from(numbers),
  weights: Float32Array.from(numbers),
})

test('joining puts rows after rows', () => {
  expect(joined(rows(1, 2), rows(3))).toEqual(rows(1, 2, 3))
  expect(joined(rows(), rows(3))).toEqual(rows(3))
})

test('shuffling keeps each row together, loses none, and is decided by the seed', () => {
  const mixed = shuffled(widths, rows(0, 1, 2, 3, 4, 5, 6, 7), seeded(3))
  expect(mixed).toEqual(rows(...mixed.dense))
  expect([...mixed.dense].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect([...mixed.dense]).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(shuffled(widths, rows(0, 1, 2, 3, 4, 5, 6, 7), seeded(3))).toEqual(mixed)
})

test('mini-batches cover all rows in order; the last may be smaller', () => {
  expect([...batchesOf(widths, rows(0, 1, 2, 3, 4), 2)]).toEqual([rows(0, 1), rows(2, 3), rows(4)])
  expect([...batchesOf(widths, rows(), 2)]).toEqual([])
})
