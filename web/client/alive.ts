/** A device that outlives its workers. */
import { connect } from '../../shared/connect.ts'
import { AppError, toFailure } from '../../shared/error.ts'
import type { Conditions, DeviceApi, Status } from '../../shared/protocol.ts'

/** A worker that died is followed by the next after this, then after twice as long, and so on. */
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 60_000
/** One that lived this long did not die of its start. */
const STEADY_MS = 60_000

/** A device that can be done without: what is under way fails as `end` says, and so does all that is asked after. */
export type Ending = DeviceApi & { end(why: AppError): void }

export interface Timing {
  /** ms */
  now(): number
  later(act: () => void, ms: number): unknown
}
const systemTiming: Timing = {
  now: () => performance.now(),
  later: (act, ms) => setTimeout(act, ms),
}

/**
 * The device in the workers that `create` makes, one after the other. Throws what the first one throws. A page that is left
 * but kept to come back to has none: WebKit freezes it with its worker and that one's transactions, which every other page
 * would wait for.
 */
export const keepWorking = (create: () => Worker): Ending =>
  keepAlive((ended) => {
    const worker = create()
    const leave = ({ persisted }: PageTransitionEvent) => {
      if (persisted) device.end(new AppError('worker', 'The page was left.'))
    }
    const device = connect(worker, (why) => {
      removeEventListener('pagehide', leave)
      worker.terminate() // an error does not end it by itself
      ended(why)
    })
    addEventListener('pagehide', leave)
    return device
  })

/**
 * `open` starts a device and says when it has ended. What was asked of a dead one fails with `worker`, and so does what is
 * asked before the next; that one is told what the page told the last about itself. One of another version has no successor:
 * only a reload helps.
 */
export function keepAlive(
  open: (ended: (why: AppError) => void) => Ending,
  { now, later }: Timing = systemTiming,
): Ending {
  const listeners = new Set<(status: Status) => void>()
  let last: Status | undefined
  let told: Conditions | undefined
  let pause = FIRST_PAUSE_MS
  let over = false
  let device = begin()

  function begin(): Ending {
    const began = now()
    const opened = open((why) => {
      if (last) tell({ ...last, run: { phase: 'idle' }, leads: false, failure: toFailure(why) })
      if (over || why.code === 'version') return
      if (now() - began >= STEADY_MS) pause = FIRST_PAUSE_MS
      later(() => {
        if (!over) device = begin()
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
    end(why) {
      over = true
      listeners.clear()
      device.end(why)
    },
  }
}
