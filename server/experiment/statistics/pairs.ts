/** Which rows are compared with which: the same user under the same seed, under two arms. */
import { AppError } from '../../../shared/failure.ts'
import type { Row } from '../results.ts'
import { averaged, type Bootstrap, type Comparison, type Part, type Parts } from './bootstrap.ts'

/** Rows under one seed, by user. */
export type Users = ReadonlyMap<string, Row>
/** Rows of one arm, by seed. */
export type Seeds = ReadonlyMap<number, Users>

export interface Pair {
  /** Those that both arms have rows of; entry i of `a` and `b` is under the i-th. */
  readonly seeds: readonly number[]
  /** The same users everywhere: those who have a row of both arms under each seed. */
  readonly a: readonly Users[]
  readonly b: readonly Users[]
  readonly users: number
  /** Users with some row of the first arm who are not among them. */
  readonly leftOut: number
}

/** What a row adds to a figure; undefined where it has nothing to say. */
export type Measure = (row: Row) => Part | undefined

/** In the order in which arms first appear. */
export function byArm(rows: readonly Row[]): Map<string, Seeds> {
  const arms = new Map<string, Map<number, Map<string, Row>>>()
  for (const row of rows) {
    const seeds = arms.get(row.arm) ?? new Map<number, Map<string, Row>>()
    const users = seeds.get(row.seed) ?? new Map<string, Row>()
    arms.set(row.arm, seeds.set(row.seed, users.set(row.user, row)))
  }
  return arms
}

/** Throws `bad-input` where the two share no seed or no user, or judge different exposures of a user. */
export function pairUp(a: Seeds, b: Seeds): Pair {
  const seeds = [...a.keys()].filter((seed) => b.has(seed)).sort((one, other) => one - other)
  const all = seeds.flatMap((seed) => [a.get(seed)!, b.get(seed)!])
  const some = new Set(seeds.flatMap((seed) => [...a.get(seed)!.keys()]))
  const whole = [...some].filter((user) => all.every((rows) => rows.has(user)))
  if (whole.length === 0) throw new AppError('bad-input', 'Two arms without a seed and a user in common')
  for (const user of whole) assertSameFuture(all.map((rows) => rows.get(user)!))
  const of = (arm: Seeds) =>
    seeds.map((seed) => new Map(whole.map((user) => [user, arm.get(seed)!.get(user)!])))
  return { seeds, a: of(a), b: of(b), users: whole.length, leftOut: some.size - whole.length }
}

function assertSameFuture(rows: readonly Row[]): void {
  const futureOf = ({ labels, days }: Row) => `${labels} ${days}`
  const [first, ...others] = rows
  const other = others.find((row) => futureOf(row) !== futureOf(first!))
  if (other)
    throw new AppError(
      'bad-input',
      `User ${first!.user} has different exposures under “${first!.arm}” and “${other.arm}”`,
    )
}

export function partsOf(rows: Users, measure: Measure): Parts {
  const parts = new Map<string, Part>()
  for (const [user, row] of rows) {
    const part = measure(row)
    if (part) parts.set(user, part)
  }
  return parts
}

/** Each user's mean over seeds, then the interval over users. */
export const compareBy = ({ a, b }: Pair, measure: Measure, { paired }: Bootstrap): Comparison =>
  paired(averaged(a.map((rows) => partsOf(rows, measure))), averaged(b.map((rows) => partsOf(rows, measure))))
