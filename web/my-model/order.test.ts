import fc from 'fast-check'
import { expect, it } from 'vitest'
import { movesOf } from './order.ts'

const order = (items: readonly string[]) => items.map((item) => ({ item, score: 0 }))

it('the first of now, where they were, and in which order they were', () => {
  expect(movesOf(order(['c', 'a', 'e', 'b', 'd']), order(['a', 'b', 'c', 'd', 'e']), 3)).toEqual([
    { item: 'c', now: 1, before: 3, from: 1 },
    { item: 'a', now: 2, before: 1, from: 0 },
    { item: 'e', now: 3, before: 5, from: 2 },
  ])
})

it('of any two orders each line begins at a place of its own, higher where the item was higher', () => {
  const items = Array.from({ length: 30 }, (_, i) => `k${i}`)
  const any = fc.shuffledSubarray(items, { minLength: 30 })
  fc.assert(
    fc.property(any, any, fc.integer({ min: 1, max: 40 }), (now, before, count) => {
      const moves = movesOf(order(now), order(before), count)
      expect(moves.map(({ item }) => item)).toEqual(now.slice(0, count))
      expect(moves.map(({ from }) => from).sort((a, b) => a - b)).toEqual(moves.map((_, i) => i))
      for (const one of moves) {
        expect(before[one.before - 1]).toBe(one.item)
        for (const other of moves) if (one.before < other.before) expect(one.from).toBeLessThan(other.from)
      }
    }),
    { seed: 1 },
  )
})
