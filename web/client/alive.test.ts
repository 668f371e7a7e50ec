import { describe, expect, it } from 'vitest'
import { AppError } from '../../shared/error.ts'
import type { Conditions, Status } from '../../shared/protocol.ts'
import { type Ending, keepAlive } from './alive.ts'

/** Workers that the test lets die; each notes what it is asked. */
function workers() {
  const opened: { die: (why: AppError) => void; say: (status: Status) => void; asked: unknown[] }[] = []
  const pauses: number[] = []
  let waiting = () => {}
  let time = 0
  const device = keepAlive(
    (ended) => {
      const asked: unknown[] = []
      let dead: AppError | undefined
      let say: (status: Status) => void = () => {}
      const call = (name: string) => async (input: unknown) => {
        if (dead) throw dead
        asked.push([name, input])
        return null
      }
      opened.push({
        die(why) {
          dead = why
          ended(why)
        },
        say: (status) => say(status),
        asked,
      })
      return {
        track: call('track'),
        conditions: call('conditions'),
        onStatus(listener: typeof say) {
          say = listener
          return () => {}
        },
        end(why: AppError) {
          dead = why
          ended(why)
        },
      } as unknown as Ending
    },
    {
      now: () => time,
      later(act, ms) {
        pauses.push(ms)
        waiting = act
      },
    },
  )
  const next = () => waiting()
  return { device, opened, pauses, next, pass: (ms: number) => (time += ms) }
}

const died = () => new AppError('worker', 'The device worker stopped.')
const status = { run: { phase: 'training', fraction: 0.5 }, leads: true, failure: null } as Status
const conditions: Conditions = { page: 'visible', battery: null, saveData: null }
const events = { events: [{ type: 'exposure' as const, item: 'a' }] }

describe('a device whose worker dies', () => {
  it('fails what is asked meanwhile, and serves again with the next worker', async () => {
    const { device, opened, next } = workers()
    opened[0]!.die(died())
    await expect(device.track(events)).rejects.toMatchObject({ code: 'worker' })
    next()
    await device.track(events)
    expect(opened[1]!.asked).toEqual([['track', events]])
  })

  it('says so in its status, and what the next worker says is heard by the same listeners', () => {
    const { device, opened, next } = workers()
    const heard: Status[] = []
    device.onStatus((now) => heard.push(now))
    opened[0]!.say(status)
    opened[0]!.die(died())
    expect(heard.at(-1)).toMatchObject({ run: { phase: 'idle' }, leads: false, failure: { code: 'worker' } })
    next()
    opened[1]!.say(status)
    expect(heard.at(-1)).toEqual(status)
  })

  it('tells the next worker how things stand', async () => {
    const { device, opened, next } = workers()
    await device.conditions(conditions)
    opened[0]!.die(died())
    next()
    expect(opened[1]!.asked).toEqual([['conditions', conditions]])
  })

  it('waits longer each time, up to a minute, and briefly again after one that lived for a while', () => {
    const { opened, pauses, next, pass } = workers()
    for (let i = 0; i < 8; i++) {
      opened[i]!.die(died())
      next()
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
    pass(60_000)
    opened[8]!.die(died())
    expect(pauses.at(-1)).toBe(1000)
  })

  it('has no successor once it was ended, also if it had died before', async () => {
    const { device, opened, next, pauses } = workers()
    const over = new AppError('cancelled', 'Closed.')
    device.end(over)
    await expect(device.track(events)).rejects.toBe(over)
    expect(pauses).toEqual([])
    const another = workers()
    another.opened[0]!.die(died())
    another.device.end(over)
    another.next()
    next()
    expect([opened.length, another.opened.length]).toEqual([1, 1])
  })

  it('stays down where page and worker are of different versions: only a reload helps', () => {
    const { opened, pauses } = workers()
    opened[0]!.die(new AppError('version', 'Reload.'))
    expect(pauses).toEqual([])
  })
})
