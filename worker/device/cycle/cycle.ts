/** The work cycle: what a contact with the server does, and when a round follows. */
import { AppError, type Failure, toFailure } from '../../../shared/failure.ts'
import { ROUND_LOCK, type Round } from '../../../shared/protocol.ts'
import { holding } from '../../locks.ts'
import type { Platform } from '../../platform.ts'
import { together } from '../../turns.ts'
import { type Active, redeliver, storedTask } from '../delivery/active.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { obey } from '../delivery/orders.ts'
import { refresh } from '../delivery/refresh.ts'
import type { Models } from '../models/models.ts'
import type { Rows } from '../models/rows.ts'
import { pruneHistory } from '../samples/history.ts'
import { mayHaveMore, pull, pulledToday } from '../samples/pull.ts'
import type { Samples } from '../samples/samples.ts'
import { type Db, type DeliveredRow, getState } from '../storage/db.ts'
import { CONTACT_LOCK } from '../storage/names.ts'
import { asFailure } from '../storage/withstand.ts'
import type { Tabs } from '../tabs/tabs.ts'
import { tidyBuffers } from '../tasks/checkpoints.ts'
import { isDue, runRound } from '../tasks/round.ts'
import { takenBack } from '../tasks/run-task.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Eligibility } from './eligibility.ts'
import type { StatusBoard } from './status.ts'

/** The task is asked for at most this often. */
const TASK_EVERY_MS = 60_000
/** A task that failed is not tried again by itself before this: it may fail for as long as this device runs. */
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
  readonly delivery: Delivery
  readonly board: StatusBoard
  readonly eligibility: Eligibility
  readonly tabs: Tabs
  /** Hears of each task that is taken up. */
  readonly onTask: (task: Active) => void
}

export function createCycle(deps: CycleDeps): Cycle {
  const { platform, db, models, samples, rows, tunnel, delivery, board, eligibility, tabs, onTask } = deps
  const { clock, locks } = platform
  /** At the start nothing is known of the models. */
  let suspect = true
  let taskAskedAt: number | undefined
  /** Why the tasks stayed as they were when they were last asked for. */
  let tasksFailed: Failure | null = null
  /** By task and version, and by '' what came before any task: what failed, and when. */
  const failures = new Map<string, number>()
  /** Tasks that have run since the page was opened. */
  const visited = new Set<string>()
  const visiting = (task: string) => !visited.has(task)

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
    const content = present && !suspect
    if (content && recently(taskAskedAt, TASK_EVERY_MS)) return
    const { data, trouble } = await refresh(
      { db, models, tunnel, delivery },
      present,
      !(content && frugal),
      signal,
    )
    tasksFailed = trouble === undefined ? null : toFailure(trouble)
    if (data) {
      await use(data)
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

  /** All that is between this device and the server; `refreshed` once it is known there. */
  async function deal(stop: AbortSignal, refreshed = async () => {}): Promise<void> {
    await tunnel.payOwed(stop)
    // The first time the task comes at once: the page waits for it.
    const first = board.live.task === undefined
    await together(tunnel.identify(stop), first && refreshed())
    await tunnel.renew(stop)
    // Before there are new events to make samples of.
    await tellSharing(stop)
    // Events that the server does not take must not keep a task from being taken back.
    const [sent] = await Promise.allSettled([tunnel.flush(stop)])
    if (sent.status === 'rejected' && !wasRefused(sent.reason)) throw sent.reason
    if (!first) await refreshed()
    if (sent.status === 'rejected') throw sent.reason
    if (board.live.task) await rows.fetch(board.live.task, stop)
    await tunnel.reports(stop)
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

  /** Tasks that failed a moment ago are left out: each by itself, that one which is broken holds up no other. */
  const resting = ({ name, version }: DeliveredRow) =>
    recently(failures.get(`${name} ${version}`), RETRY_AFTER_MS)

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
      onRun({ name, version }, outcome) {
        visited.add(name)
        if (outcome === 'done' || outcome === 'stopped') failures.delete(`${name} ${version}`)
        else failures.set(`${name} ${version}`, clock.now())
      },
    })
    const { failure } = result
    if (failure && failure.code !== 'cancelled' && !result.tasks) failures.set('', clock.now())
    else failures.delete('')
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
      await alone(signal, (task) => tidyBuffers(models, task, clock.now()))
    },

    async connect(signal) {
      try {
        await holding(locks, CONTACT_LOCK, signal, async (stop) => {
          // A static host does not wait for the server, which may not be there.
          if (platform.files) await together(deal(stop), refreshTask(stop))
          else await deal(stop, () => refreshTask(stop))
        })
        board.set({ reached: true, failure: tasksFailed })
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
          if (stop.aborted || recently(failures.get(''), RETRY_AFTER_MS)) return
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

    suspectModels() {
      suspect = true
    },

    reset() {
      suspect = true
      taskAskedAt = undefined
      tasksFailed = null
      failures.clear()
      board.set({ task: undefined, run: { phase: 'idle' }, matching: 'ready', failure: null })
    },

    failed,
  }
}

const wasRefused = (error: unknown): boolean => error instanceof AppError && error.code === 'refused'
