/** What a device says of its model: why items stand where they do, how their order has changed, what a round was like. */
import { describe, expect, test } from 'vitest'
import { stage, status } from '../../testing/stage.ts'
import { key } from '../../testing/world.ts'

const here = stage()
const { read, start } = here
const items = Array.from({ length: 12 }, (_, i) => key(i * 5))

describe('a device that has learnt', () => {
  test('says why, of the model that serves, the newest click first; and compares its order with the delivered one’s', async () => {
    const device = await start()
    await device.contact()
    const before = await device.compare({ items })
    expect(before).toMatchObject({ delivered: null, serving: { sha256: here.world.manifest.model.sha256 } })

    await read(device, 10)
    await device.contact()
    const serving = (await status(device)).serving!
    const [why, order, ranked] = [
      await device.why({ items }),
      await device.compare({ items }),
      await device.rank({ items }),
    ]
    expect([why.serving, order.serving]).toEqual([serving, serving])
    expect(order.now).toEqual(ranked.ranked)
    expect(order.delivered!.map(({ item }) => item).sort()).toEqual([...items].sort())
    expect(order.delivered).not.toEqual(order.now)
    expect(why.items.map(({ item }) => item)).toEqual(items)
    for (const { item, score, clicks } of why.items) {
      expect(score).toBe(ranked.ranked.find((one) => one.item === item)!.score)
      expect(clicks).toHaveLength(10)
      expect(clicks[0]!.item, 'the last of those that were read').toBe(key((9 * 42 + 14) % 60))
    }
  })

  test('after a rollback there is nothing to compare', async () => {
    const device = await start()
    await read(device, 10)
    await device.contact()
    await device.rollback(null)
    expect((await device.compare({ items })).delivered).toBeNull()
  })

  test('an item that the catalogue lacks is refused', async () => {
    const device = await start()
    await device.contact()
    await expect(device.why({ items: ['new'] })).rejects.toMatchObject({ code: 'bad-input' })
    await expect(device.compare({ items: ['new'] })).rejects.toMatchObject({ code: 'bad-input' })
  })

  test('a round tells its course, from before it to what was kept, and what borrowed samples were unlike in', async () => {
    const device = await start()
    await read(device, 10)
    await device.contact()
    const { rounds, traffic, bytes } = await status(device)
    const { course, before, after, stepsKept, differences } = rounds[0]!
    expect(course![0]).toMatchObject({ step: 0, auc: before })
    expect(course!.at(-1)!.auc).toBe(after)
    expect(course).toHaveLength(stepsKept + 1)
    expect(differences!.map(({ of, name }) => `${of} ${name}`)).toContain('opened c')
    const kinds = Object.values(traffic)
    expect(kinds.reduce((sum, { down }) => sum + down, 0)).toBe(bytes.down)
    expect(kinds.reduce((sum, { up }) => sum + up, 0)).toBe(bytes.up)
    expect(traffic.samples!.down, 'the batches, and their list').toBeGreaterThan(rounds[0]!.bytes)
  })
})
