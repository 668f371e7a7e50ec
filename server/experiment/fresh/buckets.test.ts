import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assign, lotOf } from './buckets.ts'
import { createStrangers } from './strangers.ts'

const ARMS = ['cloud', 'coda', 'kindred']
const DAY = 86_400_000
const people = fc.uniqueArray(fc.nat(5000).map(String), { minLength: 1, maxLength: 300 })

test('users are in one arm at most, and nobody moves when others come', () => {
  fc.assert(
    fc.property(people, people, fc.integer({ min: 1, max: 40 }), (users, more, size) => {
      const drawn = assign(users, ARMS, size)
      for (const arm of ARMS)
        expect([...drawn.values()].filter((one) => one === arm).length).toBeLessThanOrEqual(size)
      const later = assign([...new Set([...more, ...users])].reverse(), ARMS, Number.POSITIVE_INFINITY)
      for (const [user, arm] of drawn) expect(later.get(user)).toBe(arm)
    }),
    { seed: 7 },
  )
})

test('arms get as many by chance as by count, and lots of two purposes have nothing to do with each other', () => {
  const users = Array.from({ length: 3000 }, (_, i) => `${i}`)
  const drawn = [...assign(users, ARMS, Number.POSITIVE_INFINITY).values()]
  for (const arm of ARMS) {
    const count = drawn.filter((one) => one === arm).length
    expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt((3000 * 2) / 9))
  }
  const both = users.filter((user) => lotOf('one', user) < 0.5 && lotOf('two', user) < 0.5).length
  expect(Math.abs(both - 750)).toBeLessThan(4 * Math.sqrt((3000 * 3) / 16))
})

test('a stranger is somebody who read a lot, and within the day, and stays the same all day', () => {
  const before = new Map([
    [1, { clicks: 9, last: 10 * DAY }],
    [2, { clicks: 50, last: 8 * DAY }],
    [3, { clicks: 10, last: 9.5 * DAY }],
  ])
  const strangers = createStrangers(1, before)
  const asked = Array.from({ length: 20 }, (_, user) => strangers.of(100 + user, 10 * DAY + 5))
  expect(new Set(asked)).toEqual(new Set([3]))
  strangers.clicked(1, 10 * DAY + 6)
  expect(strangers.of(100, 10.9 * DAY)).toBe(3)
  const next = Array.from({ length: 40 }, (_, user) => strangers.of(100 + user, 11 * DAY))
  expect(new Set(next)).toEqual(new Set([1]))
  expect(createStrangers(1, new Map()).of(100, 0)).toBeUndefined()
})
