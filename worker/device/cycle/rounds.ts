/** When a round follows a contact, with what it was given, and which tasks are left alone for a while because they failed. */
import { AppError } from '../../../shared/failure.ts'
import { ROUND_LOCK, type Round } from '../../../shared/protocol.ts'
import { holding } from '../../locks.ts'
import type { Platform } from '../../platform.ts'
import type { Active } from '../delivery/active.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Models } from '../models/models.ts'
import type { Rows } from '../models/rows.ts'
import { mayHaveMore, pull, pulledToday } from '../samples/pull.ts'
import type { Samples } from '../samples/samples.ts'
import { getState } from '../storage/state.ts'
import type { Db, DeliveredRow } from '../storage/tables.ts'
import { tidyBuffers } from '../tasks/checkpoints.ts'
import { isDue, runRound } from '../tasks/round.ts'
import { takenBack } from '../tasks/run-task.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { StatusBoard } from './board.ts'
import type { Eligibility } from './eligibility.ts'

/** A task that failed is not tried again by itself before this: it may fail for as long as this device runs. */
const RETRY_AFTER_MS = 10 * 60_000

export interface Rounds {
  /** Drops what a round that died has left behind. */
  tidy(signal: AbortSignal): Promise<void>
  /** A round, if one is due and nothing stands in its way; one that runs in another tab ends first. */
  roundIfDue(signal: AbortSignal): Promise<void>
  /** A round with whatever there is, whatever stands in its way. Throws `not-ready` without a task. */
  roundNow(signal: AbortSignal): Promise<Round>
  /** Everything was erased. */
  reset(): void
}

export interface RoundsDeps {
  readonly platform: Platform
  readonly db: Db
  readonly models: Models
  readonly samples: Samples
  readonly rows: Rows
  readonly tunnel: Tunnel
  readonly delivery: Delivery
  readonly board: StatusBoard
  readonly eligibility: Eligibility
}

/** `update` makes the samples that there can be by now; `failed` notes a failure. */
export function createRounds(
  { platform, db, models, samples, rows, tunnel, delivery, board, eligibility }: RoundsDeps,
  { update, failed }: { update(task: Active): Promise<void>; failed(error: unknown): unknown },
): Rounds {
  const { clock, locks } = platform
  /** By task and version, and by '' what came before any task: what failed, and when. */
  const failures = new Map<string, number>()
  /** Tasks that have run since the page was opened. */
  const visited = new Set<string>()
  const visiting = (task: string) => !visited.has(task)

  const failedOf = ({ name, version }: DeliveredRow) => `${name} ${version}`
  function recently(what: string): boolean {
    const at = failures.get(what)
    return at !== undefined && Math.abs(clock.now() - at) < RETRY_AFTER_MS
  }
  /** Tasks that failed a moment ago are left out: each by itself, that one which is broken holds up no other. */
  const resting = (row: DeliveredRow) => recently(failedOf(row))

  /** One round at a time, over all tabs; null where there is no task. */
  const alone = <T>(signal: AbortSignal, work: (task: Active, stop: AbortSignal) => Promise<T>) =>
    holding(locks, ROUND_LOCK, signal, async (stop) => {
      const task = board.live.task
      if (!task) return null
      try {
        await update(task)
        return await work(task, stop)
      } finally {
        board.set({ run: { phase: 'idle' } })
      }
    })

  /** Pulls what there is of the day's batches, where any are wanted; says whether that was all for now. */
  async function pullToday(task: Active, signal: AbortSignal): Promise<boolean> {
    const { hyper } = task.manifest
    if (!hyper.augment) return true
    if (!(await mayHaveMore(db, task, clock))) return true
    board.set({ run: { phase: 'fetching' } })
    try {
      board.live.matching = await pull({ db, tunnel, samples, clock }, task, signal)
      return pulledToday(await getState(db, 'pulled'), clock, hyper)
    } catch (error) {
      failed(error)
      return false
    }
  }

  /** Rows that what was pulled needs; without them a round goes by the unknown row. */
  async function fetchRows(task: Active, signal: AbortSignal): Promise<void> {
    await rows.fetch(task, signal).catch(failed)
  }

  function whileThere(row: DeliveredRow) {
    const gone = new AbortController()
    const end = delivery.onChange((rows) => {
      if (!rows.some(({ manifestSha256 }) => manifestSha256 === row.manifestSha256))
        gone.abort(takenBack(row))
    })
    return { signal: gone.signal, end: () => void end() }
  }

  async function round(
    task: Active,
    exhausted: boolean,
    asked: boolean,
    signal: AbortSignal,
  ): Promise<Round> {
    const result = await runRound({ db, models, samples, rows, platform }, task, {
      exhausted,
      asked,
      visiting,
      resting: (row) => !asked && resting(row),
      duty: asked ? 1 : task.manifest.hyper.duty, // somebody waits for it
      signal,
      whileFree: eligibility.whileFree,
      whileThere,
      onPhase: (run) => board.set({ run }),
      onRun(row, outcome) {
        visited.add(row.name)
        if (outcome === 'done' || outcome === 'stopped') failures.delete(failedOf(row))
        else failures.set(failedOf(row), clock.now())
      },
    })
    const { failure } = result
    if (failure && failure.code !== 'cancelled' && !result.tasks) failures.set('', clock.now())
    else failures.delete('')
    if (failure) failed(new AppError(failure.code, failure.message))
    return result
  }

  return {
    async tidy(signal) {
      await alone(signal, (task) => tidyBuffers(models, task, clock.now()))
    },

    async roundIfDue(signal) {
      const hyper = board.live.task?.manifest.hyper
      if (!hyper) return
      const free = eligibility.whileFree(hyper)
      try {
        await alone(AbortSignal.any([signal, free.signal]), async (task, stop) => {
          if ((await samples.count()).clicks < task.manifest.hyper.minClicks) return
          const exhausted = await pullToday(task, stop)
          await fetchRows(task, stop)
          if (stop.aborted || recently('')) return
          const chance = { exhausted, visiting, resting }
          if (await isDue({ db, models, samples, rows, platform }, task, chance))
            await round(task, exhausted, false, stop)
        })
      } catch (error) {
        if (!free.signal.aborted) throw error
      } finally {
        free.end()
      }
    },

    async roundNow(signal) {
      const result = await alone(signal, async (task, stop) => {
        await pullToday(task, stop)
        await fetchRows(task, stop)
        stop.throwIfAborted()
        return round(task, true, true, stop)
      })
      signal.throwIfAborted()
      if (!result) throw new AppError('not-ready', 'There is no task on this device yet.')
      return result
    },

    reset: () => failures.clear(),
  }
}
