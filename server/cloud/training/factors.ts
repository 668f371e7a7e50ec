/**
 * Learns item factors (`shared/model/factors.ts`) from everybody's samples by expectation maximisation: personal vectors are
 * not fitted but kept as distributions, so factors come out that a user's few samples can be folded into. Maximising over
 * the vectors, too (alternating least squares), overfits from a handful of dimensions on.
 */

import type { Factors } from '../../../shared/model/factors.ts'
import { factorise, invert, solve } from '../../../shared/model/linear.ts'
import { seeded } from '../../../shared/random.ts'

/** Everybody's samples, user by user; [n] ids of targets and labels. */
export interface Everybody {
  /** [users + 1]: where each user's begin. */
  readonly starts: Uint32Array
  readonly items: Int32Array
  readonly labels: Uint8Array
}

/** What is known of items beforehand: `groups[id]` are the numbers, below `count`, of what it is of (its categories). */
export interface Kinds {
  readonly count: number
  readonly groups: readonly (readonly number[])[]
}

export interface FactorNumbers {
  readonly dim: number
  readonly iterations: number
  /** Samples that the prior of an item's vector and of its bias count as. */
  readonly vectorPrior: number
  readonly biasPrior: number
  /** Items that the prior of what kinds have in common counts as. */
  readonly kindPrior: number
  /** Variance of how often users click. */
  readonly spread: number
  readonly seed: number
}

/** Chosen on validation users of MovieLens-1M; what else was tried is in docs/experiments.md. */
export const FACTORS: FactorNumbers = {
  dim: 12,
  iterations: 40,
  vectorPrior: 60,
  biasPrior: 2,
  kindPrior: 30,
  spread: 0.1,
  seed: 1,
}

/** An item with more samples tells no more of its kind than one with these. */
const TELLING = 50

/** Factors of the ids of `kinds.groups`, not mixed with any model yet; `hear` is told of each iteration. */
export async function learnFactors(
  everybody: Everybody,
  kinds: Kinds,
  numbers: FactorNumbers,
  hear: (done: number, total: number) => Promise<void> = async () => {},
): Promise<Factors> {
  const { dim, iterations, spread } = numbers
  const rows = kinds.groups.length
  const width = dim + 1
  const random = seeded(numbers.seed)
  /** [rows × width]: q_i, then b_i. */
  const items = Float64Array.from({ length: rows * width }, (_, i) =>
    i % width === dim ? 0 : 0.08 * random.normal(),
  )
  const level = mean(everybody.labels)
  const prior = priorOf(kinds, width, numbers)
  let noise = level * (1 - level) || 1
  for (let done = 0; done < iterations; done++) {
    const told = await expect(everybody, items, { rows, dim, level, noise, spread }, () =>
      hear(done, iterations),
    )
    noise = maximise(told, items, prior.means, numbers)
    prior.follow(items, told.counts)
    await hear(done + 1, iterations)
  }
  return {
    rows,
    dim,
    vectors: Float32Array.from(
      { length: rows * dim },
      (_, i) => items[Math.floor(i / dim) * width + (i % dim)]!,
    ),
    bias: Float32Array.from({ length: rows }, (_, i) => items[i * width + dim]!),
    level,
    noise,
    spread,
    mix: { model: 1, factors: 0, user: 0, level: 0 },
  }
}

const mean = (values: Uint8Array): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** What the users' distributions tell of each item: a least-squares problem each. */
interface Told {
  /** [rows × width × width], lower triangles, and [rows × width] */
  readonly squares: Float64Array
  readonly products: Float64Array
  /** Σ of the squared rest that items explain */
  readonly rests: Float64Array
  readonly counts: Float64Array
}

/** Users between two breaths. */
const BREATH = 2000

async function expect(
  { starts, items: shown, labels }: Everybody,
  items: Float64Array,
  { rows, dim, level, noise, spread }: Pick<Factors, 'rows' | 'dim' | 'level' | 'noise' | 'spread'>,
  breathe: () => Promise<void>,
): Promise<Told> {
  const width = dim + 1
  const told: Told = {
    squares: new Float64Array(rows * width * width),
    products: new Float64Array(rows * width),
    rests: new Float64Array(rows),
    counts: new Float64Array(rows),
  }
  const precision = new Float64Array(width * width)
  const covariance = new Float64Array(width * width)
  /** u, then s. */
  const user = new Float64Array(width)
  const x = new Float64Array(width).fill(1)
  for (let who = 0; who + 1 < starts.length; who++) {
    if (who % BREATH === BREATH - 1) await breathe()
    precision.fill(0)
    user.fill(0)
    for (let i = 0; i < width; i++) precision[i * width + i] = i < dim ? 1 : 1 / spread
    for (let n = starts[who]!; n < starts[who + 1]!; n++) {
      const at = shown[n]! * width
      for (let i = 0; i < dim; i++) x[i] = items[at + i]!
      const rest = (labels[n]! - level - items[at + dim]!) / noise
      for (let i = 0; i < width; i++) {
        user[i]! += x[i]! * rest
        for (let j = 0; j <= i; j++) precision[i * width + j]! += (x[i]! * x[j]!) / noise
      }
    }
    factorise(precision, width)
    solve(precision, width, user)
    invert(precision, width, covariance)
    for (let n = starts[who]!; n < starts[who + 1]!; n++)
      tell(told, shown[n]!, labels[n]! - level - user[dim]!, user, covariance, dim)
  }
  return told
}

/** Adds a sample: rest ≈ q·u + b, of which u is known by mean and covariance, and so is what the user's s takes of the rest. */
function tell(
  { squares, products, rests, counts }: Told,
  item: number,
  rest: number,
  user: Float64Array,
  covariance: Float64Array,
  dim: number,
): void {
  const width = dim + 1
  const square = item * width * width
  const product = item * width
  for (let i = 0; i < dim; i++) {
    products[product + i]! += user[i]! * rest - covariance[i * width + dim]!
    for (let j = 0; j <= i; j++)
      squares[square + i * width + j]! += user[i]! * user[j]! + covariance[i * width + j]!
    squares[square + dim * width + i]! += user[i]!
  }
  squares[square + dim * width + dim]! += 1
  products[product + dim]! += rest
  rests[item]! += rest * rest + covariance[dim * width + dim]!
  counts[item]! += 1
}

/** Solves every item's problem, in place; gives the noise that is left. */
function maximise(
  { squares, products, rests, counts }: Told,
  items: Float64Array,
  means: Float64Array,
  { dim, vectorPrior, biasPrior }: FactorNumbers,
): number {
  const width = dim + 1
  const rows = counts.length
  const matrix = new Float64Array(width * width)
  const theta = new Float64Array(width)
  let left = 0
  let samples = 0
  for (let row = 0; row < rows; row++) {
    const square = squares.subarray(row * width * width, (row + 1) * width * width)
    const product = products.subarray(row * width, (row + 1) * width)
    matrix.set(square)
    for (let i = 0; i < width; i++) {
      const weight = i < dim ? vectorPrior : biasPrior
      matrix[i * width + i]! += weight
      theta[i] = product[i]! + weight * means[row * width + i]!
    }
    factorise(matrix, width)
    solve(matrix, width, theta)
    items.set(theta, row * width)
    left += rests[row]!
    samples += counts[row]!
    for (let i = 0; i < width; i++) {
      left -= 2 * theta[i]! * product[i]!
      for (let j = 0; j <= i; j++) left += (i === j ? 1 : 2) * theta[i]! * theta[j]! * square[i * width + j]!
    }
  }
  return samples > 0 ? Math.max(1e-4, left / samples) : 1
}

/** What an item is expected to be by what it is of: a ridge regression of items on kinds, learnt along with them. */
function priorOf({ count, groups }: Kinds, width: number, { kindPrior }: FactorNumbers) {
  const rows = groups.length
  const kinds = count + 1
  /** Everything is of one kind, the last. */
  const of = groups.map((group) => [...group, count])
  const means = new Float64Array(rows * width)
  return {
    means,
    follow(items: Float64Array, counts: Float64Array): void {
      const square = new Float64Array(kinds * kinds)
      const products = Array.from({ length: width }, () => new Float64Array(kinds))
      for (let i = 0; i < kinds; i++) square[i * kinds + i] = kindPrior
      of.forEach((group, row) => {
        const weight = Math.min(TELLING, counts[row]!)
        for (const i of group) {
          for (const j of group) if (j <= i) square[i * kinds + j]! += weight
          for (let d = 0; d < width; d++) products[d]![i]! += weight * items[row * width + d]!
        }
      })
      factorise(square, kinds)
      for (const product of products) solve(square, kinds, product)
      of.forEach((group, row) => {
        for (let d = 0; d < width; d++)
          means[row * width + d] = group.reduce((sum, kind) => sum + products[d]![kind]!, 0)
      })
    },
  }
}
