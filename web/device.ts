/** The page's one way to the device: its worker, started, connected, and started anew where it dies. */
import { connect } from '../shared/connect.ts'
import type { AppError } from '../shared/failure.ts'
import { toFailure } from '../shared/failure.ts'
import type { Conditions, DeviceApi, Status } from '../shared/protocol.ts'
import { createStore, type Store } from './store.ts'

/** A worker that died is followed by the next after this, then after twice as long, and so on. */
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 60_000
/** One that lived this long did not die of its start. */
const STEADY_MS = 60_000

/** `?seed=7` makes a visit repeatable: the draw of the feed and the rounds. */
export function seedIn(query: string): number | undefined {
  const seed = new URLSearchParams(query).get('seed') ?? ''
  return /^\d{1,9}$/.test(seed) ? Number(seed) : undefined
}

/** The worker's name carries `?engine=tfjs-wasm&seed=7` on; the worker knows which engines there are. */
export function workerName(query: string): string {
  const engine = new URLSearchParams(query).get('engine') ?? ''
  const seed = seedIn(query)
  const options = new URLSearchParams()
  if (/^[a-z]+(-[a-z]+)?$/.test(engine)) options.set('engine', engine)
  if (seed !== undefined) options.set('seed', String(seed))
  return options.toString() || 'kindred'
}

/** Starts the device worker. Throws where the browser has no module workers. */
export function startDevice(query: string): DeviceApi {
  const name = workerName(query)
  return keepAlive(
    (ended) => {
      const worker = new Worker(new URL('../worker/device/index.ts', import.meta.url), {
        type: 'module',
        name,
      })
      return connect(worker, (why) => {
        worker.terminate() // an error does not end it by itself
        ended(why)
      })
    },
    { now: () => performance.now(), later: (act, ms) => setTimeout(act, ms) },
  )
}

/**
 * A device that outlives its workers: `open` starts one and says when it has ended. What was asked of a dead one fails with
 * `worker`, and so does what is asked before the next; that one is told what the page told the last about itself. One of
 * another version has no successor: only a reload helps.
 */
export function keepAlive(
  open: (ended: (why: AppError) => void) => DeviceApi,
  { now, later }: { now: () => number; later: (act: () => void, ms: number) => unknown },
): DeviceApi {
  const listeners = new Set<(status: Status) => void>()
  let last: Status | undefined
  let told: Conditions | undefined
  let pause = FIRST_PAUSE_MS
  let device = begin()

  function begin(): DeviceApi {
    const began = now()
    const opened = open((why) => {
      if (last) tell({ ...last, run: { phase: 'idle' }, leads: false, failure: toFailure(why) })
      if (why.code === 'version') return
      if (now() - began >= STEADY_MS) pause = FIRST_PAUSE_MS
      later(() => {
        device = begin()
      }, pause)
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
    })
    opened.onStatus(tell)
    if (told) opened.conditions(told).catch(() => {})
    return opened
  }

  function tell(status: Status): void {
    last = status
    for (const listener of listeners) listener(status)
  }

  const calls = Object.keys(device).map((name) => [
    name,
    (...input: never[]) => (device[name as keyof DeviceApi] as (...input: never[]) => unknown)(...input),
  ])
  return {
    ...(Object.fromEntries(calls) as DeviceApi),
    conditions(now) {
      told = now
      return device.conditions(now)
    },
    onStatus(listener) {
      listeners.add(listener)
      if (last) listener(last)
      return () => listeners.delete(listener)
    },
  }
}

/** The newest status; null until the worker has said the first. */
export function statusOf(device: DeviceApi): Store<Status | null> {
  const status = createStore<Status | null>(null)
  device.onStatus(status.set)
  return status
}
