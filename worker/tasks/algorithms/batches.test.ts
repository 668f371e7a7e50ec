import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seeded } from '../../../shared/random.ts'
import type { Batch } from '../../../shared/sample.ts'
import { createEpochs } from './batches.ts'

const widths = { idWidth: 2, denseWidth: 1 }
/** Row r has the ids [r, r + 100] and the dense value, label and weight r. */
const rows = (...numbers: number[]): Batch => ({
  size: numbers.length,
  ids: Int32Array.from(numbers.flatMap((r) => [r, r + 100])),
  dense: Float32Array.from(numbers),
  labels: Float32Array.from(numbers),
  weights: Float32Array.from(numbers),
})

/** The mini-batches of one epoch, copied; each row is whole. */
function drawn(epoch: () => Generator<Batch>): number[][] {
  const batches: number[][] = []
  for (const batch of epoch()) {
    expect(batch).toEqual(rows(...batch.labels))
    batches.push([...batch.labels])
  }
  return batches
}

test('each epoch has every row of every part once, whole, in mini-batches of the size asked for but for the last', () => {
  const part = fc.integer({ min: 0, max: 9 })
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 3 }),
      fc.integer({ min: 1, max: 8 }),
      fc.nat(),
      (sizes, size, seed) => {
        let next = 0
        const parts = sizes.map((count) => rows(...Array.from({ length: count }, () => next++)))
        const epoch = createEpochs(widths, parts, size, seeded(seed))
        for (let i = 0; i < 2; i++) {
          const batches = drawn(epoch)
          expect(batches.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: next }, (_, i) => i))
          expect(batches.map(({ length }) => length)).toEqual(
            Array.from({ length: Math.ceil(next / size) }, (_, i) => Math.min(size, next - i * size)),
          )
        }
      },
    ),
    { seed: 1 },
  )
})

test('the order is decided by the seed, and another in each epoch', () => {
  const part = rows(0, 1, 2, 3, 4, 5, 6, 7)
  const epoch = createEpochs(widths, [part], 3, seeded(3))
  const first = drawn(epoch)
  expect(first.flat()).not.toEqual([...part.labels])
  expect(drawn(epoch)).not.toEqual(first)
  expect(drawn(createEpochs(widths, [part], 3, seeded(3)))).toEqual(first)
})

test('every mini-batch lies where the one before it lay', () => {
  const epoch = createEpochs(widths, [rows(0, 1, 2, 3, 4)], 2, seeded(3))
  const places = [...epoch(), ...epoch()].map(({ ids }) => ids.buffer)
  expect(new Set(places).size).toBe(1)
})
