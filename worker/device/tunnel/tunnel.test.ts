import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { MAX_EVENTS } from '../../../shared/event.ts'
import { toFailure } from '../../../shared/failure.ts'
import { sha256 as hash, reprDigest } from '../../../shared/hash.ts'
import { dataBytes } from '../../../shared/task.ts'
import { createLocks } from '../../locks.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { batchesFor, createWorld, FakeServer, html, NOON, problem, type World } from '../../testing/world.ts'
import { deferred } from '../../turns.ts'
import { record } from '../samples/history.ts'
import { getState, putState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import { createTunnel, type Tunnel } from './tunnel.ts'

let db: Db
let clock: ReturnType<typeof handClock>
let world: World
let server: FakeServer
let tunnel: Tunnel
/** What the tunnel has set to happen later. */
const timers = new Set<{ ms: number; work: () => void }>()
let seed = 0

beforeEach(async () => {
  db = freshDb()
  clock = handClock(NOON)
  world = await createWorld()
  server = new FakeServer(world)
  timers.clear()
  seed = 0
  tunnel = makeTunnel()
})
afterEach(() => db.close())

const makeTunnel = () =>
  createTunnel({
    db,
    fetch: (path, init) => server.fetch(path, init),
    locks: createLocks(),
    clock,
    after(ms, work) {
      const timer = { ms, work }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    seed: () => seed,
  })

const see = (count: number) =>
  record(
    db,
    clock,
    Array.from({ length: count }, (_, i) => ({ type: 'exposure', item: `item-${i % 60}` })),
  )
const waiting = () => db.outbox.count()
/** The next `times` answers to `request` are these; the others are the server's own. */
function answer(request: string, make: () => Response, times = 1) {
  let left = times
  server.before = (method, path) =>
    `${method} ${path}`.startsWith(request) && left-- > 0 ? make() : undefined
}
const die = (): Response => {
  throw new TypeError('fetch failed')
}
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

/** Begins as JSON, and never ends. */
const dripping = (): Response =>
  new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(3)) }), {
    headers: { 'content-type': 'application/json' },
  })

describe('a credential', () => {
  const MONTH = 30 * DAY_MS
  const identity = () => getState(db, 'identity')

  test('is replaced when it is a month old, and the device stays the same', async () => {
    const first = await tunnel.identify()
    await tunnel.renew()
    clock.move(MONTH - 1)
    await tunnel.renew()
    expect(server.count('POST /api/me/credential')).toBe(0)
    clock.move(1)
    await Promise.all([tunnel.renew(), tunnel.renew()])
    expect(server.count('POST /api/me/credential')).toBe(1)
    const second = await identity()
    expect(second?.device).toBe(first.device)
    expect(second?.credential).not.toBe(first.credential)
    await see(1)
    await tunnel.flush()
    expect(server.count('POST /api/devices')).toBe(1)
  })

  test('stays where no answer came, and is replaced at the next contact', async () => {
    const first = await tunnel.identify()
    clock.move(MONTH)
    server.after = () => die()
    await expect(tunnel.renew()).rejects.toMatchObject({ code: 'offline' })
    expect(await identity()).toEqual(first)
    server.after = (_, __, response) => response
    await tunnel.renew()
    expect((await identity())?.credential).not.toBe(first.credential)
  })

  test('of a server that knows of no other stays for a month more', async () => {
    const first = await tunnel.identify()
    clock.move(MONTH)
    answer('POST /api/me/credential', () => problem(404, 'Not Found'))
    await tunnel.renew()
    await tunnel.renew()
    expect(await identity()).toEqual(first)
    expect(server.count('POST /api/me/credential')).toBe(1)
  })

  test('of a device that is forgotten while it is renewed does not come back', async () => {
    await tunnel.identify()
    clock.move(MONTH)
    server.after = async (_, __, response) => {
      await db.state.clear()
      return response
    }
    await tunnel.renew()
    expect(await identity()).toBeUndefined()
  })

  test('of an older version of this device begins to age now', async () => {
    const first = await tunnel.identify()
    await db.state.delete('renewed')
    await tunnel.renew()
    expect(await identity()).toEqual(first)
    expect(await getState(db, 'renewed')).toBe(clock.now())
    expect(server.count('POST /api/me/credential')).toBe(0)
  })
})

describe('what the user has said about sharing', () => {
  const told = () => [...server.sharing.values()]
  const say = (on: boolean) => putState(db, 'sharing', { on, told: false })

  test('is nothing at first, and nothing is said', async () => {
    await tunnel.identify()
    await tunnel.tellSharing()
    expect(told()).toEqual([])
    expect(server.requests).toEqual(['POST /api/devices'])
  })

  test('goes with the registration where it was said before, and else at the next contact; once', async () => {
    await say(false)
    await tunnel.identify()
    expect(told()).toEqual([false])
    await tunnel.tellSharing()
    expect(server.requests).toEqual(['POST /api/devices'])
    await say(true)
    await tunnel.tellSharing()
    await tunnel.tellSharing()
    expect(told()).toEqual([true])
    expect(server.count('PUT /api/me/consent')).toBe(1)
  })

  test('is said again where no answer came, and where it changed on the way', async () => {
    await tunnel.identify()
    await say(false)
    server.after = () => die()
    await expect(tunnel.tellSharing()).rejects.toMatchObject({ code: 'offline' })
    expect(await getState(db, 'sharing')).toEqual({ on: false, told: false })
    server.after = async (_, __, response) => {
      await say(true)
      return response
    }
    await tunnel.tellSharing()
    expect(await getState(db, 'sharing')).toEqual({ on: true, told: false })
    server.after = (_, __, response) => response
    await tunnel.tellSharing()
    expect(told()).toEqual([true])
  })

  test('is said to a server that has forgotten the device', async () => {
    await say(false)
    await tunnel.identify()
    server.devices.clear()
    await see(1)
    await tunnel.flush()
    expect(told()).toEqual([false, false])
  })
})

describe('up', () => {
  test('what waits arrives, compressed, and is deleted', async () => {
    await see(30)
    const own = (await db.outbox.toArray()).map(({ id }) => id)
    await tunnel.flush()
    expect([...server.events.keys()].sort()).toEqual(own.sort())
    expect(await waiting()).toBe(0)
    const { delivered, up, traffic } = (await getState(db, 'counters'))!
    expect(delivered).toBe(30)
    expect(traffic?.events?.up).toBeLessThan(30 * 60)
    expect(up, 'registered, too').toBe(traffic!.events!.up + traffic!.other!.up)
  })

  test('without events nothing is sent', async () => {
    await tunnel.flush()
    expect(server.requests).toEqual([])
  })

  test('many leave in uploads of at most MAX_EVENTS', async () => {
    await see(MAX_EVENTS)
    await see(1)
    await tunnel.flush()
    expect(server.count('POST /api/events')).toBe(2)
    expect(server.events.size).toBe(MAX_EVENTS + 1)
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
    await expect(tunnel.flush()).rejects.toMatchObject({ name: 'AppError', code })
    expect(await waiting()).toBe(5)
    await tunnel.flush()
    expect(await waiting()).toBe(0)
    expect(server.events.size).toBe(5)
  })

  test('an acknowledgement that is lost on its way leads to a second upload, and to no second event', async () => {
    await see(5)
    await tunnel.identify()
    server.after = () => die()
    await expect(tunnel.flush()).rejects.toMatchObject({ code: 'offline' })
    server.after = (_, __, response) => response
    await tunnel.flush()
    expect(server.count('POST /api/events')).toBe(2)
    expect(server.events.size).toBe(5)
    expect(await waiting()).toBe(0)
  })

  test('what is tracked during an upload is not deleted with it', async () => {
    await see(3)
    server.before = async (method, path) => {
      if (`${method} ${path}` === 'POST /api/events') await see(2)
      return undefined
    }
    await tunnel.flush()
    expect(server.events.size).toBe(3)
    expect(await waiting()).toBe(2)
  })

  test('a server that has forgotten the device gets it registered anew, and the events once', async () => {
    await see(4)
    await tunnel.identify()
    server.devices.clear()
    await tunnel.flush()
    expect(server.events.size).toBe(4)
    expect((await getState(db, 'identity'))!.device).toBe('device-2')
  })

  test('a device that is refused twice gives up, and loses nothing', async () => {
    await see(4)
    answer('POST /api/events', () => problem(401, 'Unknown device'), 2)
    await expect(tunnel.flush()).rejects.toMatchObject({ code: 'unauthorised' })
    expect(await waiting()).toBe(4)
  })

  test('a server that knows no credential at all is not given a new device at each contact', async () => {
    await see(1)
    answer('POST /api/events', () => problem(401, 'Unknown device'), Number.POSITIVE_INFINITY)
    for (let contact = 0; contact < 9; contact++) {
      await expect(tunnel.flush()).rejects.toMatchObject({ code: 'unauthorised' })
      clock.move(60_000)
    }
    expect(server.count('POST /api/devices')).toBe(2)
    clock.move(60_000)
    await expect(tunnel.flush()).rejects.toMatchObject({ code: 'unauthorised' })
    expect(server.count('POST /api/devices')).toBe(3)
    expect(await waiting()).toBe(1)
  })

  test('a portal that answers a registration does not make an identity', async () => {
    answer('POST /api/devices', () => html())
    await expect(tunnel.identify()).rejects.toMatchObject({ code: 'offline' })
    expect(await getState(db, 'identity')).toBeUndefined()
  })

  test('two that register at once become one device', async () => {
    const [a, b] = await Promise.all([tunnel.identify(), tunnel.identify()])
    expect(a).toEqual(b)
    expect(server.count('POST /api/devices')).toBe(1)
  })

  /** A device that starts again over what is stored. */
  const reloaded = () => {
    tunnel = makeTunnel()
  }

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
  ])(
    'a server that asks for patience (%s) is left alone for that long, reloads included',
    async (_, make) => {
      await see(1)
      answer('POST /api/events', make)
      await expect(tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
      const made = server.requests.length
      reloaded()
      clock.move(119_000)
      await expect(tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
      expect(server.requests.length).toBe(made)
      clock.move(1000)
      await tunnel.flush()
      expect(await waiting()).toBe(0)
    },
  )

  test('devices that were sent away together come back apart: each waits up to a quarter longer', async () => {
    await see(1)
    seed = 2 ** 31
    answer('POST /api/events', () => problem(429, 'Too many', { 'retry-after': '80' }))
    await expect(tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
    clock.move(89_000)
    await expect(tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
    clock.move(1000)
    await tunnel.flush()
    expect(await waiting()).toBe(0)
  })

  test.each([
    ['never ends', '99999999'],
    ['lies back', '0'],
    ['is no time', 'soon'],
  ])('a patience that %s is not had', async (_, value) => {
    await see(1)
    answer('POST /api/events', () => problem(429, 'Too many', { 'retry-after': value }))
    await expect(tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
    await tunnel.flush()
    expect(await waiting()).toBe(0)
  })

  test('a promise from before the clock was put back by a day does not bind', async () => {
    await see(1)
    answer('POST /api/events', () => problem(429, 'Too many', { 'retry-after': '3600' }))
    await expect(tunnel.flush()).rejects.toMatchObject({ code: 'refused' })
    clock.move(-DAY_MS)
    await tunnel.flush()
    expect(await waiting()).toBe(0)
  })

  test('an answer that drips for ever is given up after its time, and every event still waits', async () => {
    await see(2)
    await tunnel.identify()
    const asked = deferred<void>()
    answer('POST /api/events', () => {
      asked.resolve()
      return dripping()
    })
    const sent = tunnel.flush()
    await asked.promise
    expect(timers.size).toBe(1)
    for (const { work } of timers) work()
    await expect(sent).rejects.toMatchObject({ code: 'offline' })
    expect(timers.size).toBe(0)
    expect(await waiting()).toBe(2)
    await tunnel.flush()
    expect(await waiting()).toBe(0)
  })

  test('a caller who stops it gets `cancelled`', async () => {
    await see(1)
    const abort = new AbortController()
    abort.abort()
    const error = await tunnel.flush(abort.signal).catch((error) => error)
    expect(toFailure(error).code).toBe('cancelled')
    expect(await waiting()).toBe(1)
  })
})

describe('down', () => {
  test('the task comes once, and is unchanged after that', async () => {
    const first = await tunnel.task(null)
    const sha256 = await hash(dataBytes(world.manifest))
    expect(first).toEqual({ state: 'new', manifest: world.manifest, etag: '"1"', sha256 })
    expect(await tunnel.task('"1"')).toEqual({ state: 'unchanged' })
    server.world = undefined
    expect(await tunnel.task('"1"')).toEqual({ state: 'none' })
  })

  test('a task of another shape is refused', async () => {
    answer('GET /api/task', () => Response.json({ ...world.manifest, version: 'new' }))
    await expect(tunnel.task(null)).rejects.toMatchObject({ code: 'bad-input', message: /version/ })
  })

  test('an artifact is what was promised', async () => {
    expect(await tunnel.artifact(world.manifest.model)).toEqual(world.model)
  })

  test.each([
    ['truncated', () => new Response(world.model.slice(0, -1)), 'bad-artifact'],
    ['too long', () => new Response(new Uint8Array(world.model.length + 5)), 'bad-artifact'],
    [
      'of the right length with a flipped bit',
      () => new Response(world.model.map((b, i) => (i === 9 ? b ^ 1 : b))),
      'bad-artifact',
    ],
    ['a portal’s page', () => html(), 'offline'],
    ['missing', () => problem(404, 'No such artifact'), 'refused'],
  ])('an artifact that is %s is refused', async (_, make, code) => {
    answer('GET /artifacts', make, 2)
    await expect(tunnel.artifact(world.manifest.model)).rejects.toMatchObject({ code })
  })

  test('a damaged copy in a cache is passed by: the second try is good', async () => {
    answer('GET /artifacts', () => new Response(world.model.slice(0, -1)))
    expect(await tunnel.artifact(world.manifest.model)).toEqual(world.model)
  })

  test('batches decode to their samples, and come again the same', async () => {
    server.batches = batchesFor(world, { count: 2 })
    expect(await tunnel.batches()).toEqual({ day: 100, count: 2, state: 'ready' })
    const { samples, bytes } = await tunnel.batch(world.manifest.schema, 100, 1)
    expect(samples).toHaveLength(25)
    expect(bytes).toBe(server.batches[1]!.length)
    expect(await tunnel.batch(world.manifest.schema, 100, 1)).toEqual({ samples, bytes })
  })

  test.each([
    ['truncated', (bytes: Uint8Array) => bytes.slice(0, bytes.length / 2)],
    ['too long', () => new Uint8Array((256 << 10) + 1)],
    ['noise', () => Uint8Array.from({ length: 300 }, (_, i) => (i * 31) % 256)],
  ])('a batch that is %s is refused', async (_, spoil) => {
    server.batches = batchesFor(world, { count: 1 })
    const spoiled = spoil(server.batches[0]!)
    answer('GET /api/batches/100/0', () => new Response(new Uint8Array(spoiled)))
    await expect(tunnel.batch(world.manifest.schema, 100, 0)).rejects.toMatchObject({
      code: /bad-(input|artifact)/,
    })
  })

  describe('embedding rows', async () => {
    const ids = [0, 1, 7, 99]
    const ask = () => tunnel.rows({ table: 'item', sha256: world.manifest.sliced!.item!, ids }, 8)
    beforeEach(async () => {
      world = await createWorld({ vocabulary: 100 })
      server.world = world
    })

    test('are those of the table, in the order asked for', async () => {
      const { data } = world.weights['embedding.item']!
      expect([...(await ask())!]).toEqual(ids.flatMap((id) => [...data.subarray(id * 8, (id + 1) * 8)]))
    })

    test('of a table that the server has no more are none', async () => {
      answer('POST /api/rows', () => problem(404, 'No such table'))
      expect(await ask()).toBeNull()
    })

    const rows = (bytes: Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
      new Response(bytes, { headers })
    const full = new Uint8Array(4 * 8 * 4)
    const digest = await reprDigest(full)
    const nan = new Uint8Array(Float32Array.from({ length: 32 }, (_, i) => (i === 9 ? Number.NaN : 1)).buffer)
    const nanDigest = await reprDigest(nan)
    test.each([
      ['without a digest', () => rows(full, {}), 'bad-artifact'],
      ['with the digest of something else', () => rows(full, { 'repr-digest': nanDigest }), 'bad-artifact'],
      ['that are too few', () => rows(full.slice(4), { 'repr-digest': digest }), 'bad-artifact'],
      ['that are too many', () => rows(new Uint8Array(129), { 'repr-digest': digest }), 'bad-artifact'],
      ['that are not finite', () => rows(nan, { 'repr-digest': nanDigest }), 'bad-artifact'],
      ['that are a page', () => html(), 'offline'],
      ['that are refused', () => problem(400, 'No such row'), 'refused'],
    ])('%s are none', async (_, make, code) => {
      answer('POST /api/rows', make)
      await expect(ask()).rejects.toMatchObject({ code })
    })

    test('may have other digests beside the one that is checked', async () => {
      answer('POST /api/rows', () => rows(full, { 'repr-digest': `sha-512=:AAAA:, ${digest}` }))
      expect(await ask()).toEqual(new Float32Array(32))
    })
  })

  test('the server erases what it has, and a server that knows nothing is not asked to register', async () => {
    await see(3)
    await tunnel.flush()
    expect(await tunnel.erase()).toEqual({ events: 3, samples: 0, mappings: 0 })
    expect(await tunnel.erase()).toBeNull()
    expect(server.count('POST /api/devices')).toBe(1)
  })
})
