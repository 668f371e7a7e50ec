import { expect, test } from 'vitest'
import { eventSchema } from '../../shared/event.ts'
import { eventIds, stamps, virtualWeek } from './timeline.ts'

const NOW = Date.UTC(2026, 0, 15, 12)

test('the virtual week is seven days long and ends an hour before now', () => {
  const { start, end } = virtualWeek(NOW)
  expect(new Date(start).toISOString()).toBe('2026-01-08T11:00:00.000Z')
  expect(new Date(end).toISOString()).toBe('2026-01-15T11:00:00.000Z')
})

test('ids are UUIDs of version 7 that begin with the time', () => {
  const id = eventIds('s', 'u')(NOW)
  expect(eventSchema.safeParse({ type: 'exposure', id, at: NOW, item: 'a' }).success).toBe(true)
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(NOW)
})

test('ids of a user rise strictly, within a millisecond too', () => {
  const next = eventIds('s', 'u')
  const times = [...Array.from({ length: 4096 }, () => NOW), NOW + 1, NOW + 1, NOW + 500]
  const ids = times.map(next)
  expect(ids).toEqual([...ids].sort())
  expect(new Set(ids).size).toBe(ids.length)
})

test('ids follow from source, user, time and count alone', () => {
  const ids = (source: string, user: string) => [NOW, NOW, NOW + 9].map(eventIds(source, user))
  expect(ids('s', 'u')).toEqual(ids('s', 'u'))
  for (const [source, user] of [
    ['s', 'v'],
    ['t', 'u'],
    ['su', ''],
  ] as const)
    expect(ids(source, user).some((id) => ids('s', 'u').includes(id))).toBe(false)
})

test('twenty thousand users have different ids at the same moment', () => {
  const ids = Array.from({ length: 20_000 }, (_, user) => eventIds('s', String(user))(NOW))
  expect(new Set(ids).size).toBe(ids.length)
})

test('a time that falls, or a millisecond that is too full, is refused', () => {
  const next = eventIds('s', 'u')
  next(NOW)
  expect(() => next(NOW - 1)).toThrow(RangeError)
  const crowded = eventIds('s', 'u')
  for (let i = 0; i < 4096; i++) crowded(NOW)
  expect(() => crowded(NOW)).toThrow(RangeError)
})

test('a stamp that does not come after the one before it is moved a millisecond behind that', () => {
  const stamp = stamps('s', 'u', NOW - 1)
  const stamped = [NOW - 5, NOW, NOW, NOW + 9, NOW + 3].map(stamp)
  expect(stamped.map(({ at }) => at - NOW)).toEqual([0, 1, 2, 9, 10])
  expect(stamped.map(({ id }) => id)).toEqual(stamped.map(({ at }) => eventIds('s', 'u')(at)))
})

test('stamps do not depend on how a user’s events are cut into chunks', () => {
  const whole = stamps('s', 'u')
  const first = whole(NOW)
  expect(stamps('s', 'u', first.at)(NOW)).toEqual(whole(NOW))
})
