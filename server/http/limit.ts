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

/** Buckets that are remembered at the least; twice as many at the most, which take about 10 MB. */
const REMEMBERED = 50_000

/** Takes one from the bucket of `who`: 0, or the seconds to wait if it is empty. */
export function createLimit({ burst, everyMs }: Rate, clock: Clock): (who: string | number) => number {
  if (burst === Number.POSITIVE_INFINITY) return () => 0
  /** When each bucket will be full again. Who is in neither was quiet for long, and has a full one. */
  let recent = new Map<string | number, number>()
  let older = new Map<string | number, number>()
  return (who) => {
    const now = clock.now()
    const at = Math.max(now, recent.get(who) ?? older.get(who) ?? 0) + everyMs
    const wait = at - now - burst * everyMs
    if (wait > 0) return Math.ceil(wait / 1000)
    recent.set(who, at)
    if (recent.size >= REMEMBERED) {
      older = recent
      recent = new Map()
    }
    return 0
  }
}
