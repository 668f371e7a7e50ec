import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitsOf, idsIn, positionsOf, sorted } from './ids.ts'

const lists = fc.uniqueArray(fc.nat(400), { maxLength: 200, size: 'max' })

test('ids are listed once, ascending, padding and unknown first', () => {
  expect([...sorted([40, 7, 40, 1])]).toEqual([0, 1, 7, 40])
  expect([...sorted([])]).toEqual([0, 1])
})

test('a set gives back its ids in their order', () => {
  fc.assert(
    fc.property(lists, (ids) => {
      expect([...idsIn(bitsOf(ids, 401))]).toEqual(ids.toSorted((a, b) => a - b))
    }),
    { seed: 1, examples: [[[]], [[31, 32, 63, 64]], [Array.from({ length: 401 }, (_, i) => i)]] },
  )
})

test('the place of an id is how many come before it, and none where it is not listed', () => {
  fc.assert(
    fc.property(lists, (some) => {
      const ids = sorted(some)
      const positionOf = positionsOf(ids)
      const all = Array.from({ length: 540 }, (_, i) => i - 40)
      expect(all.map(positionOf)).toEqual(all.map((id) => ids.indexOf(id)))
    }),
    { seed: 2 },
  )
})
