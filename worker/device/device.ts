/**
 * The device runtime: everything of a user that is stored and trained on their device, behind `DeviceApi`. It serves from
 * what is stored at once, offline too, and deals with the server in the background.
 */
import { AppError, type Failure, toFailure } from '../../shared/failure.ts'
import type { CallOutput, DeviceApi } from '../../shared/protocol.ts'
import type { Platform } from '../platform.ts'
import { deferred, unlessAborted } from '../turns.ts'
import { createCycle } from './cycle/cycle.ts'
import { createEase } from './cycle/ease.ts'
import { createEligibility } from './cycle/eligibility.ts'
import { createSchedule } from './cycle/schedule.ts'
import { createStatus } from './cycle/status.ts'
import type { Active } from './delivery/active.ts'
import { createDelivery } from './delivery/delivery.ts'
import { createModels } from './models/models.ts'
import { createRows } from './models/rows.ts'
import { createRanker } from './ranking/ranker.ts'
import { createRanking } from './ranking/ranking.ts'
import { record } from './samples/history.ts'
import { createHoldings } from './samples/holdings.ts'
import { createSamples } from './samples/samples.ts'
import { eraseAll, getState, openDb, putState } from './storage/db.ts'
import { bringIn, takeOut } from './storage/takeout.ts'
import { asFailure } from './storage/withstand.ts'
import { createTabs } from './tabs/tabs.ts'
import { shareDatabase } from './tabs/versions.ts'
import { callTask } from './tasks/calling.ts'
import { createTunnel } from './tunnel/tunnel.ts'

export interface Device extends DeviceApi {
  /** Begins to serve what is stored, and to contact the server. Done when what is stored can be served. */
  start(): Promise<void>
  /** Ends everything that runs and closes the storage; nothing is lost. */
  stop(): Promise<void>
  /**
   * One whole visit to the server: register, task, events, and a round if one is due. Done when the round is. Throws if
   * the server could not be dealt with.
   */
  contact(signal?: AbortSignal): Promise<void>
}

export function createDevice(given: Platform): Device {
  const ease = createEase(given)
  const platform: Platform = { ...given, spawnTrainer: ease.spawnTrainer }
  const { clock, locks } = platform
  const db = openDb(platform.storage)
  const tabs = createTabs(platform.tabs)
  const eligibility = createEligibility()
  const models = createModels({ db, locks, clock })
  const samples = createSamples(db, clock)
  const holdings = createHoldings({ db, clock })
  /** What the app around has said of who the user is, until the device is registered. */
  let token: string | undefined
  const tunnel = createTunnel({ ...platform, db, token: () => token })
  const delivery = createDelivery({ db, tunnel, tabs, platform })
  const rows = createRows({ db, tunnel, clock, onMissing: () => schedule.visit({ soon: true }) })
  // Who asks for an order waits for it: nothing of that rests while the user is at work.
  const runs = { db, models, samples, rows, platform: { ...platform, spawnTrainer: given.spawnTrainer } }
  const ranking = createRanking(runs)
  const ranker = createRanker({ ranking, db, models, rows, clock })
  const leads = () => schedule.leads()
  const board = createStatus({ db, models, samples, delivery, platform, tabs, eligibility, leads })
  let ready = deferred<Active>()
  function onTask(task: Active): void {
    ready.resolve(task)
    takeUpRanking()
  }
  /** Another task may be the one that ranks. */
  function takeUpRanking(): void {
    if (board.live.task) void ranking.refresh(board.live.task).catch(() => {})
  }
  delivery.onChange(takeUpRanking)
  const cycle = createCycle({
    platform,
    db,
    models,
    samples,
    rows,
    tunnel,
    delivery,
    board,
    eligibility,
    tabs,
    onTask,
  })
  const schedule = createSchedule({ platform, cycle, board, tabs, eligibility, takeUp })

  // ── What is stored, and who else uses it ────────────────────────────────────────────────────────────────────────

  /** Aborts when this tab answers no more. */
  const ended = new AbortController()

  /** Drops what is held in memory, and takes up what is stored. */
  async function takeUp(): Promise<void> {
    ranking.clear()
    ranker.clear()
    if (board.live.task) ready = deferred<Active>()
    cycle.reset()
    await look()
    board.hear()
  }

  async function look(): Promise<void> {
    try {
      await readSwitch()
      await cycle.loadStored()
    } catch (error) {
      cycle.failed(error)
    }
  }

  async function readSwitch(): Promise<void> {
    await schedule.adapt({ learning: (await getState(db, 'learning')) ?? true })
  }

  async function end(why: AppError, failure?: Failure): Promise<void> {
    ended.abort(why)
    await schedule.stop(why)
    tabs.close()
    await board.close(failure)
    ranking.clear()
    ranker.clear()
    db.close()
  }

  shareDatabase(db, {
    blocked: board.warn,
    async makeWay(why) {
      await schedule.rest()
      await end(why, toFailure(why))
    },
  })
  tabs.on('changed', ({ what }) => {
    if (what === 'learning') void readSwitch().catch(cycle.failed)
    if (what === 'task') void cycle.loadStored().catch(cycle.failed)
  })
  tabs.on('busy', ease.busy)

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

  // ── The calls ───────────────────────────────────────────────────────────────────────────────────────────────────

  const current = (): Active => {
    if (board.live.task) return board.live.task
    throw new AppError('not-ready', 'There is no task on this device yet.')
  }

  /** The first look at what is stored. */
  let looking: Promise<void> | undefined

  /** What `ask` gives of the task in use; models that cannot serve are looked at. */
  async function serving<T>(ask: (task: Active) => Promise<T>): Promise<T> {
    await looking
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

  const api: DeviceApi = {
    async catalogue(_, signal) {
      const stop = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal
      return (await unlessAborted(ready.promise, stop)).catalogue
    },

    rank: (asked) => serving((task) => ranker.rank(task, asked)),
    why: (asked) => serving((task) => ranker.why(task, asked)),
    compare: (asked) => serving((task) => ranker.compare(task, asked)),

    async run(asked, signal) {
      const stop = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal
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
      token = said.token
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
      const bytes = await takeOut(db, clock.now())
      return { name: `kindred-${new Date(clock.now()).toISOString().slice(0, 10)}.zip`, bytes }
    },

    async bringIn({ bytes }) {
      await schedule.anew(() => bringIn(db, bytes))
      return null
    },

    forget: () => schedule.anew(erase),

    onStatus: (listener) => board.onStatus(listener),
  }

  return {
    ...withFailures(api, ended.signal),

    async contact(signal) {
      await schedule.connect(signal)
      await schedule.roundIfDue(signal)
    },

    async start() {
      looking = look()
      await looking
      board.hear()
      schedule.start()
    },

    stop: () => end(new AppError('cancelled', 'The device was stopped.')),
  }
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
