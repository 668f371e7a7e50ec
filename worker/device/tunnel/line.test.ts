/** A request that is answered too late, too slowly, or with the wish to be left alone. */
import { expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { toFailure } from '../../../shared/failure.ts'
import { way } from '../../testing/way.ts'
import { problem } from '../../testing/world.ts'
import { deferred } from '../../turns.ts'

const here = way()
const { answer, reload, see, waiting } = here

/** Begins as JSON, and never ends. */
const dripping = (): Response =>
  new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(3)) }), {
    headers: { 'content-type': 'application/json' },
  })

test.each([
  ['429, in seconds', () => problem(429, 'Too many', { 'retry-after': '120' })],
  ['503, in seconds', () => problem(503, 'Busy', { 'retry-after': '120' })],
  [
    '429, as a date by a clock that is years off',
    () =>
      problem(429, 'Too many', {
        date: 'Fri, 02 Jan 2026 10:00:00 GMT',
        'retry-after': 'Fri, 02 Jan 2026 10:02:00 GMT',
      }),
  ],
])('a server that asks for patience (%s) is left alone for that long, reloads included', async (_, make) => {
  await see(1)
  answer('POST /api/events', make)
  await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
  const made = here.server.requests.length
  reload()
  here.clock.move(119_000)
  await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
  expect(here.server.requests.length).toBe(made)
  here.clock.move(1000)
  await here.tunnel.flush()
  expect(await waiting()).toBe(0)
})

test('devices that were sent away together come back apart: each waits up to a quarter longer', async () => {
  await see(1)
  here.seed = 2 ** 31
  answer('POST /api/events', () => problem(429, 'Too many', { 'retry-after': '80' }))
  await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
  here.clock.move(89_000)
  await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
  here.clock.move(1000)
  await here.tunnel.flush()
  expect(await waiting()).toBe(0)
})

test.each([
  ['never ends', '99999999'],
  ['lies back', '0'],
  ['is no time', 'soon'],
])('a patience that %s is not had', async (_, value) => {
  await see(1)
  answer('POST /api/events', () => problem(429, 'Too many', { 'retry-after': value }))
  await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
  await here.tunnel.flush()
  expect(await waiting()).toBe(0)
})

test('a promise from before the clock was put back by a day does not bind', async () => {
  await see(1)
  answer('POST /api/events', () => problem(429, 'Too many', { 'retry-after': '3600' }))
  await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
  here.clock.move(-DAY_MS)
  await here.tunnel.flush()
  expect(await waiting()).toBe(0)
})

test('an answer that drips for ever is given up after its time, and every event still waits', async () => {
  await see(2)
  await here.tunnel.identify()
  const asked = deferred<void>()
  answer('POST /api/events', () => {
    asked.resolve()
    return dripping()
  })
  const sent = here.tunnel.flush()
  await asked.promise
  expect(here.timers.size).toBe(1)
  for (const { work } of here.timers) work()
  await expect(sent).rejects.toMatchObject({ code: 'offline' })
  expect(here.timers.size).toBe(0)
  expect(await waiting()).toBe(2)
  await here.tunnel.flush()
  expect(await waiting()).toBe(0)
})

test('a caller who stops it gets `cancelled`', async () => {
  await see(1)
  const abort = new AbortController()
  abort.abort()
  const error = await here.tunnel.flush(abort.signal).catch((error) => error)
  expect(toFailure(error).code).toBe('cancelled')
  expect(await waiting()).toBe(1)
})
