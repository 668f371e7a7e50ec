/**
 * Intervals by resampling users: 95 % percentile intervals of the paired bootstrap (Efron & Tibshirani 1993, chapter 13).
 * All figures are ratios of sums over users, so a resample is a count for each user, and the ratio of the counted sums.
 */
import { seeded } from '../../../shared/random.ts'

/** What one user adds to a ratio of sums: to a mean its value with weight 1, to a CTR its clicks with what it was shown. */
export interface Part {
  readonly sum: number
  readonly weight: number
}
/** By user. */
export type Parts = ReadonlyMap<string, Part>

export interface Estimate {
  readonly value: number
  /** null where there are fewer than two users, or a resample in which there is no such figure. */
  readonly ci95: readonly [number, number] | null
  readonly users: number
}

export interface Comparison {
  readonly a: Estimate
  readonly b: Estimate
  /** a − b. */
  readonly difference: Estimate
  /** By how many percent of b a is greater; null where b is 0. */
  readonly relativePct: Estimate | null
}

export interface Bootstrap {
  ratio(parts: Parts): Estimate
  /** Of the users in both, the same ones being drawn for both. */
  paired(a: Parts, b: Parts): Comparison
  /** Of two sets of users that were assigned by chance, each drawn from by itself. */
  buckets(a: Parts, b: Parts): Comparison
}

export interface BootstrapSettings {
  readonly resamples?: number
  readonly seed?: number
}

/** A figure from sums: those of a resample, one after another for each column. */
type Figure = (sums: Float64Array) => number

/** All throw `RangeError` without users. Equal settings and parts give equal intervals. */
export function bootstrap({ resamples = 2000, seed = 1 }: BootstrapSettings = {}): Bootstrap {
  const drawn = new Map<string, Uint8Array>()
  /** How often each of `users` is drawn, resample by resample; of the second bucket other draws than of the first. */
  const draws = (users: number, bucket: number) => {
    const name = `${users} ${bucket}`
    const counts = drawn.get(name) ?? draw(users, resamples, seed + bucket)
    drawn.set(name, counts)
    return counts
  }

  function estimates(groups: readonly (readonly Float64Array[])[], figures: readonly Figure[]): Estimate[] {
    const sizes = groups.map(([column]) => column!.length)
    const users = sizes.reduce((sum, size) => sum + size, 0)
    if (Math.min(...sizes) === 0) throw new RangeError('there are no users to make a figure of')
    const plain = Float64Array.from(groups.flat(), (column) => column.reduce((sum, part) => sum + part, 0))
    const values = figures.map(() => new Float64Array(resamples))
    const counts = groups.map((_, bucket) => draws(sizes[bucket]!, bucket))
    const sums = new Float64Array(plain.length)
    for (let r = 0; r < resamples; r++) {
      let at = 0
      for (const [bucket, columns] of groups.entries())
        for (const column of columns) sums[at++] = dot(column, counts[bucket]!, r * column.length)
      for (const [f, figure] of figures.entries()) values[f]![r] = figure(sums)
    }
    return figures.map((figure, f) => {
      const known = Math.min(...sizes) > 1 && values[f]!.every(Number.isFinite)
      return { value: figure(plain), ci95: known ? middle95(values[f]!) : null, users }
    })
  }

  const compared = (groups: Float64Array[][]): Comparison => {
    const [a, b, difference, relativePct] = estimates(groups, [
      ([sum, weight]) => sum! / weight!,
      ([, , sum, weight]) => sum! / weight!,
      ([sumA, weightA, sumB, weightB]) => sumA! / weightA! - sumB! / weightB!,
      ([sumA, weightA, sumB, weightB]) => 100 * ((sumA! * weightB!) / (weightA! * sumB!) - 1),
    ])
    return {
      a: { ...a!, users: groups[0]![0]!.length },
      b: { ...b!, users: groups.at(-1)![0]!.length },
      difference: difference!,
      relativePct: Number.isFinite(relativePct!.value) ? relativePct! : null,
    }
  }

  return {
    ratio: (parts) => estimates([columnsOf(parts)], [([sum, weight]) => sum! / weight!])[0]!,
    paired(a, b) {
      const users = [...a.keys()].filter((user) => b.has(user))
      return compared([[...columnsOf(a, users), ...columnsOf(b, users)]])
    },
    buckets: (a, b) => compared([columnsOf(a), columnsOf(b)]),
  }
}

/** Parts of the same users under several seeds: the mean of each user's, for those who are in all. */
export function averaged(ofSeeds: readonly Parts[]): Parts {
  const mean = new Map<string, Part>()
  for (const user of ofSeeds[0]?.keys() ?? []) {
    const parts = ofSeeds.flatMap((parts) => parts.get(user) ?? [])
    if (parts.length < ofSeeds.length) continue
    const over = (pick: (part: Part) => number) =>
      parts.reduce((sum, part) => sum + pick(part), 0) / parts.length
    mean.set(user, { sum: over(({ sum }) => sum), weight: over(({ weight }) => weight) })
  }
  return mean
}

/** By the users' names, so that the order in which results came in changes nothing. */
function columnsOf(parts: Parts, users: Iterable<string> = parts.keys()): Float64Array[] {
  const ordered = [...users].sort().map((user) => parts.get(user)!)
  return [Float64Array.from(ordered, ({ sum }) => sum), Float64Array.from(ordered, ({ weight }) => weight)]
}

/** A user is drawn more than 255 times of n with a chance below 1e-500. */
function draw(users: number, resamples: number, seed: number): Uint8Array {
  const random = seeded(seed)
  const counts = new Uint8Array(users * resamples)
  for (let start = 0; start < counts.length; start += users)
    for (let i = 0; i < users; i++) counts[start + random.below(users)]!++
  return counts
}

function dot(column: Float64Array, counts: Uint8Array, from: number): number {
  let sum = 0
  for (let i = 0; i < column.length; i++) sum += column[i]! * counts[from + i]!
  return sum
}

/** From the 2.5th to the 97.5th percentile, between neighbours by straight line. */
function middle95(values: Float64Array): [number, number] {
  const sorted = values.toSorted()
  const at = (share: number) => {
    const place = share * (sorted.length - 1)
    const below = Math.floor(place)
    const above = Math.min(below + 1, sorted.length - 1)
    return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!)
  }
  return [at(0.025), at(0.975)]
}
