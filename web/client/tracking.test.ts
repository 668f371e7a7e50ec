import { describe, expect, it } from 'vitest'
import { AppError } from '../../shared/error.ts'
import type { Tracked } from './api.ts'
import { createTracking } from './tracking.ts'

const died = () => new AppError('worker', 'The device worker stopped.')
const click = (item: string): Tracked => ({ type: 'click', item })

/** A device whose worker fails as often as `failures` has them, one after the other. */
function device(failures: unknown[]) {
  const recorded: string[] = []
  const tracking = createTracking({
    async track({ events }) {
      const failure = failures.shift()
      if (failure) throw failure
      recorded.push(...events.map((event) => ('item' in event ? event.item : event.name)))
      return null
    },
  })
  return { recorded, tracking }
}
const settled = () => new Promise((resolve) => setTimeout(resolve))

describe('what is tracked while the worker is dead', () => {
  it('is recorded by the next one, and the call is done then', async () => {
    const { recorded, tracking } = device([died()])
    let done = false
    const tracked = tracking.track(click('a')).then(() => {
      done = true
    })
    await settled()
    expect([done, recorded]).toEqual([false, []])
    tracking.revive()
    await tracked
    expect(recorded).toEqual(['a'])
  })

  it('fails where the third worker dies of it, too', async () => {
    const { recorded, tracking } = device([died(), died(), died()])
    const tracked = expect(tracking.track(click('a'))).rejects.toMatchObject({ code: 'worker' })
    for (let i = 0; i < 2; i++) {
      await settled()
      tracking.revive()
    }
    await tracked
    expect(recorded).toEqual([])
  })

  it('fails at once where too much waits already, and all that waits when it ends', async () => {
    const { tracking } = device(Array.from({ length: 600 }, died))
    const waiting = Array.from({ length: 500 }, () => tracking.track(click('a')))
    await settled()
    await expect(tracking.track(click('b'))).rejects.toMatchObject({ code: 'worker' })
    const over = new AppError('cancelled', 'Closed.')
    const failed = Promise.allSettled(waiting)
    await tracking.end(over)
    expect((await failed).every((one) => one.status === 'rejected' && one.reason === over)).toBe(true)
  })
})

describe('what is tracked', () => {
  it('and refused for another reason is not tried again', async () => {
    const { recorded, tracking } = device([new AppError('bad-input', 'No.')])
    await expect(tracking.track(click('a'))).rejects.toMatchObject({ code: 'bad-input' })
    tracking.revive()
    await tracking.track(click('b'))
    expect(recorded).toEqual(['b'])
  })

  it('is recorded before it ends', async () => {
    const { recorded, tracking } = device([])
    void tracking.track([click('a'), click('b')])
    await tracking.end(new AppError('cancelled', 'Closed.'))
    expect(recorded).toEqual(['a', 'b'])
  })
})
