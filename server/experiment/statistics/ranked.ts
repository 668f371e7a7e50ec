/** What places of positives among negatives say about arms, each against the reference. */
import { AppError } from '../../../shared/failure.ts'
import { averaged, type Bootstrap, bootstrap, type Comparison, type Parts } from './bootstrap.ts'
import { hitRate, ndcg, type Place } from './ranking.ts'

/** One positive of one user, as one arm ranked it. */
export interface Judged extends Place {
  readonly arm: string
  readonly seed: number
  readonly user: string
}

export interface RankedSettings {
  readonly reference: string
  /** Whether each arm has users of its own, assigned by chance; else all arms judge the same positives of the same users. */
  readonly buckets?: boolean
  readonly bootstrap?: Bootstrap
}

/** Means over positives; in comparisons `a` is the arm and `b` the reference. Users are resampled with all that they have. */
export interface RankedFindings {
  readonly arm: string
  readonly seeds: readonly number[]
  readonly users: number
  /** Positives, over all seeds. */
  readonly judged: number
  readonly hr1: Comparison
  readonly hr5: Comparison
  readonly hr10: Comparison
  readonly ndcg5: Comparison
  readonly ndcg10: Comparison
}

/**
 * Arms in the order in which they first appear. Without buckets only users count who were judged under each seed that arm and
 * reference have in common. Throws `bad-input` where there is nothing to compare.
 */
export function rankedFindings(rows: readonly Judged[], settings: RankedSettings): RankedFindings[] {
  const { reference, buckets = false, bootstrap: boot = bootstrap() } = settings
  const arms = [...new Set(rows.map(({ arm }) => arm))]
  const rowsOf = new Map(arms.map((arm) => [arm, rows.filter((row) => row.arm === arm)]))
  const level = rowsOf.get(reference)
  if (!level) throw new AppError('bad-input', `There are no results of the arm “${reference}”`)
  return arms.map((arm) => {
    const own = rowsOf.get(arm)!
    const seeds = buckets ? seedsOf(own) : seedsOf(own).filter((seed) => seedsOf(level).includes(seed))
    if (seeds.length === 0)
      throw new AppError('bad-input', `“${arm}” and “${reference}” have no seed in common`)
    const partsOf = (of: readonly Judged[], measure: (place: Place) => number) =>
      buckets ? summed(of, measure) : averaged(seeds.map((seed) => summed(of, measure, seed)))
    const compare = (measure: (place: Place) => number) => {
      const parts = [partsOf(own, measure), partsOf(level, measure)] as const
      if (!buckets) assertSamePositives(...parts, arm)
      return buckets && arm !== reference ? boot.buckets(...parts) : boot.paired(...parts)
    }
    const hr10 = compare((place) => hitRate(place, 10))
    return {
      arm,
      seeds,
      users: hr10.a.users,
      judged: own.filter(({ seed }) => seeds.includes(seed)).length,
      hr1: compare((place) => hitRate(place, 1)),
      hr5: compare((place) => hitRate(place, 5)),
      hr10,
      ndcg5: compare((place) => ndcg(place, 5)),
      ndcg10: compare((place) => ndcg(place, 10)),
    }
  })
}

const seedsOf = (rows: readonly Judged[]): number[] =>
  [...new Set(rows.map(({ seed }) => seed))].sort((a, b) => a - b)

function assertSamePositives(own: Parts, level: Parts, arm: string): void {
  const user = [...own.keys()].find(
    (one) => own.get(one)!.weight !== (level.get(one) ?? own.get(one)!).weight,
  )
  if (user !== undefined)
    throw new AppError(
      'bad-input',
      `User ${user} is not judged on as much under “${arm}” as under the reference`,
    )
}

/** By user: the sum of the measure over the positives, and how many they are. */
function summed(rows: readonly Judged[], measure: (place: Place) => number, seed?: number): Parts {
  const parts = new Map<string, { sum: number; weight: number }>()
  for (const row of rows) {
    if (seed !== undefined && row.seed !== seed) continue
    const part = parts.get(row.user) ?? { sum: 0, weight: 0 }
    part.sum += measure(row)
    part.weight++
    parts.set(row.user, part)
  }
  return parts
}
