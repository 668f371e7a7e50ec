import { deflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { DAY_MS } from '../../shared/clock.ts'
import { encodeSample, joinBatch } from '../../shared/codec.ts'
import { layoutOf } from '../../shared/schema.ts'
import { openBook } from './findings.ts'
import { createGiven } from './given.ts'
import { schema } from './world.ts'

const DAY = 20_000
const layout = layoutOf(schema)
/** A batch of samples that are nobody's in particular, by their names. */
const batchOf = (...names: number[]) => {
  const sample = {
    at: DAY * DAY_MS,
    label: 0 as const,
    ids: new Int32Array(layout.idWidth).fill(2),
    dense: new Float32Array(layout.denseWidth),
  }
  const row = encodeSample(layout, sample, DAY_MS)
  const rows = names.map((name) => ({ id: `${name}`.padStart(16, '0'), row }))
  return Buffer.from(deflateRawSync(joinBatch(schema, DAY_MS, rows)))
}

test.each([
  ['on its day is a breach', DAY * DAY_MS + DAY_MS - 1, 1],
  ['once its day is over has reached its age', (DAY + 1) * DAY_MS, 0],
])('what goes out of a batch %s', (_, ended, breaches) => {
  const book = openBook()
  const given = createGiven(0, { book, departures: new Map() })
  const begun = DAY * DAY_MS
  given.take(DAY, 0, batchOf(1, 2, 3), { begun, ended: begun })
  given.take(DAY, 0, batchOf(1, 2, 3), { begun, ended: begun })
  expect(book.breaches).toEqual([])
  given.take(DAY, 0, batchOf(1, 3), { begun, ended })
  expect(book.breaches).toHaveLength(breaches)
  // What comes in is one whenever it does.
  given.take(DAY, 0, batchOf(1, 3, 4), { begun, ended })
  const after = book.breaches.slice(breaches).map(({ what }) => what)
  expect(after).toContain(`device 0: samples came into batch ${DAY}/0`)
})
