/**
 * The device runtime: everything of a user that is stored and trained on their device, behind `DeviceApi`. It serves from
 * what is stored at once, offline too, and deals with the server in the background.
 */
import { AppError, type Failure, toFailure } from '../../shared/failure.ts'
import type { DeviceApi } from '../../shared/protocol.ts'
import type { Platform } from '../platform.ts'
import { deferred } from '../turns.ts'
import { createCalls } from './calls.ts'
import { createBoard } from './cycle/board.ts'
import { createCycle } from './cycle/cycle.ts'
import { createEase } from './cycle/ease.ts'
import { createEligibility } from './cycle/eligibility.ts'
import { createSchedule } from './cycle/schedule.ts'
import type { Active } from './delivery/active.ts'
import { createDelivery } from './delivery/delivery.ts'
import { createModels } from './models/models.ts'
import { createRows } from './models/rows.ts'
import { createRanker } from './ranking/ranker.ts'
import { createRanking } from './ranking/ranking.ts'
import { createHoldings } from './samples/holdings.ts'
import { createSamples } from './samples/samples.ts'
import { openDb } from './storage/db.ts'
import { getState } from './storage/state.ts'
import { createTabs } from './tabs/tabs.ts'
import { shareDatabase } from './tabs/versions.ts'
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
  const board = createBoard({ db, models, samples, delivery, platform, tabs, eligibility, leads })
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

  /** The first look at what is stored. */
  let looking: Promise<void> | undefined

  const calls = createCalls({
    db,
    clock,
    tabs,
    ease,
    models,
    samples,
    holdings,
    tunnel,
    ranker,
    runs,
    board,
    cycle,
    schedule,
    task: () => ready.promise,
    looked: () => looking,
    signIn(said) {
      token = said
    },
    ended: ended.signal,
  })

  return {
    ...calls,

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
