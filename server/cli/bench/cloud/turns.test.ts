import { expect, test } from 'vitest'
import { eventSchema } from '../../../../shared/event.ts'
import { seeded } from '../../../../shared/random.ts'
import type { Connection } from './connection.ts'
import { sitting } from './ingest.ts'
import { addressOf, tally } from './outage.ts'
import { dueAfter, pace } from './pace.ts'
import { latenciesOf, ratesOf } from './turns.ts'

test('rates are told by the median turn, and so is the CPU time of one request', () => {
  const rates = ratesOf([
    { done: 100, seconds: 1, cpuMs: 50 },
    { done: 900, seconds: 2, cpuMs: 90 },
    { done: 300, seconds: 1, cpuMs: 60 },
  ])
  expect(rates).toEqual({ median: 300, turns: [100, 450, 300], cpuUs: 200 })
})

test('quantiles of latencies are by the nearest rank', () => {
  const ms = Array.from({ length: 200 }, (_, i) => 200 - i)
  expect(latenciesOf(ms)).toEqual({ count: 200, p50: 100, p90: 180, p99: 198, max: 200 })
})

test('the first request is due at once, and then one every so often', () => {
  expect([0, 9.9, 10, 25, 1000].map((ms) => dueAfter(ms, 100))).toEqual([1, 1, 2, 3, 101])
})

test('all requests are sent, however few connections there are, and each is counted by its answer', async () => {
  let under = 0
  let most = 0
  let sent = 0
  const connection = (): Connection => ({
    send: async () => {
      most = Math.max(most, ++under)
      await null
      under--
      sent++
      if (sent % 10 === 0) throw new Error('reset')
      return { status: sent % 2 === 0 ? 200 : 429, header: () => undefined, body: Buffer.alloc(0) }
    },
    close() {},
  })
  const numbers: number[] = []
  const paced = await pace([connection(), connection()], { rate: 5000, seconds: 0.02 }, (nth) => {
    numbers.push(nth)
    return Buffer.alloc(0)
  })
  expect(paced.latencies).toHaveLength(100)
  expect(paced.statuses).toEqual({ 0: 10, 200: 40, 429: 50 })
  expect(numbers).toEqual(Array.from({ length: 100 }, (_, i) => i))
  expect(most).toBeLessThanOrEqual(2)
})

test('each device of the outage has an address of its own, on loopback', () => {
  const addresses = Array.from({ length: 70_000 }, (_, nth) => addressOf(nth))
  expect(new Set(addresses).size).toBe(70_000)
  expect(addresses[0]).toBe('127.1.0.0')
  expect(addresses[256]).toBe('127.1.1.0')
  expect(addresses[65_536]).toBe('127.2.0.0')
})

test('words are counted', () => {
  expect(tally(['429', '503', '429'])).toEqual({ 429: 2, 503: 1 })
})

test('a sitting is so many events of the kind that devices send, in order and before now', () => {
  const now = 1_700_000_000_000
  for (const count of [1, 10, 250]) {
    const events = sitting(count, ['a', 'b', 'c'], seeded(1), now)
    expect(events).toHaveLength(count)
    for (const event of events) expect(eventSchema.parse(event)).toEqual(event)
    const times = events.map(({ at }) => at)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times.at(-1)).toBeLessThan(now)
    expect(new Set(events.map(({ id }) => id)).size).toBe(count)
    const shown = new Map(events.flatMap((e) => (e.type === 'exposure' ? [[e.id, e.item]] : [])))
    for (const event of events) if (event.type === 'click') expect(shown.get(event.exposure)).toBe(event.item)
  }
})
