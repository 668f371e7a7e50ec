import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DRAWN, lineOf, type Negatives, negativesOf } from './negatives.ts'

const catalogueOf = (length: number) => ({
  items: Array.from({ length }, (_, i) => ({ key: `k${i}`, title: '', categories: [0] })),
})

const counts = (lists: readonly Int32Array[], length: number): number[] => {
  const times = new Array<number>(length).fill(0)
  for (const list of lists) for (const item of list) times[item]!++
  return times
}

test('whoever clicked what: a hundred different items, or all there are, none of which is the user’s', () => {
  const cases = fc.record({
    items: fc.integer({ min: 2, max: 300 }),
    own: fc.array(fc.nat(299), { minLength: 1, maxLength: 60 }),
    number: fc.integer({ min: 1, max: 10_000 }),
    seed: fc.nat(1000),
  })
  fc.assert(
    fc.property(cases, ({ items, own, number, seed }) => {
      const mine = new Set(own.map((item) => item % items))
      const clicks = Array.from({ length: items }, (_, i) => i % 5)
      const draw = negativesOf({ catalogue: catalogueOf(items), clicks, seed })
      const { uniform, popular } = draw(number, mine)
      for (const list of [uniform, popular]) {
        expect(new Set(list).size).toBe(list.length)
        for (const item of list) expect(item >= 0 && item < items && !mine.has(item)).toBe(true)
      }
      expect(uniform).toHaveLength(Math.min(DRAWN, items - mine.size))
      for (const item of popular) expect(clicks[item]).toBeGreaterThan(0)
      expect(draw(number, mine)).toEqual({ uniform, popular })
    }),
    { seed: 11, numRuns: 60 },
  )
})

test('they hang on seed and user, and on nothing else', () => {
  const clicks = new Array<number>(500).fill(1)
  const of = (seed: number, number: number): Negatives =>
    negativesOf({ catalogue: catalogueOf(500), clicks, seed })(number, new Set([3]))
  expect(of(1, 7)).toEqual(of(1, 7))
  expect(of(1, 7).uniform).not.toEqual(of(1, 8).uniform)
  expect(of(1, 7).uniform).not.toEqual(of(2, 7).uniform)
})

test('every item is as likely as any other; by popularity, as likely as it is clicked', () => {
  const [items, users] = [400, 2000]
  const clicks = Array.from({ length: items }, (_, i) => (i < 200 ? 1 : 3))
  const draw = negativesOf({ catalogue: catalogueOf(items), clicks, seed: 3 })
  const drawn = Array.from({ length: users }, (_, i) => draw(i + 1, new Set()))
  const uniform = counts(
    drawn.map((negatives) => negatives.uniform),
    items,
  )
  const mean = (users * DRAWN) / items
  for (const times of uniform) expect(Math.abs(times - mean)).toBeLessThan(5 * Math.sqrt(mean))
  // The first of each list is drawn with nothing taken out yet: three in four are of the half that is clicked three times as much.
  const often = drawn.filter(({ popular }) => popular[0]! >= 200).length
  expect(Math.abs(often - 0.75 * users)).toBeLessThan(5 * Math.sqrt(users * 0.75 * 0.25))
})

test('items that nobody clicks are never drawn by popularity, however few are left', () => {
  const clicks = [0, 5, 0, 2, 9]
  const { popular } = negativesOf({ catalogue: catalogueOf(5), clicks, seed: 1 })(1, new Set([4]))
  expect([...popular].sort()).toEqual([1, 3])
  const none = negativesOf({ catalogue: catalogueOf(3), clicks: [0, 0, 0], seed: 1 })(1, new Set([0]))
  expect([...none.popular]).toEqual([])
})

test('what is published has everything by name', () => {
  expect(lineOf(catalogueOf(9), 'ann', 'k3', Int32Array.of(8, 0))).toBe('ann k3 k8 k0\n')
})
