/** Forgetting a user: here, on the server, and while a round is under way. */
import { describe, expect, test } from 'vitest'
import { hashes, rank, stage, status } from '../testing/stage.ts'
import { key } from '../testing/world.ts'
import { deferred } from './turns.ts'

const here = stage()
const { disk, offline, read, start } = here

describe('forgetting', () => {
  test('everything goes, here and on the server, and the device starts anew', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    const { device: name, events } = await status(device)
    expect(await device.forget(null)).toEqual({
      server: { events: events.delivered, samples: 0, mappings: 0 },
    })
    expect(here.server.events.size).toBe(0)
    await device.contact()
    const now = await status(device)
    expect(now).toMatchObject({
      events: { waiting: 0, delivered: 0 },
      samples: { local: 0, clicks: 0, matched: 0, filtered: 0 },
      rounds: [],
    })
    expect(now.device).not.toBe(name)
    expect(hashes(now).M).toBe(here.world.manifest.model.sha256)
    expect(await rank(device)).toHaveLength(60)
  })

  test('offline everything goes here, and the answer says that the server could not be told', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    offline()
    expect(await device.forget(null)).toEqual({ server: null })
    const db = disk()
    expect(await Promise.all(db.tables.map((table) => table.count()))).toEqual(db.tables.map(() => 0))
    db.close()
    await expect(device.rank({ items: [key(0)] })).rejects.toMatchObject({ code: 'not-ready' })
  })

  test('a round under way is ended first, and brings nothing back', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    const training = deferred<void>()
    device.onStatus(({ run }) => run.phase === 'training' && training.resolve())
    const round = device.train(null).catch((error) => error)
    await training.promise
    offline()
    await device.forget(null)
    expect(await round).toMatchObject({ code: 'cancelled' })
    const db = disk()
    expect(await db.models.count()).toBe(0)
    expect(await db.journal.count()).toBe(0)
    db.close()
  })
})
