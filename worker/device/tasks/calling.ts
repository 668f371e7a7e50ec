/** A call of the page by name: the delivered task that has it among its triggers runs, and what its script returns is the answer. */
import { dayOf } from '../../../shared/clock.ts'
import { AppError } from '../../../shared/failure.ts'
import { type CallInput, type CallOutput, ROUND_LOCK } from '../../../shared/protocol.ts'
import { holding } from '../../locks.ts'
import type { Platform } from '../../platform.ts'
import type { Active } from '../delivery/active.ts'
import { tasksFor } from './due.ts'
import { isSpent, ranBefore } from './ran.ts'
import { performTask, type RunDeps } from './run-task.ts'

export interface CallDeps extends RunDeps {
  readonly platform: RunDeps['platform'] & Pick<Platform, 'locks' | 'seed'>
}

/** `rank` gives candidates along and takes an order: it has a call of its own (`ranking.ts`). */
const RANK = 'rank'

/**
 * Like a round, it excludes every other run on this device, and waits for one that goes on. Throws `not-ready` where no task answers,
 * `refused` for one that has run as often as it may today, and what the run failed of.
 */
export async function callTask(
  deps: CallDeps,
  data: Active,
  { name, input }: CallInput<'run'>,
  signal: AbortSignal,
): Promise<CallOutput<'run'>> {
  if (name === RANK) throw new AppError('bad-input', `${RANK} is not called by name: it is asked with items.`)
  const { db, platform } = deps
  return holding(platform.locks, ROUND_LOCK, signal, async (stop) => {
    const row = (await tasksFor(db, data)).find(({ manifest: { triggers } }) =>
      triggers.some((trigger) => trigger.on === 'call' && trigger.name === name),
    )
    if (!row) throw new AppError('not-ready', `No task on this device answers ${name}.`)
    const today = dayOf(platform.clock.now(), data.manifest.hyper.dayMs)
    if (isSpent(await ranBefore(db, row), row, today))
      throw new AppError(
        'refused',
        `${row.name} has run ${row.manifest.budget.runsPerDay} times today, and may no more.`,
      )
    const run = await performTask(deps, data, row, {
      trigger: { on: 'call', name, ...(input !== undefined && { input }) },
      seed: platform.seed(),
      // Somebody waits for it.
      duty: 1,
      signal: stop,
    })
    if (!('carryOut' in run)) throw new AppError(run.failure.code, run.failure.message)
    await run.carryOut(async () => {})
    return run.effects.result as CallOutput<'run'>
  })
}
