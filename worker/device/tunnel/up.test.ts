/** Events on their way up: each arrives, once. */
import { expect, test } from 'vitest'
import { MAX_EVENTS } from '../../../shared/event.ts'
import { die, way } from '../../testing/way.ts'
import { html, problem } from '../../testing/world.ts'
import { getState } from '../storage/state.ts'

const here = way()
const { answer, see, waiting } = here

const cutShort = (): Response =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(3))
        controller.error(new TypeError('terminated'))
      },
    }),
    { headers: { 'content-type': 'application/json' } },
  )

test('what waits arrives, compressed, and is deleted', async () => {
  await see(30)
  const own = (await here.db.outbox.toArray()).map(({ id }) => id)
  await here.tunnel.flush()
  expect([...here.server.events.keys()].sort()).toEqual(own.sort())
  expect(await waiting()).toBe(0)
  const { delivered, up, traffic } = (await getState(here.db, 'counters'))!
  expect(delivered).toBe(30)
  expect(traffic?.events?.up).toBeLessThan(30 * 60)
  expect(up, 'registered, too').toBe(traffic!.events!.up + traffic!.other!.up)
})

test('without events nothing is sent', async () => {
  await here.tunnel.flush()
  expect(here.server.requests).toEqual([])
})

test('many leave in uploads of at most MAX_EVENTS', async () => {
  await see(MAX_EVENTS)
  await see(1)
  await here.tunnel.flush()
  expect(here.server.count('POST /api/events')).toBe(2)
  expect(here.server.events.size).toBe(MAX_EVENTS + 1)
})

test.each([
  ['the network is gone', die, 'offline'],
  ['a captive portal answers', () => html(), 'offline'],
  ['a captive portal refuses in its own way', () => html(511), 'offline'],
  ['the answer is cut off', cutShort, 'offline'],
  ['the server is ill', () => problem(503, 'Unavailable'), 'refused'],
  ['the answer is of another shape', () => Response.json({ ok: true }, { status: 202 }), 'bad-input'],
  [
    'the answer only claims to be JSON',
    () => new Response('{', { headers: { 'content-type': 'application/json' } }),
    'bad-input',
  ],
])('when %s, every event still waits, and the next flush delivers each once', async (_, make, code) => {
  await see(5)
  answer('POST /api/events', make)
  await expect(here.tunnel.flush()).rejects.toMatchObject({ name: 'AppError', code })
  expect(await waiting()).toBe(5)
  await here.tunnel.flush()
  expect(await waiting()).toBe(0)
  expect(here.server.events.size).toBe(5)
})

test('an acknowledgement that is lost on its way leads to a second upload, and to no second event', async () => {
  await see(5)
  await here.tunnel.identify()
  here.server.after = () => die()
  await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'offline' })
  here.server.after = (_, __, response) => response
  await here.tunnel.flush()
  expect(here.server.count('POST /api/events')).toBe(2)
  expect(here.server.events.size).toBe(5)
  expect(await waiting()).toBe(0)
})

test('what is tracked during an upload is not deleted with it', async () => {
  await see(3)
  here.server.before = async (method, path) => {
    if (`${method} ${path}` === 'POST /api/events') await see(2)
    return undefined
  }
  await here.tunnel.flush()
  expect(here.server.events.size).toBe(3)
  expect(await waiting()).toBe(2)
})
