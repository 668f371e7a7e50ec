/** Token buckets: one for each address, or each device. */
import type { Clock } from '../../shared/clock.ts'

export interface Rate {
  /** So many at once … */
  readonly burst: number
  /** … and one more every so often, ms. */
  readonly everyMs: number
}

/** Never empty. */
export const NO_LIMIT: Rate = { burst: Number.POSITIVE_INFINITY, everyMs: 1 }

/** Buckets that are remembered, about 5 MB; of more, the one that is quiet the longest is forgotten, and so is full. */
const REMEMBERED = 50_000

/** Takes one from the bucket of `who`: 0, or the seconds to wait if it is empty. */
export function createLimit({ burst, everyMs }: Rate, clock: Clock): (who: string | number) => number {
  /** When each bucket will be full again; in order of use. */
  const full = new Map<string | number, number>()
  if (burst === Number.POSITIVE_INFINITY) return () => 0
  return (who) => {
    const now = clock.now()
    const at = Math.max(now, full.get(who) ?? 0) + everyMs
    const wait = at - now - burst * everyMs
    if (wait > 0) return Math.ceil(wait / 1000)
    full.delete(who)
    full.set(who, at)
    if (full.size > REMEMBERED) full.delete(full.keys().next().value!)
    return 0
  }
}
