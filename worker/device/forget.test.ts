/** Forgetting a user: here, on the server, and while a round is under way. */
import { describe, expect, test } from 'vitest'
import { hashes, rank, stage, status } from '../testing/stage.ts'
import { key } from '../testing/world.ts'
import { deferred } from '../turns.ts'

const here = stage()
const { disk, offline, online, read, start } = here

describe('forgetting', () => {
  test('everything goes, here and on the server, and the device starts anew', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    const { device: name, events, samples } = await status(device)
    expect(await device.forget(null)).toEqual({
      here: { events: events.delivered, samples: samples.local, models: 2, rounds: 1 },
      server: { events: events.delivered, samples: 0, mappings: 0 },
      owed: false,
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

  test('who does not share does not share as anybody new either', async () => {
    const device = await start()
    await device.contact()
    await device.share({ on: false })
    expect(await status(device)).toMatchObject({ sharing: { on: false } })
    await device.contact()
    expect(await status(device)).toMatchObject({ sharing: { on: false, told: true } })
    await device.forget(null)
    expect(await status(device)).toMatchObject({ sharing: { on: false, told: false } })
    await device.contact()
    expect(await status(device)).toMatchObject({ sharing: { on: false, told: true } })
    expect([...here.server.sharing.values()]).toEqual([false, false])
  })

  test('offline everything goes here, and the answer says that the server could not be told', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    offline()
    expect(await device.forget(null)).toMatchObject({ server: null, owed: true })
    const db = disk()
    const left = await Promise.all(db.tables.map(async (table) => [table.name, await table.count()] as const))
    expect(left.filter(([, count]) => count > 0)).toEqual([['state', 1]])
    expect(await db.state.toCollection().primaryKeys()).toEqual(['owed'])
    db.close()
    await expect(device.rank({ items: [key(0)] })).rejects.toMatchObject({ code: 'not-ready' })
  })

  test('what the server could not be told, it is told first of all when it can be reached, for each name', async () => {
    const device = await start()
    for (const clicks of [2, 3]) {
      online()
      await device.contact()
      await read(device, clicks)
      await device.flush(null)
      expect(here.server.events.size).toBeGreaterThan(0)
      offline()
      expect(await device.forget(null)).toMatchObject({ owed: true })
    }
    here.server.requests.length = 0
    online()
    await device.contact()
    expect(here.server.requests[0]).toBe('DELETE /api/me')
    expect(here.server.events.size).toBe(0)
    expect((await status(device)).device).toBe('device-3')
  })

  test('what has never been anyone to the server owes it nothing', async () => {
    offline()
    const device = await start()
    await read(device, 1)
    expect(await device.forget(null)).toMatchObject({ server: null, owed: false })
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
