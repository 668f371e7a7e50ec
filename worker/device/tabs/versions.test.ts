/** Tabs of different versions of the app on one database: they agree, or one waits, and a round is never cut. */
import { Dexie } from 'dexie'
import { IDBKeyRange } from 'fake-indexeddb'
import { expect, test } from 'vitest'
import type { DeviceApi, Status } from '../../../shared/protocol.ts'
import { rank, stage, status } from '../../testing/stage.ts'
import { key } from '../../testing/world.ts'
import { createDevice } from '../device.ts'
import { DB_NAME } from '../storage/names.ts'
import { versions } from '../storage/tables.ts'

const here = stage()
const { read, start } = here

const until = (device: DeviceApi, kind: (status: Status) => boolean) =>
  new Promise<Status>((resolve) => {
    device.onStatus((status) => kind(status) && resolve(status))
  })

/** The database as an app opens it whose newest version is `version`. */
function databaseOf(version: number): Dexie {
  const { indexedDB } = here.storage
  const db = new Dexie(DB_NAME, { indexedDB, IDBKeyRange, cache: 'disabled' })
  db.on('blocked', () => false) // Dexie would write it to the console
  versions.forEach((stores, i) => {
    if (i < version) db.version(i + 1).stores(stores)
  })
  if (version > versions.length) db.version(version).stores({ newer: 'id' })
  return db
}
const newer = () => databaseOf(versions.length + 1)

test('a newer app gets the database at once; the older tab ends, says so, and keeps nothing back', async () => {
  const old = await start()
  await old.contact()
  await old.track({ events: [{ type: 'exposure', item: key(1) }] })
  const told = until(old, ({ failure }) => failure?.code === 'version')
  const db = await newer().open()
  expect(await told).toMatchObject({ leads: false, run: { phase: 'idle' } })
  expect((await told).failure!.message).toMatch(/reload/)
  await expect(rank(old)).rejects.toMatchObject({ code: 'version' })
  await expect(old.track({ events: [{ type: 'exposure', item: key(2) }] })).rejects.toMatchObject({
    code: 'version',
  })
  expect((await db.table('history').toArray()).map(({ item }) => item)).toEqual([key(1)])
  db.close()
})

test('a page that still waits for its first feed hears of it, too', async () => {
  here.offline()
  const old = await start()
  const feed = old.catalogue(null).catch((error) => error)
  const db = await newer().open()
  expect(await feed).toMatchObject({ code: 'version' })
  db.close()
})

test('it waits until the round of an older tab is over', async () => {
  const old = await start()
  await old.contact()
  await read(old, 10)
  const order: string[] = []
  old.onStatus(({ run }) => order.at(-1) === run.phase || order.push(run.phase))
  const round = old.contact()
  await until(old, ({ run }) => run.phase === 'training')
  const opened = newer()
    .open()
    .then((db) => {
      order.push('opened')
      return db
    })
  await round
  const db = await opened
  expect(order.slice(-3)).toEqual(['committing', 'idle', 'opened'])
  const journal = await db.table('journal').toArray()
  expect(journal.map(({ outcome }) => outcome)).toEqual(['committed'])
  db.close()
})

test('an app that has to wait for an older tab says so, and goes on by itself when that has let go', async () => {
  const older = databaseOf(1)
  older.on('versionchange', () => false) // it does not let go yet
  await older.open()
  const device = createDevice(here.platform())
  const waits = until(device, ({ failure }) => failure?.code === 'version')
  const started = device.start()
  expect((await waits).failure!.message).toMatch(/another tab/)
  older.close()
  await started
  await device.contact()
  expect((await status(device)).failure).toBeNull()
  expect(await rank(device)).toHaveLength(60)
  await device.stop()
})

test('an app that is older than the database leaves it alone', async () => {
  const db = await newer().open()
  db.close()
  const device = await start()
  await expect(status(device)).rejects.toMatchObject({ code: 'version' })
  await expect(device.track({ events: [{ type: 'exposure', item: key(1) }] })).rejects.toMatchObject({
    code: 'version',
  })
  expect(await until(device, ({ failure }) => failure?.code === 'version')).toMatchObject({ models: [] })
})
