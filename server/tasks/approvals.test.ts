import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { DAY_MS } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import { approvedUntil, keepApproved } from './approvals.ts'
import type { Delivery } from './delivery.ts'
import { followTasks } from './upkeep.ts'

const START = Date.UTC(2026, 4, 1)
beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

/** Approved for so many days more; what a renewal does. */
function approved(days: number, fails?: Error) {
  let expires = START + days * DAY_MS
  const renewals: number[] = []
  return {
    renewals,
    targets: () => ({ document: { expires } }) as ReturnType<Delivery['targets']>,
    async renew() {
      renewals.push((Date.now() - START) / DAY_MS)
      if (fails) throw fails
      expires = Date.now() + 180 * DAY_MS
      return {} as never
    },
  }
}

it('is renewed on the day on which sixty are left, by a server that goes on for a year', async () => {
  const delivery = approved(180)
  let pruned = 0
  const stop = followTasks({ delivery, prune: async () => ++pruned })
  await vi.advanceTimersByTimeAsync(365 * DAY_MS)
  expect(delivery.renewals).toEqual([120, 240, 360])
  expect(pruned).toBe(365)
  stop()
  await vi.advanceTimersByTimeAsync(365 * DAY_MS)
  expect(delivery.renewals).toHaveLength(3)
})

it('is told of each day where it cannot be renewed, whatever the reason, and the server goes on', async () => {
  for (const why of [new AppError('not-ready', 'The approver’s key is not here.'), new Error('EACCES')]) {
    const told: string[] = []
    const tasks = { delivery: approved(61, why), prune: () => Promise.reject(new Error('EROFS')) }
    const stop = followTasks(tasks, { tell: (sentence) => told.push(sentence) })
    await vi.advanceTimersByTimeAsync(3 * DAY_MS)
    stop()
    vi.setSystemTime(START)
    const until = `What is approved counts until 2026-07-01, and cannot be renewed here: ${why.message}`
    const stays = 'Old files of tasks stay where they are: EROFS'
    expect(told).toEqual([until, stays, until, stays, until, stays])
  }
})

it('is nothing to keep where nothing is approved', async () => {
  const none = {
    targets: () => undefined,
    renew: () => Promise.reject(new Error('nothing is there to sign')),
  }
  expect(approvedUntil(none)).toBeNull()
  await keepApproved(none, { tell: (sentence) => expect.unreachable(sentence) })
})
