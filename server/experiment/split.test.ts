import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { KindredEvent } from '../../shared/event.ts'
import { AppError } from '../../shared/failure.ts'
import type { Source, UserEvents } from '../sources/source.ts'
import { eventIds, QUIET_MS } from '../sources/timeline.ts'
import { isIn, judged, type Life, splitInTime } from './split.ts'

const NOW = Date.UTC(2026, 0, 5, 12)
const DAY = 86_400_000

const sourceOf = (users: readonly UserEvents[]): Source => ({
  name: 'toy',
  schema: 'demo',
  catalogue: { name: 'toy', noun: 'thing', categories: ['all'], items: [] },
  async *users() {
    yield* users
  },
})

/** Exposures after gaps of so many ms; each is clicked a second later, or not. */
const userOf = (user: string, shown: readonly { gap: number; clicked: boolean }[]): UserEvents => {
  const nextId = eventIds('raw', user)
  const events: KindredEvent[] = []
  let at = 1_000_000
  for (const [i, { gap, clicked }] of shown.entries()) {
    at += gap
    const exposure = nextId(at)
    events.push({ type: 'exposure', id: exposure, at, item: `${i}` })
    if (clicked) events.push({ type: 'click', id: nextId(at + 1000), at: at + 1000, item: `${i}`, exposure })
  }
  return { user, events }
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}

const livesOf = (users: readonly UserEvents[], population?: number): Promise<Life[]> =>
  all(splitInTime(sourceOf(users), { now: NOW, population }).lives())

const shownIn = (events: readonly KindredEvent[]) => events.filter(({ type }) => type === 'exposure')

const shown = fc.array(fc.record({ gap: fc.integer({ min: 1001, max: DAY }), clicked: fc.boolean() }), {
  maxLength: 40,
})

test('nothing of the future is in the past, and nothing is lost between them', () =>
  fc.assert(
    fc.asyncProperty(fc.array(shown, { minLength: 1, maxLength: 5 }), async (histories) => {
      const users = histories.map((history, i) => userOf(`u${i}`, history))
      const lives = await livesOf(users)
      const imported = await all(splitInTime(sourceOf(users), { now: NOW }).past.users())
      for (const [i, { user, past, future }] of lives.entries()) {
        const raw = users[i]!.events
        const ids = new Set(past.map(({ id }) => id))
        expect(future.every(({ id }) => !ids.has(id))).toBe(true)
        expect(future.every((event) => event.type !== 'click' || !ids.has(event.exposure))).toBe(true)
        expect([...past, ...future].map(({ type }) => type)).toEqual(raw.map(({ type }) => type))
        expect(imported.filter((one) => one.user === user).flatMap(({ events }) => events)).toEqual(past)
        // Four fifths, rounded down, where both sides have something.
        const count = shownIn(raw).length
        if (future.length > 0) expect(shownIn(past)).toHaveLength(Math.floor(0.8 * count))
        else expect(count).toBeLessThan(2)
      }
    }),
    { numRuns: 100, seed: 1 },
  ))

test('every past ends an hour before now; all else is as far apart as it was, with ids in that order', () =>
  fc.assert(
    fc.asyncProperty(shown, async (history) => {
      const user = userOf('u', history)
      const [life] = await livesOf([user])
      const events = [...(life?.past ?? []), ...(life?.future ?? [])]
      if (events.length === 0) return
      expect(life!.past.at(-1)!.at).toBe(NOW - QUIET_MS)
      const gaps = (of: readonly KindredEvent[]) => of.slice(1).map(({ at }, i) => at - of[i]!.at)
      expect(gaps(events)).toEqual(gaps(user.events))
      expect(events.map(({ id }) => id)).toEqual(events.map(({ id }) => id).toSorted())
      const exposures = new Map(shownIn(events).map((event) => [event.id, event]))
      for (const event of events)
        if (event.type === 'click')
          expect(exposures.get(event.exposure)).toMatchObject({ at: event.at - 1000 })
    }),
    { numRuns: 100, seed: 1 },
  ))

describe('a split', () => {
  const some = (count: number) => Array.from({ length: count }, () => ({ gap: 2000, clicked: true }))

  it('joins what comes in pieces, and refuses a user who comes again after others', async () => {
    const { user, events } = userOf('u', some(10))
    const pieces = [
      { user, events: events.slice(0, 7) },
      { user, events: events.slice(7) },
    ]
    expect(await livesOf(pieces)).toEqual(await livesOf([{ user, events }]))
    const torn = livesOf([pieces[0]!, userOf('v', some(3)), pieces[1]!])
    await expect(torn).rejects.toThrow(AppError)
  })

  it('counts users as the source has them: every third is for tests, and the first so many are judged', async () => {
    const users = Array.from({ length: 9 }, (_, i) => userOf(`${i + 1}`, some(i === 4 ? 1 : 10)))
    const lives = await livesOf(users, 8)
    expect(lives).toHaveLength(8)
    const names = async (group: 'test' | 'validation' | 'all', count: number) => {
      const { lives } = splitInTime(sourceOf(users), { now: NOW })
      return (await all(judged(lives(), { group, users: count }))).map(({ user }) => user)
    }
    expect(await names('test', 9)).toEqual(['3', '6', '9'])
    expect(await names('validation', 3)).toEqual(['1', '2', '4'])
    // The fifth has no future.
    expect(await names('all', 9)).toEqual(['1', '2', '3', '4', '6', '7', '8', '9'])
    expect(lives.filter((life) => isIn('test', life) && isIn('validation', life))).toEqual([])
  })
})
