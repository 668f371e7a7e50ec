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
  readonly since?: number
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
  const donors = createCounter()
  const given = createCounter()

  /** What each donor may still give this user: the less of what is left of the day and of the week. */
  function room({ week, today = NOTHING }: Wish, { base, owner, starts }: Shelf): (donor: number) => number {
    donors.begin(starts.length)
    given.begin(owner.length)
    for (const sample of week) {
      const by = owner[sample - base] ?? GONE
      if (by === GONE) continue
      given.add(sample - base)
      donors.add(by)
    }
    const weekly = donors.of
    const daily = new Map<number, number>()
    for (const sample of today) {
      const by = owner[sample - base] ?? GONE
      if (by !== GONE) daily.set(by, (daily.get(by) ?? 0) + 1)
    }
    return (donor) => Math.min(perDay - (daily.get(donor) ?? 0), perWeek - weekly(donor))
  }

  return (wish) => {
    const { user, day, limit, since = 0 } = wish
    const { base, owner, reach, starts, ends, samples } = shelf
    const random = seeded(mix(seed, user, day))
    const left = room(wish, shelf)
    const queues: { at: number; readonly end: number; left: number }[] = []
    for (const donor of drawn(wish.donors, hyper.neighbours, privacy.widen, random))
      if (donor !== user && donor < starts.length)
        queues.push({ at: starts[donor]!, end: ends[donor]!, left: left(donor) })

    const chosen: number[] = []
    let open = queues
    while (open.length > 0 && chosen.length < limit) {
      const before = open
      open = []
      for (const queue of before) {
        if (chosen.length >= limit) break
        let sample = -1
        for (; queue.left > 0 && queue.at < queue.end && sample < 0; queue.at++) {
          const one = samples[queue.at]! - base
          const may = one >= since - base && owner[one] !== GONE && reach[one]! < maxReach
          if (may && given.of(one) === 0) sample = one
        }
        if (sample < 0) continue
        given.add(sample)
        reach[sample]!++
        queue.left--
        chosen.push(base + sample)
        open.push(queue)
      }
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

/** Counts by small numbers, forgotten at once by `begin`. */
function createCounter() {
  let stamps = new Uint32Array()
  let counts = new Uint16Array()
  let stamp = 0
  return {
    begin(size: number): void {
      if (size > stamps.length || stamp === 0xffff_ffff) {
        stamps = new Uint32Array(Math.ceil(size * 1.25))
        counts = new Uint16Array(stamps.length)
        stamp = 0
      }
      stamp++
    },
    add(at: number): void {
      counts[at] = (stamps[at] === stamp ? counts[at]! : 0) + 1
      stamps[at] = stamp
    },
    of: (at: number): number => (stamps[at] === stamp ? counts[at]! : 0),
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
