/** Databases of other versions of this app: earlier ones are taken over with all that is in them, later ones are left alone. */
import { Dexie } from 'dexie'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { hashes, rank, stage, status } from '../../testing/stage.ts'
import { batchesFor } from '../../testing/world.ts'
import { openDb } from './db.ts'
import { DB_NAME } from './names.ts'
import type { StateKey } from './state.ts'
import { type Db, versions } from './tables.ts'

const here = stage()
const { disk, offline, online, read, start } = here

type Rows = Record<string, Record<string, unknown>[]>

const rowsOf = async (db: Db, tables: readonly string[]): Promise<Rows> =>
  Object.fromEntries(
    await Promise.all(tables.map(async (name) => [name, await db.table(name).toArray()] as const)),
  )
const without = (row: Record<string, unknown>, ...names: string[]) =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))

/** What each earlier version would have stored of the same days: made of what this one has. */
const earlier: Record<number, (rows: Rows) => Rows> = {
  1: (rows) => {
    const known: readonly StateKey[] = ['identity', 'counters', 'pulled', 'silentUntil', 'cutUpTo']
    const { M, M0 } = Object.fromEntries(rows.models!.map((row) => [row.slot as string, row]))
    return {
      ...without(rows, 'rows', 'delivered', 'reports'),
      // A round was at work when the app was closed for the last time.
      models: [M!, M0!, { ...without(M!, 'training'), slot: 'Mbuf', base: M!.sha256 }],
      blobs: rows.blobs!.flatMap((row) => (row.slot === 'M0' ? [row, { ...row, slot: 'Mbuf' }] : [row])),
      journal: rows.journal!.map((row) => without(row, 'resumed', 'fellBack')),
      state: rows.state!.filter(({ key }) => known.includes(key as StateKey)),
    } as Rows
  },
  2: (rows) =>
    ({
      ...without(rows, 'delivered', 'reports'),
      state: rows.state!.filter(({ key }) => key !== 'trusted'),
    }) as Rows,
}

test('each earlier version is tried below', () => {
  expect(Object.keys(earlier).map(Number)).toEqual(versions.slice(1).map((_, i) => i + 1))
})

test.each(Object.entries(earlier))(
  'a database of version %s is taken over with all that is in it, and the device goes on',
  async (upTo, shape) => {
    // Two days of use; the second one's batches are not yet filtered, and something waits to be sent.
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    const feed = await rank(device)
    await device.stop()
    const now = disk()
    await now.open()
    const tables = now.tables.map(({ name }) => name)
    const [event] = await now.history.toArray()
    await now.outbox.put({ ...event!, id: event!.id.replace(/.$/, (last) => (last === '0' ? '1' : '0')) })
    const before = shape(await rowsOf(now, tables))
    now.close()

    here.storage = { ...here.storage, indexedDB: new IDBFactory() }
    const past = openDb({ name: DB_NAME, indexedDB: here.storage.indexedDB, IDBKeyRange }, Number(upTo))
    await past.open()
    expect(past.verno).toBe(Number(upTo))
    for (const [name, rows] of Object.entries(before)) await past.table(name).bulkAdd(rows)
    past.close()

    const upgraded = disk()
    await upgraded.open()
    expect(upgraded.verno).toBe(versions.length)
    expect(await rowsOf(upgraded, Object.keys(before))).toEqual(before)
    upgraded.close()

    // Offline, so that nothing is sent before it was looked at.
    offline()
    const again = await start()
    expect(await rank(again)).toEqual(feed)
    const { rounds, events, samples } = await status(again)
    expect(rounds).toHaveLength(1)
    expect([events.waiting, samples.clicks]).toEqual([1, 10])
    online()
    here.clock.move(DAY_MS)
    here.server.day++
    here.server.batches = batchesFor(here.world, { count: 4, kindred: 2, seed: 9 })
    await again.contact()
    const later = await status(again)
    expect(later.rounds[0]!.outcome).toMatch(/committed|kept/)
    expect(later.rounds).toHaveLength(2)
    expect(later.events.waiting).toBe(0)
    expect(Object.keys(hashes(later)).sort()).toEqual(['M', 'M0'])
  },
  60_000,
)

test('a database of a newer version is told as such, and nothing in it is touched', async () => {
  const { indexedDB } = here.storage as unknown as { indexedDB: IDBFactory }
  const opened = (version?: number, make?: (db: IDBDatabase) => void) =>
    new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(DB_NAME, version)
      request.onupgradeneeded = () => make?.(request.result)
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  const version = (versions.length + 1) * 10
  const newer = await opened(version, (db) => {
    const store = db.createObjectStore('state', { keyPath: 'key' })
    store.put({ key: 'identity', value: 'in a form of its own' })
    db.createObjectStore('unheard-of')
  })
  newer.close()

  const device = await start()
  await expect(device.status(null)).rejects.toMatchObject({ code: 'version' })
  await expect(device.track({ events: [{ type: 'behaviour', name: 'scroll' }] })).rejects.toMatchObject({
    code: 'version',
  })
  await device.stop()

  const after = await opened()
  expect(after.version).toBe(version)
  expect([...after.objectStoreNames]).toEqual(['state', 'unheard-of'])
  const rows = await new Promise((resolve) => {
    const all = after.transaction('state').objectStore('state').getAll()
    all.onsuccess = () => resolve(all.result)
  })
  expect(rows).toEqual([{ key: 'identity', value: 'in a form of its own' }])
  after.close()
})

test('what is written is told to no other tab or thread', async () => {
  // As Dexie makes them, to see that somebody would hear of it.
  const theirs = new Dexie('theirs', { indexedDB: here.storage.indexedDB, IDBKeyRange })
  theirs.version(1).stores({ state: 'key' })
  const ours = disk()
  const told: unknown[] = []
  const hear = (parts: unknown) => void told.push(parts)
  const heardOf = async (db: Dexie): Promise<number> => {
    // That a database was made is always told.
    await db.open()
    Dexie.on('storagemutated', hear)
    await db.table('state').put({ key: 'cutUpTo', value: 'e' })
    Dexie.on.storagemutated.unsubscribe(hear)
    db.close()
    return told.length
  }
  expect(await heardOf(ours)).toBe(0)
  expect(await heardOf(theirs)).toBe(1)
})
