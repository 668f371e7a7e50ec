/** The calls of `DeviceApi`: what each asks of the parts of the device, until the device ends. */
import type { Clock } from '../../shared/clock.ts'
import { AppError, toFailure } from '../../shared/failure.ts'
import type { CallOutput, DeviceApi } from '../../shared/protocol.ts'
import { unlessAborted } from '../turns.ts'
import type { StatusBoard } from './cycle/board.ts'
import type { Cycle } from './cycle/cycle.ts'
import type { Ease } from './cycle/ease.ts'
import type { Schedule } from './cycle/schedule.ts'
import type { Active } from './delivery/active.ts'
import type { Models } from './models/models.ts'
import type { Ranker } from './ranking/ranker.ts'
import { record } from './samples/history.ts'
import type { Holdings } from './samples/holdings.ts'
import type { Samples } from './samples/samples.ts'
import { eraseAll } from './storage/db.ts'
import { getState, putState } from './storage/state.ts'
import type { Db } from './storage/tables.ts'
import { bringIn, takeOut } from './storage/takeout.ts'
import { asFailure } from './storage/withstand.ts'
import type { Tabs } from './tabs/tabs.ts'
import { type CallDeps, callTask } from './tasks/calling.ts'
import type { Tunnel } from './tunnel/tunnel.ts'

export interface CallsDeps {
  readonly db: Db
  readonly clock: Clock
  readonly tabs: Tabs
  readonly ease: Ease
  readonly models: Models
  readonly samples: Samples
  readonly holdings: Holdings
  readonly tunnel: Tunnel
  readonly ranker: Ranker
  /** What tasks are run with that somebody waits for. */
  readonly runs: CallDeps
  readonly board: StatusBoard
  readonly cycle: Cycle
  readonly schedule: Schedule
  /** The first task that there is. */
  readonly task: () => Promise<Active>
  /** Done when what is stored was looked at for the first time. */
  readonly looked: () => Promise<void> | undefined
  /** Hears what the app around says of who the user is. */
  readonly signIn: (token: string) => void
  /** Aborts when this device answers no more. */
  readonly ended: AbortSignal
}

export function createCalls(deps: CallsDeps): DeviceApi {
  const { db, clock, tabs, ease, models, samples, holdings, tunnel, ranker, runs } = deps
  const { board, cycle, schedule, task, looked, signIn, ended } = deps

  const current = (): Active => {
    if (board.live.task) return board.live.task
    throw new AppError('not-ready', 'There is no task on this device yet.')
  }

  /** What `ask` gives of the task in use; models that cannot serve are looked at. */
  async function serving<T>(ask: (task: Active) => Promise<T>): Promise<T> {
    await looked()
    try {
      return await ask(current())
    } catch (error) {
      const code = error instanceof AppError ? error.code : undefined
      if (code === 'bad-artifact' || code === 'not-ready') {
        cycle.suspectModels()
        schedule.visit({ suspect: true })
      }
      // Another tab has taken up a newer task: so do we.
      if (code === 'version' && (await cycle.loadStored())) return ask(current())
      throw error
    }
  }

  /** Erases what there is. Where the server cannot be told now, what it needs to know for that is all that stays. */
  async function erase(): Promise<CallOutput<'forget'>> {
    const identity = await getState(db, 'identity')
    const owed = (await getState(db, 'owed')) ?? []
    const told = await tunnel.erase().then(
      (server) => ({ server, owed }),
      () => ({ server: null, owed: identity ? [...owed, identity] : owed }),
    )
    const here = await eraseAll(db, told.owed)
    return { here, server: told.server, owed: told.owed.length > 0 }
  }

  const calls: DeviceApi = {
    async catalogue(_, signal) {
      const stop = signal ? AbortSignal.any([signal, ended]) : ended
      return (await unlessAborted(task(), stop)).catalogue
    },

    rank: (asked) => serving((task) => ranker.rank(task, asked)),
    why: (asked) => serving((task) => ranker.why(task, asked)),
    compare: (asked) => serving((task) => ranker.compare(task, asked)),

    async run(asked, signal) {
      const stop = signal ? AbortSignal.any([signal, ended]) : ended
      const answer = await callTask(runs, current(), asked, stop)
      board.changed()
      return answer
    },

    async track({ events }) {
      await record(db, clock, events)
      if (board.live.task) await samples.update(board.live.task.context, board.live.task.manifest.hyper)
      board.changed()
      schedule.visit({ soon: true })
      return null
    },

    async flush(_, signal) {
      await schedule.connect(signal)
      schedule.visit()
      return null
    },

    status: () => board.now(),

    async train(_, signal) {
      // Offline it trains on what is here; the status says that the server was not reached.
      await schedule.connect(signal).catch(unlessOffline)
      return schedule.roundNow(signal)
    },

    async learn({ on }) {
      await putState(db, 'learning', on)
      await schedule.adapt({ learning: on })
      tabs.tell({ type: 'changed', what: 'learning' })
      return null
    },

    async share({ on }) {
      await putState(db, 'sharing', { on, told: false })
      board.changed()
      schedule.visit()
      return null
    },

    async signIn(said) {
      signIn(said.token)
      schedule.visit()
      return null
    },

    async conditions(conditions) {
      await schedule.adapt({ conditions })
      return null
    },

    async busy() {
      ease.busy()
      tabs.tell({ type: 'busy' })
      return null
    },

    async persisted({ granted }) {
      await putState(db, 'persistent', granted)
      board.changed()
      return null
    },

    async rollback() {
      await models.rollback(current().manifest.name)
      board.changed()
      return null
    },

    samples: (page) => holdings.list(current(), page),
    inspect: ({ id }) => holdings.inspect(current(), id),
    async erase({ ids }) {
      const erased = await holdings.erase(ids)
      board.changed()
      return { erased }
    },

    async takeOut() {
      const now = clock.now()
      const bytes = await takeOut(db, now)
      return { name: `kindred-${new Date(now).toISOString().slice(0, 10)}.zip`, bytes }
    },

    async bringIn({ bytes }) {
      await schedule.anew(() => bringIn(db, bytes))
      return null
    },

    forget: () => schedule.anew(erase),

    onStatus: (listener) => board.onStatus(listener),
  }

  return withFailures(calls, ended)
}

/** Offline there may still be something to do. */
function unlessOffline(error: unknown): void {
  if (toFailure(error).code === 'cancelled') throw error
}

/** The same calls, with what the storage throws told as a `storage` failure; once `ended` they all fail with that. */
function withFailures({ onStatus, ...calls }: DeviceApi, ended: AbortSignal): DeviceApi {
  const wrapped = Object.entries(calls).map(([name, call]) => [
    name,
    async (input: never, signal?: AbortSignal) => {
      try {
        return await call(input, signal)
      } catch (error) {
        throw ended.aborted ? ended.reason : asFailure(error)
      }
    },
  ])
  return { ...(Object.fromEntries(wrapped) as Omit<DeviceApi, 'onStatus'>), onStatus }
}
