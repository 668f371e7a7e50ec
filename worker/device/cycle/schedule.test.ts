/** What the device does by itself, and when. */
import { describe, expect, test } from 'vitest'
import { stage, status } from '../../testing/stage.ts'
import { key } from '../../testing/world.ts'
import type { Device } from '../device.ts'

const here = stage()
const { offline, online, read, start } = here

describe('by itself', () => {
  /** Timers that the test fires. */
  function handTimers() {
    const set = new Map<number, () => void>()
    let heard = (_: number) => {}
    return {
      after(ms: number, work: () => void) {
        set.set(ms, work)
        heard(ms)
        return () => void set.delete(ms)
      },
      waiting: () => [...set.keys()].sort((a, b) => a - b),
      fire(ms: number) {
        const work = set.get(ms)!
        set.delete(ms)
        work()
      },
      /** Done when a timer of `ms` is set. */
      set: (ms: number) =>
        new Promise<void>((resolve) => {
          heard = (other) => other === ms && resolve()
        }),
    }
  }
  const delivered = (device: Device, count: number) =>
    new Promise<void>((resolve) => {
      device.onStatus(({ events }) => events.delivered === count && resolve())
    })

  test('the device sends what was tracked a moment later, and visits the server once a minute', async () => {
    const timers = handTimers()
    const device = await start({ after: timers.after })
    await device.contact()
    expect(timers.waiting()).toEqual([60_000])
    await device.track({ events: [{ type: 'exposure', item: key(1) }] })
    await device.track({ events: [{ type: 'exposure', item: key(2) }] })
    expect(timers.waiting()).toEqual([1500, 60_000])
    timers.fire(1500)
    await delivered(device, 2)
    expect(here.server.count('POST /api/events')).toBe(1)
    here.clock.move(60_000)
    const before = here.server.count('GET /api/task')
    timers.fire(60_000)
    expect(timers.waiting()).toEqual([60_000])
    await device.contact()
    expect(here.server.count('GET /api/task')).toBe(before + 1)
  })

  test('a network that comes back is used at once', async () => {
    let changed = () => {}
    const network = {
      online: () => true,
      onChange(listener: () => void) {
        changed = listener
        return () => {}
      },
    }
    offline()
    const device = await start({ network })
    await device.contact().catch(() => {})
    await device.track({ events: [{ type: 'exposure', item: key(1) }] })
    online()
    changed()
    await delivered(device, 1)
    expect((await status(device)).online).toBe(true)
  })

  test('a server that is still gathering is asked again soon, then more patiently', async () => {
    const timers = handTimers()
    here.server.state = 'too-few-clicks'
    here.server.batches = []
    const device = await start({ after: timers.after })
    await device.contact()
    await read(device, 10)
    const soon = timers.set(5_000)
    timers.fire(1500)
    await soon
    const later = timers.set(10_000)
    timers.fire(5_000)
    await later
    expect(timers.waiting()).toEqual([10_000, 60_000])
  })
})
