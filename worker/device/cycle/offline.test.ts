/** What a device can do without a network. */
import { describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { rank, stage, status } from '../../testing/stage.ts'
import { key } from '../../testing/world.ts'

const here = stage()
const { offline, online, read, start } = here

describe('without a network', () => {
  test('a device that has been used starts and ranks from what it stored', async () => {
    const first = await start()
    await first.contact()
    await read(first, 10)
    await first.contact()
    const feed = await rank(first)
    const before = await status(first)
    await first.stop()

    offline()
    const second = await start()
    expect((await second.catalogue(null)).items).toHaveLength(60)
    expect(await rank(second)).toEqual(feed)
    expect((await status(second)).serving).toEqual(before.serving)
    expect((await status(second)).rounds).toEqual(before.rounds)
    await expect(second.contact()).rejects.toMatchObject({ code: 'offline' })
    expect(await status(second)).toMatchObject({ online: false, failure: { code: 'offline' } })
  })

  test('a new device waits for its task, and what was tracked meanwhile is not lost', async () => {
    offline()
    const device = await start()
    const catalogue = device.catalogue(null)
    await read(device, 2)
    await expect(device.rank({ items: [key(0)] })).rejects.toMatchObject({ code: 'not-ready' })
    await expect(device.contact()).rejects.toMatchObject({ code: 'offline' })
    expect((await status(device)).waitingFor).toEqual({ reason: 'network' })
    online()
    await device.contact()
    expect((await catalogue).items).toHaveLength(60)
    expect((await status(device)).samples.clicks).toBe(2)
    expect([...here.server.events.values()].filter(({ type }) => type === 'click')).toHaveLength(2)
  })

  test('it can train on what it has', async () => {
    const device = await start()
    await device.contact()
    await read(device, 9)
    await device.train(null)
    here.clock.move(4 * DAY_MS)
    await read(device, 9)
    offline()
    const round = await device.train(null)
    expect(round).toMatchObject({ matched: 0, scored: 0 })
    expect(round.local.training).toBeGreaterThan(0)
    expect(round.outcome).toMatch(/committed|kept/)
  })
})
