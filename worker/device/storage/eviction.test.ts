/** What a browser takes away under storage pressure: one table, or all of them, while the device runs or between two visits. */
import { IDBKeyRange } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHeadlessStorage, type HeadlessStorage, headlessPlatform } from '../../headless.ts'
import { builtTasks } from '../../testing/built.ts'
import { BRIEF } from '../../testing/stage.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { batchesFor, createWorld, FakeServer, key, NOON, type World } from '../../testing/world.ts'
import { createDevice, type Device } from '../device.ts'
import { openDb } from './db.ts'
import { DB_NAME } from './names.ts'

let world: World
let server: FakeServer
let clock: ReturnType<typeof handClock>
let storage: HeadlessStorage
let device: Device
beforeEach(async () => {
  world = await createWorld(BRIEF)
  server = new FakeServer(world, builtTasks)
  server.batches = batchesFor(world, { count: 4, kindred: 2 })
  clock = handClock(NOON)
  storage = createHeadlessStorage()
  await start()
  await device.contact()
  const items = Array.from({ length: 60 }, (_, i) => (i * 7) % 60)
  await device.track({ events: items.map((n) => ({ type: 'exposure', item: key(n) })) })
  await device.track({
    events: items.filter((n) => n % 6 === 2).map((n) => ({ type: 'click', item: key(n) })),
  })
  await device.contact()
  expect((await device.status(null)).rounds[0]).toMatchObject({ outcome: 'committed' })
})
afterEach(() => device.stop())

async function start(): Promise<void> {
  device = createDevice(
    headlessPlatform({
      server: 'http://server',
      fetch: server.fetch as typeof fetch,
      engine: 'plain',
      seed: 1,
      timers: false,
      clock,
      storage,
    }),
  )
  await device.start()
}
const disk = () => openDb({ name: DB_NAME, indexedDB: storage.indexedDB, IDBKeyRange })
const tables = freshDb().tables.map(({ name }) => name)

async function empty(name: string): Promise<void> {
  const db = disk()
  await db.table(name).clear()
  db.close()
}
async function remove(): Promise<void> {
  const db = disk()
  await db.delete()
}

/** The next visit: the user sees and opens one more item, and the device ranks and has sent everything. */
async function works(): Promise<void> {
  // Where the models went while the device ran, the first ranking notices, and the next contact brings them anew.
  await device.rank({ items: [key(1)] }).catch(({ code }) => expect(code).toMatch(/not-ready|bad-artifact/))
  await device.contact()
  await device.track({
    events: [
      { type: 'exposure', item: key(1) },
      { type: 'click', item: key(1) },
    ],
  })
  await device.contact()
  const { ranked } = await device.rank({ items: [key(1), key(2), key(3)] })
  expect(ranked).toHaveLength(3)
  const now = await device.status(null)
  expect(now).toMatchObject({ failure: null, events: { waiting: 0 }, task: { name: 'toy' } })
  expect(now.models.find(({ slot }) => slot === 'M0')?.sha256).toBe(world.manifest.model.sha256)
  expect([...server.events.values()].at(-1)).toMatchObject({ type: 'click', item: key(1) })
  await device.train(null)
  expect((await device.status(null)).rounds[0]!.failure).toBeUndefined()
}

describe.each([
  ...tables.map((name) => [`the table ${name}`, () => empty(name)] as const),
  ['everything', remove] as const,
])('%s is gone', (_, take) => {
  test('while the device runs: it goes on', async () => {
    await take()
    await works()
  })

  test('when the device starts again: it goes on', async () => {
    await device.stop()
    await take()
    await start()
    await works()
  })
})

test('with the models gone and no network, ranking says that there is none, and tracking goes on', async () => {
  await empty('models')
  server.before = () => {
    throw new TypeError('fetch failed')
  }
  await expect(device.rank({ items: [key(1)] })).rejects.toMatchObject({ code: 'not-ready' })
  await device.track({ events: [{ type: 'exposure', item: key(1) }] })
  server.before = () => undefined
  await works()
})
