import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { MAX_EVENTS } from '../../shared/limits.ts'
import { record } from '../device/samples/history.ts'
import { openDb } from '../device/storage/db.ts'
import { CONTACT_LOCK, DB_NAME } from '../device/storage/names.ts'
import { getState, putState } from '../device/storage/state.ts'
import { type Db, versions } from '../device/storage/tables.ts'
import { createTunnel } from '../device/tunnel/tunnel.ts'
import { createLocks } from '../locks.ts'
import type { Locks } from '../platform.ts'
import { handClock } from '../testing/storage.ts'
import { FakeServer, html, NOON, problem } from '../testing/world.ts'
import { KNOWN_VERSION, syncOutbox } from './sync.ts'

let disk: IDBFactory
let server: FakeServer
let locks: Locks
let clock: ReturnType<typeof handClock>

beforeEach(begin)
function begin() {
  disk = new IDBFactory()
  server = new FakeServer()
  locks = createLocks()
  clock = handClock(NOON)
}

const sync = () =>
  syncOutbox({ indexedDB: disk, IDBKeyRange, locks, fetch: server.fetch, now: clock.now, share: () => 0 })

/** A page comes by, and goes. */
async function page<T>(visit: (db: Db) => Promise<T>): Promise<T> {
  const db = openDb({ name: DB_NAME, indexedDB: disk, IDBKeyRange })
  try {
    return await visit(db)
  } finally {
    db.close()
  }
}
const tunnelOf = (db: Db) =>
  createTunnel({ db, fetch: server.fetch, locks, clock, after: () => () => {}, seed: () => 0 })
const register = (db: Db) => tunnelOf(db).identify()
const see = (db: Db, count: number) =>
  record(
    db,
    clock,
    Array.from({ length: count }, (_, i) => ({ type: 'exposure', item: `item-${i % 60}` })),
  )
/** A registered device on which `count` events wait. */
const left = (count: number) =>
  page(async (db) => {
    await register(db)
    if (count > 0) await see(db, count)
    return (await db.outbox.toArray()).map(({ id }) => id)
  })
const waiting = () => page((db) => db.outbox.count())

it('knows the database as it is: whoever makes another version of it looks at this, too', () => {
  expect(KNOWN_VERSION).toBe(versions.length)
})

describe('with no page open', () => {
  it('what waits arrives once, is deleted, and is counted as the page would', async () => {
    const ids = await left(30)
    await sync()
    expect([...server.events.keys()].sort()).toEqual(ids.sort())
    expect(await waiting()).toBe(0)
    const counters = await page((db) => getState(db, 'counters'))
    expect(counters!.delivered).toBe(30)
    expect(counters!.traffic!.events!.up).toBe(counters!.up - counters!.traffic!.other!.up)
    expect(counters!.traffic!.events!.up).toBeGreaterThan(0)
  })

  it('many go in uploads of at most MAX_EVENTS', async () => {
    await left(MAX_EVENTS + 1)
    await sync()
    expect(server.count('POST /api/events')).toBe(2)
    expect(server.events.size).toBe(MAX_EVENTS + 1)
  })

  it('nothing is asked of the server where nothing waits', async () => {
    await left(0)
    const before = server.requests.length
    await sync()
    expect(server.requests.length).toBe(before)
  })

  it('a browser that has never seen the app is left as it was', async () => {
    await sync()
    expect(await disk.databases()).toEqual([])
    expect(server.requests).toEqual([])
  })

  it('a device that is not registered waits for its page', async () => {
    await page((db) => see(db, 3))
    await sync()
    expect(server.requests).toEqual([])
    expect(await waiting()).toBe(3)
  })

  it('a database of a newer version is left alone', async () => {
    await left(3)
    const request = disk.open(DB_NAME, (versions.length + 1) * 10)
    await new Promise((done) => {
      request.onsuccess = done
    })
    request.result.close()
    await sync()
    expect(server.events.size).toBe(0)
  })
})

describe('when it does not go well', () => {
  const die = () => {
    throw new TypeError('fetch failed')
  }
  it.each([
    ['the network is gone again', die],
    ['a captive portal answers', () => html()],
    ['the server is ill', () => problem(503, 'Unavailable')],
    ['the answer is of another shape', () => Response.json({ ok: true }, { status: 202 })],
  ])(
    '%s: every event still waits, the browser hears that it should try again, and then each arrives once',
    async (_, answer) => {
      await left(5)
      server.before = (_, path) => (path === '/api/events' ? answer() : undefined)
      await expect(sync()).rejects.toThrow()
      expect(await waiting()).toBe(5)
      server.before = () => undefined
      await sync()
      expect([await waiting(), server.events.size]).toEqual([0, 5])
    },
  )

  it('a server that does not know the device is left to the page: another try would end the same way', async () => {
    await left(5)
    server.devices.clear()
    await sync()
    expect(await waiting()).toBe(5)
    expect(server.count('POST /api/devices')).toBe(1)
  })

  it('a server that wants to be left alone is, by the page as well', async () => {
    await left(5)
    server.before = () => problem(429, 'Too many', { 'retry-after': '60' })
    await expect(sync()).rejects.toThrow('429')
    server.before = () => undefined
    await expect(sync()).rejects.toThrow('left alone')
    await page((db) => expect(tunnelOf(db).flush()).rejects.toMatchObject({ code: 'refused' }))
    expect(server.count('POST /api/events')).toBe(1)
    clock.move(61_000)
    await sync()
    expect([await waiting(), server.events.size]).toEqual([0, 5])
  })
})

describe('beside pages', () => {
  it('it waits for the one that contacts the server', async () => {
    await left(5)
    let go = () => {}
    const held = new Promise<void>((done) => {
      go = done
    })
    const tab = locks.request(CONTACT_LOCK, {}, () => held)
    const synced = sync()
    await new Promise((resolve) => setTimeout(resolve))
    expect(server.count('POST /api/events')).toBe(0)
    go()
    await Promise.all([tab, synced])
    expect(server.events.size).toBe(5)
  })

  it('whatever arrives, is cut off or comes in between, each event arrives and is counted once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('see', 'sync', 'flush', 'sync and flush', 'lose an answer'), {
          maxLength: 12,
        }),
        async (steps) => {
          begin()
          await left(0)
          await page(async (db) => {
            const tunnel = tunnelOf(db)
            // As tabs do: under the lock.
            const flush = () => locks.request(CONTACT_LOCK, {}, () => tunnel.flush())
            for (const step of steps) {
              if (step === 'see') await see(db, 3)
              if (step === 'lose an answer') server.after = () => Promise.reject(new TypeError('cut'))
              const works = [step.includes('sync') && sync(), step.includes('flush') && flush()]
              await Promise.allSettled(works)
              if (step !== 'lose an answer' && step !== 'see') server.after = (_, __, response) => response
            }
            server.after = (_, __, response) => response
            await sync()
            const seen = 3 * steps.filter((step) => step === 'see').length
            expect(await db.outbox.count()).toBe(0)
            expect(server.events.size).toBe(seen)
            expect((await getState(db, 'counters'))!.delivered).toBe(seen)
          })
        },
      ),
      { numRuns: 30, seed: 7 },
    )
  })
})

it('counts on top of what a page has counted meanwhile', async () => {
  await left(2)
  server.after = async (_, __, response) => {
    await page((db) => putState(db, 'counters', { delivered: 40, down: 0, up: 0 }))
    return response
  }
  await sync()
  expect((await page((db) => getState(db, 'counters')))!.delivered).toBe(42)
})
