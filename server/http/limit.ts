/** A token bucket for each address. */
import type { Clock } from '../../shared/clock.ts'

export interface Rate {
  /** So many at once … */
  readonly burst: number
  /** … and one more every so often, ms. */
  readonly everyMs: number
}

/** Addresses that are remembered; of more, the one that is quiet the longest is forgotten. */
const REMEMBERED = 10_000

/** Takes one from an address's bucket: 0, or the seconds to wait if it is empty. */
export function createLimit({ burst, everyMs }: Rate, clock: Clock): (address: string) => number {
  /** When each bucket will be full again; in order of use. */
  const full = new Map<string, number>()
  return (address) => {
    const now = clock.now()
    const at = Math.max(now, full.get(address) ?? 0) + everyMs
    const wait = at - now - burst * everyMs
    if (wait > 0) return Math.ceil(wait / 1000)
    full.delete(address)
    full.set(address, at)
    if (full.size > REMEMBERED) full.delete(full.keys().next().value!)
    return 0
  }
}
