/** What keeps memory bounded: only so much may be under way, and who comes when it is full gets an appointment. */
import type { Clock } from '../../shared/clock.ts'

export interface Capacity {
  /** Of everything under way together, in whatever it is weighed. */
  readonly most: number
  /** Visitors that are expected to be served in a second: appointments are so far apart. */
  readonly perSecond: number
}

/** Of the room, what those of one address may take up: who is slow on purpose keeps nobody else out. */
const SHARE = 0.25
/** Nobody is sent away sooner … */
const SOONEST_MS = 1000
/** … nor for longer. */
const LATEST_MS = 600_000

export interface Gate {
  /**
   * 0 for one who may come in, and must `leave` with the same weight; else the seconds after which to come again. `from` is
   * the address that they come from, where one address alone could fill the room.
   */
  enter(weight: number, from?: string): number
  leave(weight: number, from?: string): void
  readonly inside: number
}

/** One who finds it empty of others, or of others from there, comes in whatever their weight. */
export function createGate({ most, perSecond }: Capacity, clock: Clock): Gate {
  let inside = 0
  const shares = new Map<string, number>()
  /** When the last one who was sent away is to come again. */
  let last = 0
  return {
    enter(weight, from) {
      const share = from === undefined ? 0 : (shares.get(from) ?? 0)
      const fits = inside === 0 || inside + weight <= most
      if (fits && (share === 0 || share + weight <= most * SHARE)) {
        inside += weight
        if (from !== undefined) shares.set(from, share + weight)
        return 0
      }
      const now = clock.now()
      last = Math.min(Math.max(last, now + SOONEST_MS) + 1000 / perSecond, now + LATEST_MS)
      return Math.ceil((last - now) / 1000)
    },
    leave(weight, from) {
      inside -= weight
      if (from === undefined) return
      const left = shares.get(from)! - weight
      if (left > 0) shares.set(from, left)
      else shares.delete(from)
    },
    get inside() {
      return inside
    },
  }
}
