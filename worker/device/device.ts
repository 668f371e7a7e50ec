/**
 * The device runtime: everything of a user that is stored and trained on their device, behind `DeviceApi`. It serves from
 * what is stored at once, offline too, and deals with the server in the background.
 */
import type { Erased } from '../../shared/api.ts'
import { AppError } from '../../shared/failure.ts'
import type { DeviceApi } from '../../shared/protocol.ts'
import type { Platform } from '../platform.ts'
import type { Active } from './active.ts'
import { createCycle } from './cycle.ts'
import { eraseAll, openDb } from './db.ts'
import { record } from './history.ts'
import { createHoldings } from './holdings.ts'
import { createModels } from './models.ts'
import { createRanker } from './ranker.ts'
import { createSamples } from './samples.ts'
import { createStatus } from './status.ts'
import { asFailure } from './storage.ts'
import { bringIn, takeOut } from './takeout.ts'
import { createTunnel } from './tunnel.ts'
import { createTurns, deferred, unlessAborted } from './turns.ts'

/** Events gather for this long before they are sent. */
const FLUSH_AFTER_MS = 1500
/** The server is contacted this often anyway. */
const CONTACT_EVERY_MS = 60_000
/** A server that has no batches for us yet is asked again after this, then after twice as long, and so on. */
const ASK_AGAIN_MS = 5_000

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

export function createDevice(platform: Platform): Device {
  const { clock, locks, network } = platform
  const db = openDb(platform.storage)
  const models = createModels({ db, locks, clock })
  const samples = createSamples(db, clock)
  const holdings = createHoldings({ db, clock })
  const tunnel = createTunnel({ ...platform, db })
  const ranker = createRanker({ db, models, clock })
  const board = createStatus({ db, models, samples, platform })
  let ready = deferred<Active>()
  const onTask = (task: Active) => ready.resolve(task)
  const cycle = createCycle({ platform, db, models, samples, tunnel, board, onTask })

  // ── What is under way ───────────────────────────────────────────────────────────────────────────────────────────

  /** Contacts do not wait for rounds: what the user did is sent while a model trains. */
  const contacts = createTurns()
  const rounds = createTurns()
  let life = new AbortController()
  let visiting: Promise<void> | undefined
  let considering: Promise<void> | undefined
  let visitAgain = false
  let patience = ASK_AGAIN_MS
  const timers = new Map<string, () => void>()
  let unsubscribe = () => {}

  const until = (signal: AbortSignal | undefined) =>
    signal ? AbortSignal.any([signal, life.signal]) : life.signal

  const connect = (signal?: AbortSignal) =>
    contacts(async () => {
      const stop = until(signal)
      stop.throwIfAborted()
      await cycle.connect(stop)
    })

  /** A contact that nobody waits for; its failure is seen in the status. */
  function visit(): void {
    visitAgain = visiting !== undefined
    if (visiting || life.signal.aborted) return
    visiting = connect()
      .then(considerRound, () => {})
      .finally(() => {
        visiting = undefined
        if (visitAgain) visit()
      })
  }

  function considerRound(): void {
    if (life.signal.aborted) return
    considering ??= rounds(() => cycle.roundIfDue(life.signal))
      .then(askAgain)
      .catch((error) => void cycle.failed(error))
      .finally(() => {
        considering = undefined
      })
  }

  /** The server may only just have taken in the clicks that were sent to it. */
  function askAgain(): void {
    patience = board.live.matching === 'ready' ? ASK_AGAIN_MS : patience * 2
    if (board.live.matching !== 'ready' && patience <= CONTACT_EVERY_MS) later('again', patience / 2, visit)
  }

  function later(name: string, ms: number, work: () => void): void {
    if (timers.has(name) || life.signal.aborted) return
    const cancel = platform.after(ms, () => {
      timers.delete(name)
      work()
    })
    timers.set(name, cancel)
  }

  function visitRegularly(): void {
    later('contact', CONTACT_EVERY_MS, () => {
      visit()
      visitRegularly()
    })
  }

  /** Stops whatever runs or would run by itself, and waits until nothing is under way. */
  async function quiet(): Promise<void> {
    life.abort(new AppError('cancelled', 'The device was stopped.'))
    for (const cancel of timers.values()) cancel()
    timers.clear()
    await visiting
    await considering
    await contacts(() => rounds(async () => {}))
  }

  /** Does what changes everything that is stored, while nothing is under way; then begins from what there is. */
  async function anew<T>(change: () => Promise<T>): Promise<T> {
    await quiet()
    try {
      return await contacts(() => rounds(change))
    } finally {
      ranker.clear()
      ready = deferred<Active>()
      cycle.reset()
      life = new AbortController()
      await cycle.loadStored().catch(cycle.failed)
      visitRegularly()
      visit()
    }
  }

  async function erase(): Promise<Erased | null> {
    let server: Erased | null = null
    try {
      server = await tunnel.erase()
    } catch {
      // Offline, or refused: the user's wish is carried out here all the same, and the answer says that it ended here.
    }
    await eraseAll(db)
    return server
  }

  // ── The calls ───────────────────────────────────────────────────────────────────────────────────────────────────

  const current = (): Active => {
    if (board.live.task) return board.live.task
    throw new AppError('not-ready', 'There is no task on this device yet.')
  }

  const api: DeviceApi = {
    catalogue: async (_, signal) => (await unlessAborted(ready.promise, signal)).catalogue,

    async rank({ items }) {
      try {
        return await ranker.rank(current(), items)
      } catch (error) {
        const code = error instanceof AppError ? error.code : undefined
        if (code === 'bad-artifact' || code === 'not-ready') {
          cycle.suspectModels()
          visit()
        }
        // Another tab has taken up a newer task: so do we.
        if (code === 'version' && (await cycle.loadStored())) return ranker.rank(current(), items)
        throw error
      }
    },

    async track({ events }) {
      await record(db, clock, events)
      if (board.live.task) await samples.update(board.live.task.context, board.live.task.manifest.hyper)
      board.changed()
      later('flush', FLUSH_AFTER_MS, visit)
      return null
    },

    async flush(_, signal) {
      await connect(signal)
      considerRound()
      return null
    },

    status: () => board.now(),

    async train(_, signal) {
      // Offline it trains on what is here; the status says that the server was not reached.
      await connect(signal).catch(() => until(signal).throwIfAborted())
      return rounds(() => cycle.roundNow(until(signal)))
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
      await anew(() => bringIn(db, bytes))
      return null
    },

    async forget() {
      return { server: await anew(erase) }
    },

    onStatus: (listener) => board.onStatus(listener),
  }

  return {
    ...withStorageFailures(api),

    async contact(signal) {
      await connect(signal)
      await rounds(() => cycle.roundIfDue(until(signal)))
    },

    async start() {
      try {
        await cycle.loadStored()
        await cycle.tidy(life.signal)
      } catch (error) {
        cycle.failed(error)
      }
      board.changed()
      unsubscribe = network.onChange(() => (network.online() ? visit() : board.set({ reached: false })))
      visitRegularly()
      visit()
    },

    async stop() {
      unsubscribe()
      await quiet()
      await board.close()
      ranker.clear()
      db.close()
    },
  }
}

/** The same calls, with what the storage throws told as `storage` failures. */
function withStorageFailures({ onStatus, ...calls }: DeviceApi): DeviceApi {
  const wrapped = Object.entries(calls).map(([name, call]) => [
    name,
    async (input: never, signal?: AbortSignal) => {
      try {
        return await call(input, signal)
      } catch (error) {
        throw asFailure(error)
      }
    },
  ])
  return { ...(Object.fromEntries(wrapped) as Omit<DeviceApi, 'onStatus'>), onStatus }
}
