/** The embeddable client over a device, wherever that runs. */
import { AppError, type Failure, toFailure } from '../../shared/error.ts'
import type { Status as InnerStatus } from '../../shared/protocol.ts'
import type { Ending } from './alive.ts'
import type { Candidate, Kindred, Model, Ranking, Round, Status } from './api.ts'
import { modelIdOf, modelOf, roundOf, STARTING, statusOf } from './status.ts'
import { createTracking } from './tracking.ts'

/** An order is given after this (ms), be there a model or not. */
const WITHIN_MS = 2000
/** The app is asked for a token no more often. */
const TOKEN_EVERY_MS = 30_000
/** How long `close` waits for what is being recorded. */
const LAST_WORDS_MS = 1000

export interface ClientDeps {
  readonly device: Ending
  /** Of the signed-in user; without it, nobody signs in. */
  readonly token?: (() => string | Promise<string>) | undefined
  /** Where the browser can be asked to keep what is stored. */
  readonly storage?: Partial<Pick<StorageManager, 'persist'>> | undefined
  /** Before the device has said anything. */
  readonly initial?: Status
  /** Hears that the client was closed. */
  readonly onClose?: () => void
  /** ms */
  readonly now?: () => number
  /** Runs `act` after `ms`; gives the way to prevent it. */
  readonly later?: (act: () => void, ms: number) => () => void
}

export function createClient({
  device,
  token,
  storage,
  initial = STARTING,
  onClose = () => {},
  now = () => performance.now(),
  later = inTime,
}: ClientDeps): Kindred {
  const tracking = createTracking(device)
  let last: InnerStatus | undefined
  let closed = false
  /** What is brought in has rounds that are not news. */
  let replacing = false
  const statusListeners = new Set<(status: Status) => void>()
  const roundListeners = new Set<(round: Round) => void>()
  /** Each with the hash of the model that it was told of last: null is none, undefined is nothing yet. */
  const modelListeners = new Map<(model: Model | null) => void, string | null | undefined>()

  function listen<L>(listeners: Set<L>, listener: L): () => void {
    if (!closed) listeners.add(listener)
    return () => listeners.delete(listener)
  }

  // ── What the device says ────────────────────────────────────────────────────────────────────────────────────────

  function hear(status: InnerStatus): void {
    const before = last
    last = status
    if (status.failure?.code !== 'worker') tracking.revive()
    if (status.failure?.code === 'unauthorised') showToken()
    if (statusListeners.size > 0) {
      const told = statusOf(status)
      for (const listener of statusListeners) tell(listener, told)
    }
    for (const round of before && !replacing ? roundsSince(before, status) : [])
      for (const listener of roundListeners) tell(listener, round)
    for (const listener of modelListeners.keys()) tellModel(listener)
  }

  function tellModel(listener: (model: Model | null) => void): void {
    // While M is being overwritten M0 serves, but only briefly.
    if (!last || last.run.phase === 'committing') return
    const sha256 = last.serving?.sha256 ?? null
    if (modelListeners.get(listener) === sha256) return
    modelListeners.set(listener, sha256)
    tell(listener, modelOf(last))
  }

  let asked = Number.NEGATIVE_INFINITY
  function showToken(): void {
    if (!token || now() - asked < TOKEN_EVERY_MS) return
    asked = now()
    Promise.resolve()
      .then(token)
      .then((told) => device.signIn({ token: told }))
      .catch(() => {}) // the status says that a token is due
  }

  // ── Ranking ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async function ask(
    candidates: readonly Candidate[],
    within: number,
    signal: AbortSignal | undefined,
  ): ReturnType<Ending['rank']> {
    const items = candidates.map(keyOf)
    const contexts = candidates.map((it) => (typeof it === 'string' ? undefined : it.context))
    const context = contexts.some(Boolean) ? contexts.map((it) => [...(it ?? [])]) : undefined
    const answer = device.rank({ items, lenient: true, ...(context && { context }) })
    let undo = () => {}
    const enough = new Promise<never>((_, reject) => {
      const stop = () => reject(new AppError('cancelled', 'Stopped.'))
      const late = new AppError('not-ready', `No model has ranked within ${within} ms.`)
      const prevent = later(() => reject(late), within)
      signal?.addEventListener('abort', stop)
      if (signal?.aborted) stop()
      undo = () => {
        prevent()
        signal?.removeEventListener('abort', stop)
      }
    })
    try {
      return await Promise.race([answer, enough])
    } finally {
      undo()
    }
  }

  async function rank<C extends Candidate>(
    candidates: readonly C[],
    { signal, within = WITHIN_MS }: Parameters<Kindred['rank']>[1] & object = {},
  ): Promise<Ranking<C>> {
    if (candidates.length === 0) return asTheyCame(candidates, null)
    try {
      const { ranked, unknown = [], serving, by: task } = await ask(candidates, within, signal)
      const by = modelIdOf(last ?? (await device.status(null)), serving)
      const named = task && { name: task.task, version: task.version }
      return { ...inOrder(candidates, ranked), by, task: named, unknown, failure: null }
    } catch (error) {
      const code = codeOf(error)
      if (code === 'bad-input' || code === 'cancelled') throw error
      return asTheyCame(candidates, toFailure(error))
    }
  }

  device.onStatus(hear)

  return {
    track: tracking.track,
    rank,
    call: (name, input, { signal } = {}) =>
      device.run({ name, ...(input !== undefined && { input: input as never }) }, signal),
    model: {
      current: async () => modelOf(await device.status(null)),
      onChange(listener) {
        if (closed) return () => {}
        modelListeners.set(listener, undefined)
        tellModel(listener)
        return () => modelListeners.delete(listener)
      },
      rollback: () => nothing(device.rollback(null)),
    },
    onRound: (listener) => listen(roundListeners, listener),
    async status() {
      try {
        return statusOf(await device.status(null))
      } catch (error) {
        return { ...(last ? statusOf(last) : initial), failure: toFailure(error) }
      }
    },
    onStatus(listener) {
      if (!closed) tell(listener, last ? statusOf(last) : initial)
      return listen(statusListeners, listener)
    },
    train: async ({ signal } = {}) => roundOf(await device.train(null, signal)),
    pause: () => nothing(device.learn({ on: false })),
    resume: () => nothing(device.learn({ on: true })),
    consent: ({ sharing }) => nothing(device.share({ on: sharing })),
    async persist() {
      const granted = (await storage?.persist?.()) ?? false
      await device.persisted({ granted })
      return granted
    },
    takeOut: () => device.takeOut(null),
    async bringIn(bytes) {
      replacing = true
      try {
        await device.bringIn({ bytes })
        last = await device.status(null)
      } finally {
        replacing = false
      }
    },
    async forget() {
      const { here, server, owed } = await device.forget(null)
      return { here, server: server && { events: server.events, samples: server.samples }, owed }
    },
    async close() {
      if (closed) return
      closed = true
      const why = new AppError('cancelled', 'This client was closed.')
      for (const listeners of [statusListeners, roundListeners, modelListeners]) listeners.clear()
      onClose()
      await new Promise<void>((resolve) => {
        const prevent = later(resolve, LAST_WORDS_MS)
        void tracking.end(why).then(() => {
          prevent()
          resolve()
        })
      })
      device.end(why)
    },
  }
}

const keyOf = (candidate: Candidate): string => (typeof candidate === 'string' ? candidate : candidate.key)
const codeOf = (error: unknown) => (error instanceof AppError ? error.code : undefined)

/** What a listener throws is its site's trouble, and nobody else's. */
function tell<T>(listener: (told: T) => void, told: T): void {
  try {
    listener(told)
  } catch (error) {
    reportError(error)
  }
}

async function nothing(call: Promise<unknown>): Promise<void> {
  await call
}

function inTime(act: () => void, ms: number): () => void {
  const timer = setTimeout(act, ms)
  return () => clearTimeout(timer)
}

const asTheyCame = <C>(order: readonly C[], failure: Failure | null): Ranking<C> => ({
  order: [...order],
  scores: order.map(() => null),
  by: null,
  task: null,
  unknown: [],
  failure,
})

/** The candidates themselves, in the order of their keys in `ranked`; then the others. */
function inOrder<C extends Candidate>(
  candidates: readonly C[],
  ranked: readonly { item: string; score: number }[],
): Pick<Ranking<C>, 'order' | 'scores'> {
  const scores = new Map(ranked.map(({ item, score }) => [item, score]))
  const places = new Map([...scores.keys()].map((key, place) => [key, place]))
  const placeOf = (candidate: C) => places.get(keyOf(candidate)) ?? places.size
  const order = [...candidates].sort((a, b) => placeOf(a) - placeOf(b))
  return { order, scores: order.map((candidate) => scores.get(keyOf(candidate)) ?? null) }
}

/** Those that ended in between. */
function roundsSince(before: InnerStatus, { rounds }: InnerStatus): Round[] {
  const newest = before.rounds[0]
  const place = newest ? rounds.findIndex(({ at }) => at === newest.at) : rounds.length
  return place > 0 && (newest || place === 1) ? rounds.slice(0, place).reverse().map(roundOf) : []
}
