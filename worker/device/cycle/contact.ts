/** A contact with the server: everything that goes to it and comes from it but samples, which are pulled when a round may follow. */
import { AppError, type Failure, toFailure } from '../../../shared/failure.ts'
import { holding } from '../../locks.ts'
import type { Platform } from '../../platform.ts'
import { together } from '../../turns.ts'
import { type Active, redeliver } from '../delivery/active.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { obey } from '../delivery/orders.ts'
import { refresh } from '../delivery/refresh.ts'
import type { Models } from '../models/models.ts'
import type { Rows } from '../models/rows.ts'
import { CONTACT_LOCK } from '../storage/names.ts'
import { getState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import type { Tabs } from '../tabs/tabs.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { StatusBoard } from './board.ts'
import type { Eligibility } from './eligibility.ts'

/** The task is asked for at most this often. */
const TASK_EVERY_MS = 60_000

export interface Contact {
  /** Registers if needed, sends what waits, and looks for a newer task. Failures go into the status, too. */
  connect(signal: AbortSignal): Promise<void>
  /** The models stored may be damaged: the next contact looks at them. */
  suspectModels(): void
  /** Everything was erased. */
  reset(): void
}

export interface ContactDeps {
  readonly platform: Platform
  readonly db: Db
  readonly models: Models
  readonly rows: Rows
  readonly tunnel: Tunnel
  readonly delivery: Delivery
  readonly board: StatusBoard
  readonly eligibility: Eligibility
  readonly tabs: Tabs
}

/** `use` takes up a task that has come; `failed` notes a failure, and gives it as it is to be thrown. */
export function createContact(
  { platform, db, models, rows, tunnel, delivery, board, eligibility, tabs }: ContactDeps,
  { use, failed }: { use(task: Active): Promise<void>; failed(error: unknown): unknown },
): Contact {
  const { clock, locks } = platform
  /** At the start nothing is known of the models. */
  let suspect = true
  let taskAskedAt: number | undefined
  /** Why the tasks stayed as they were when they were last asked for. */
  let tasksFailed: Failure | null = null

  async function refreshTask(signal: AbortSignal): Promise<void> {
    const present = board.live.task
    // A new model is the largest download: where data are to be saved, one that works will do.
    const frugal = eligibility.conditions.saveData === true
    const content = present && !suspect
    if (content && taskAskedAt !== undefined && Math.abs(clock.now() - taskAskedAt) < TASK_EVERY_MS) return
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

  return {
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

    suspectModels() {
      suspect = true
    },

    reset() {
      suspect = true
      taskAskedAt = undefined
      tasksFailed = null
    },
  }
}

const wasRefused = (error: unknown): boolean => error instanceof AppError && error.code === 'refused'
