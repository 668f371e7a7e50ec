/** The work cycle: what a contact with the server does, and when a round follows. */
import { AppError, type Failure, toFailure } from '../../shared/failure.ts'
import { ROUND_LOCK, type Round, type Status } from '../../shared/protocol.ts'
import { holding } from '../locks.ts'
import type { Platform } from '../platform.ts'
import { type Active, adopt, redeliver, storedTask } from './active.ts'
import { tidyBuffer } from './checkpoints.ts'
import { type Db, getState } from './db.ts'
import { withDuty } from './ease.ts'
import type { Eligibility } from './eligibility.ts'
import { pruneHistory } from './history.ts'
import type { Models } from './models.ts'
import { CONTACT_LOCK } from './names.ts'
import { obey } from './orders.ts'
import { mayHaveMore, pull, pulledToday } from './pull.ts'
import { isDue, runRound } from './round.ts'
import type { Rows } from './rows.ts'
import type { Samples } from './samples.ts'
import type { StatusBoard } from './status.ts'
import { asFailure } from './storage.ts'
import type { Tabs } from './tabs.ts'
import type { Tunnel } from './tunnel.ts'
import { together } from './turns.ts'

/** The task is asked for at most this often. */
const TASK_EVERY_MS = 60_000
/** A round that failed is not tried again by itself before this: it may fail for as long as this device runs. */
const RETRY_AFTER_MS = 10 * 60_000

export interface Cycle {
  /** Takes up the task that is stored, if it is whole; the one in use stays where that is the same. */
  loadStored(): Promise<Active | undefined>
  /** Drops what a round that died has left behind. */
  tidy(signal: AbortSignal): Promise<void>
  /** Registers if needed, sends what waits, and looks for a newer task. Failures go into the status, too. */
  connect(signal: AbortSignal): Promise<void>
  /** A round, if one is due and nothing stands in its way; one that runs in another tab ends first. */
  roundIfDue(signal: AbortSignal): Promise<void>
  /** A round with whatever there is, whatever stands in its way. Throws `not-ready` without a task. */
  roundNow(signal: AbortSignal): Promise<Round>
  /** The models stored may be damaged: the next contact looks at them. */
  suspectModels(): void
  /** Everything was erased. */
  reset(): void
  /** Puts a failure into the status, unless it is only that somebody stopped it; gives it as it is to be thrown. */
  failed(error: unknown): unknown
}

export interface CycleDeps {
  readonly platform: Platform
  readonly db: Db
  readonly models: Models
  readonly samples: Samples
  readonly rows: Rows
  readonly tunnel: Tunnel
  readonly board: StatusBoard
  readonly eligibility: Eligibility
  readonly tabs: Tabs
  /** Hears of each task that is taken up. */
  readonly onTask: (task: Active) => void
}

export function createCycle(deps: CycleDeps): Cycle {
  const { platform, db, models, samples, rows, tunnel, board, eligibility, tabs, onTask } = deps
  const { clock, locks } = platform
  /** At the start nothing is known of the models. */
  let suspect = true
  let taskAskedAt: number | undefined
  let roundFailedAt: number | undefined

  const recently = (at: number | undefined, ms: number) => at !== undefined && Math.abs(clock.now() - at) < ms

  function failed(error: unknown): unknown {
    const translated = asFailure(error)
    const failure: Failure = toFailure(translated)
    if (failure.code !== 'cancelled') board.set({ failure, reached: failure.code !== 'offline' })
    return translated
  }

  async function use(task: Active): Promise<void> {
    board.hear({ task })
    onTask(task)
    await updateSamples(task)
  }

  async function updateSamples({ context, manifest: { hyper } }: Active): Promise<void> {
    await samples.update(context, hyper)
    await pruneHistory(db, hyper)
  }

  async function refreshTask(signal: AbortSignal): Promise<void> {
    const present = board.live.task
    // A new model is the largest download: where data are to be saved, one that works will do.
    const frugal = eligibility.conditions.saveData === true
    if (present && !suspect && (frugal || recently(taskAskedAt, TASK_EVERY_MS))) return
    const answer = await tunnel.task(present?.etag ?? null, signal)
    if (answer.state === 'new') {
      await use(await adopt({ db, models, tunnel }, answer, signal))
      tabs.tell({ type: 'changed', what: 'task' })
    }
    taskAskedAt = clock.now()
    const task = board.live.task
    if (!task) return
    if (suspect) await withModels(task, signal, () => models.load(task.manifest.name))
    suspect = false
    await withModels(task, signal, () => obey({ db, models }, task))
  }

  /** `work`, which needs models that are whole; where they are not, it is begun again with the model downloaded anew. */
  async function withModels(task: Active, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof AppError && ['bad-artifact', 'not-ready'].includes(error.code))) throw error
      await redeliver({ models, tunnel }, task, signal)
      await work()
    }
  }

  /** One round at a time, over all tabs; null where there is no task. */
  const alone = <T>(signal: AbortSignal, work: (task: Active, stop: AbortSignal) => Promise<T>) =>
    holding(locks, ROUND_LOCK, signal, async (stop) => {
      const task = board.live.task
      if (!task) return null
      try {
        await updateSamples(task)
        return await work(task, stop)
      } finally {
        board.set({ run: { phase: 'idle' } })
      }
    })

  async function tellSharing(signal: AbortSignal): Promise<void> {
    const before = await getState(db, 'sharing')
    await tunnel.tellSharing(signal)
    if (before && !before.told) board.changed()
  }

  /** Pulls what there is of the day's batches, where any are wanted; says whether that was all for now. */
  async function pullToday(task: Active, signal: AbortSignal): Promise<boolean> {
    const { hyper } = task.manifest
    if (!hyper.augment) return true
    const all = async () => pulledToday(await getState(db, 'pulled'), clock, hyper)
    if (!(await mayHaveMore(db, task, clock))) return true
    board.set({ run: { phase: 'fetching' } })
    try {
      board.live.matching = await pull({ db, tunnel, samples, clock }, task, signal)
      return await all()
    } catch (error) {
      failed(error)
      return false
    }
  }

  /** Rows that what was pulled needs; without them a round goes by the unknown row. */
  async function fetchRows(task: Active, signal: AbortSignal): Promise<void> {
    await rows.fetch(task, signal).catch(failed)
  }

  /** `duty`: the share of one core's time that it may take. */
  async function round(task: Active, exhausted: boolean, duty: number, signal: AbortSignal): Promise<Round> {
    const onPhase = (run: Status['run']) => board.set({ run })
    const spawnTrainer = () => withDuty(platform.spawnTrainer(), duty)
    const here = { ...platform, spawnTrainer }
    const result = await runRound({ db, models, samples, rows, platform: here }, task, {
      exhausted,
      signal,
      onPhase,
    })
    const { failure } = result
    roundFailedAt = failure && failure.code !== 'cancelled' ? clock.now() : undefined
    if (failure) failed(new AppError(failure.code, failure.message))
    return result
  }

  return {
    async loadStored() {
      const here = board.live.task
      const row = await db.tasks.toCollection().first()
      if (here && row?.etag === here.etag && row.manifest.version === here.manifest.version) return here
      const task = await storedTask(db)
      if (task) await use(task)
      return task
    },

    async tidy(signal) {
      await alone(signal, (task) => tidyBuffer(models, task, clock.now()))
    },

    async connect(signal) {
      try {
        await holding(locks, CONTACT_LOCK, signal, async (stop) => {
          await tunnel.payOwed(stop)
          // The first time the task comes at once: the page waits for it.
          const first = board.live.task === undefined
          await together(tunnel.identify(stop), first && refreshTask(stop))
          await tunnel.renew(stop)
          // Before there are new events to make samples of.
          await tellSharing(stop)
          await tunnel.flush(stop)
          if (!first) await refreshTask(stop)
          if (board.live.task) await rows.fetch(board.live.task, stop)
        })
        board.set({ reached: true, failure: null })
      } catch (error) {
        throw failed(error)
      }
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
          if (stop.aborted || recently(roundFailedAt, RETRY_AFTER_MS)) return
          if (await isDue({ db, models, samples, rows, platform }, task, exhausted))
            await round(task, exhausted, task.manifest.hyper.duty, stop)
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
        return round(task, true, 1, stop) // somebody waits for it
      })
      signal.throwIfAborted()
      if (!result) throw new AppError('not-ready', 'There is no task on this device yet.')
      return result
    },

    suspectModels() {
      suspect = true
    },

    reset() {
      suspect = true
      taskAskedAt = undefined
      roundFailedAt = undefined
      board.set({ task: undefined, run: { phase: 'idle' }, matching: 'ready', failure: null })
    },

    failed,
  }
}
