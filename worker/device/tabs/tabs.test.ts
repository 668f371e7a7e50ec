/** Several tabs on one storage. */
import { describe, expect, test } from 'vitest'
import { LEARNING, rank, stage, status } from '../../testing/stage.ts'
import { createWorld, key } from '../../testing/world.ts'

const here = stage()
const { read, start } = here

describe('two tabs on one storage', () => {
  test('are one device with one set of samples, and only one of them runs the round', async () => {
    const a = await start()
    await a.contact()
    const b = await start()
    await b.contact()
    expect((await status(a)).device).toBe((await status(b)).device)
    await read(a, 5)
    await read(b, 5)
    await Promise.all([a.contact(), b.contact()])
    const now = await status(a)
    expect(now.samples.clicks).toBe(10)
    expect(now.rounds.filter(({ outcome }) => outcome === 'committed')).toHaveLength(1)
    expect(now.rounds).toHaveLength(1)
    expect(now.events.delivered).toBe(here.server.events.size)
    expect(await rank(b)).toEqual(await rank(a))
  })

  test('one that lags behind takes up the task that the other has received', async () => {
    const a = await start()
    await a.contact()
    const b = await start()
    await b.contact()
    here.server.world = await createWorld({ ...LEARNING, version: 2 })
    here.clock.move(60_000)
    await a.contact()
    expect((await b.rank({ items: [key(1)] })).serving.version).toBe(2)
  })
})
