/**
 * Which samples a user is given: in rounds, one of each neighbour, nearest first, newest first; within what `privacy` allows
 * of one neighbour to one device, and of one sample to all devices. For everybody it must cost little: a few typed arrays
 * are used again for each user, and what is chosen takes time in proportion to what is given.
 */
import type { Hyper } from '../../shared/hyper.ts'
import { type Random, seeded } from '../../shared/random.ts'
import type { Privacy } from './privacy/settings.ts'

/** Samples that can be given. Arrays may be replaced as they grow: they are read anew for each choice. */
export interface Shelf {
  /** Number of the first sample; sample n is at n − base in `owner` and `reach`. */
  readonly base: number
  /** [samples] The user that each is of; `GONE` for one that is not to be given any more. */
  readonly owner: Uint32Array
  /** [samples] Devices that each has been given to; `choose` counts on. */
  readonly reach: Uint16Array
  /** [users] The numbers of user u's samples are samples[starts[u]] … samples[ends[u] − 1], newest first. */
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  readonly samples: Uint32Array
}
export const GONE = 0xffff_ffff

export interface Wish {
  readonly user: number
  readonly day: number
  /** Users, nearest first: K, or as many as `privacy.widen` draws them from. */
  readonly donors: Uint32Array
  /** Samples mapped to the user in the last seven days, this one included; in any order. */
  readonly week: Uint32Array
  /** Those of them that were mapped today. */
  readonly today?: Uint32Array
  readonly limit: number
  /** Only samples with this number or a higher one. */
  readonly since: number
}

/** Numbers of samples, at most `limit`, none of them in `week`. They count as given. */
export type Choose = (wish: Wish) => Uint32Array

const NOTHING = new Uint32Array()

/** `seed`: what is drawn by lot hangs on it, the user and the day, and must not be known outside. */
export function createChooser(
  shelf: Shelf,
  { hyper, privacy, seed }: { hyper: Hyper; privacy: Privacy; seed: number },
): Choose {
  const worth = hyper.batchesPerDay * hyper.batchSize
  const perDay = Math.max(1, Math.floor(privacy.donorDayShare * worth))
  const perWeek = Math.max(1, Math.floor(privacy.donorWeekShare * worth))
  const maxReach = privacy.reach || 0xffff
  const had = createNumbers()
  const hadToday = createNumbers()
  // Of the donors that still have something to give: where they are in their list, where that ends, and what they may give.
  let at = new Uint32Array(1024)
  let end = new Uint32Array(1024)
  let left = new Int32Array(1024)

  /** Lines the donors up; tells how many there are. */
  function queue({ user, week, today = NOTHING }: Wish, donors: Uint32Array): number {
    const { starts, ends, samples } = shelf
    if (donors.length > at.length) {
      at = new Uint32Array(2 * donors.length)
      end = new Uint32Array(at.length)
      left = new Int32Array(at.length)
    }
    had.set(week)
    hadToday.set(today)
    let open = 0
    for (const donor of donors) {
      if (donor === user || donor >= starts.length) continue
      let weekly = 0
      let daily = 0
      for (let i = starts[donor]!; week.length > 0 && i < ends[donor]!; i++)
        if (had.has(samples[i]!)) {
          weekly++
          if (hadToday.has(samples[i]!)) daily++
        }
      at[open] = starts[donor]!
      end[open] = ends[donor]!
      left[open++] = Math.min(perDay - daily, perWeek - weekly)
    }
    return open
  }

  return (wish) => {
    const { user, day, limit, since } = wish
    const random = seeded(mix(seed, user, day))
    let open = queue(wish, drawn(wish.donors, hyper.neighbours, privacy.widen, random))
    const { base, owner, reach, samples } = shelf
    const chosen: number[] = []
    while (open > 0 && chosen.length < limit) {
      let still = 0
      for (let i = 0; i < open && chosen.length < limit; i++) {
        let found = -1
        let next = at[i]!
        for (; left[i]! > 0 && next < end[i]! && found < 0; next++) {
          const sample = samples[next]!
          const may = sample >= since && owner[sample - base] !== GONE && reach[sample - base]! < maxReach
          if (may && !had.has(sample)) found = sample
        }
        if (found < 0) continue
        reach[found - base]!++
        chosen.push(found)
        at[still] = next
        end[still] = end[i]!
        left[still++] = left[i]! - 1
      }
      open = still
    }
    return Uint32Array.from(privacy.shuffle ? random.shuffle(chosen) : chosen)
  }
}

/** `count` of the nearest `widen` × `count`, still nearest first. */
function drawn(donors: Uint32Array, count: number, widen: number, random: Random): Uint32Array {
  const from = donors.subarray(0, Math.ceil(widen * count))
  if (from.length <= count) return from
  if (widen === 1) return from.subarray(0, count)
  const places = random.shuffle(Int32Array.from(from.keys())).subarray(0, count).sort()
  return Uint32Array.from(places, (place) => from[place]!)
}

/** A set of numbers below 2³² − 1 that is small enough to stay in the processor's cache. */
function createNumbers() {
  let table = new Uint32Array(16)
  return {
    set(numbers: Uint32Array): void {
      if (table.length < 4 * numbers.length)
        table = new Uint32Array(2 ** Math.ceil(Math.log2(4 * numbers.length)))
      else table.fill(0)
      const mask = table.length - 1
      for (const number of numbers) {
        let slot = Math.imul(number, 0x9e3779b1) & mask
        while (table[slot]! !== 0 && table[slot]! !== number + 1) slot = (slot + 1) & mask
        table[slot] = number + 1
      }
    },
    has(number: number): boolean {
      const mask = table.length - 1
      let slot = Math.imul(number, 0x9e3779b1) & mask
      for (; table[slot]! !== 0; slot = (slot + 1) & mask) if (table[slot]! === number + 1) return true
      return false
    },
  }
}

/** Three numbers as one, whose bits hang on all of theirs. */
function mix(...numbers: readonly number[]): number {
  let hash = 0x811c9dc5
  for (const number of numbers) {
    hash = Math.imul(hash ^ number, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35)
    hash ^= hash >>> 13
  }
  return hash >>> 0
}

/** Batches of `batchSize`; the last takes up to `batchMax`, if that leaves no fragment. */
export function cut(
  ids: Uint32Array,
  { batchSize, batchMax }: Pick<Hyper, 'batchSize' | 'batchMax'>,
): Uint32Array[] {
  const batches: Uint32Array[] = []
  for (let at = 0; at < ids.length; ) {
    const left = ids.length - at
    const size = left <= batchMax ? left : batchSize
    batches.push(ids.slice(at, at + size))
    at += size
  }
  return batches
}
