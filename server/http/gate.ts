/** What keeps memory bounded: only so much may be under way, and who comes when it is full gets an appointment. */
import type { Clock } from '../../shared/clock.ts'

export interface Capacity {
  /** Of everything under way together, in whatever it is weighed. */
  readonly most: number
  /** Visitors that are expected to be served in a second: appointments are so far apart. */
  readonly perSecond: number
}

/** Nobody is sent away sooner … */
const SOONEST_MS = 1000
/** … nor for longer. */
const LATEST_MS = 600_000

export interface Gate {
  /** 0 for one who may come in, and must `leave` with the same weight; else the seconds after which to come again. */
  enter(weight: number): number
  leave(weight: number): void
  readonly inside: number
}

/** One who finds it empty comes in whatever their weight. */
export function createGate({ most, perSecond }: Capacity, clock: Clock): Gate {
  let inside = 0
  /** When the last one who was sent away is to come again. */
  let last = 0
  return {
    enter(weight) {
      if (inside === 0 || inside + weight <= most) {
        inside += weight
        return 0
      }
      const now = clock.now()
      last = Math.min(Math.max(last, now + SOONEST_MS) + 1000 / perSecond, now + LATEST_MS)
      return Math.ceil((last - now) / 1000)
    },
    leave(weight) {
      inside -= weight
    },
    get inside() {
      return inside
    },
  }
}
