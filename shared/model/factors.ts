/**
 * Item factors and a user's own place among them: what a device can know of its user in closed form, beside the DIN.
 *
 *   label = level + b_i + s + q_i·u + ε,   u ~ N(0, I), s ~ N(0, spread), ε ~ N(0, noise)
 *
 * (probabilistic PCA with values missing: Tipping & Bishop 1999; as matrix factorisation: Salakhutdinov & Mnih 2008.) The
 * factors q_i and b_i are learnt in the cloud from everybody's samples so that a user's few suffice: given them, the mean
 * of the personal vector (u, s) is a ridge regression on the user's own samples (fold-in), which takes a device less than a
 * millisecond, needs no learning rate, and is no more than the prior where the samples say nothing.
 */
import { AppError } from '../failure.ts'
import { readSafetensors, writeSafetensors } from '../safetensors.ts'
import { factorise, solve } from './linear.ts'
import { allFinite } from './weights.ts'

/**
 * How the logit is put together: `model` · the DIN's logit + `factors` · (b_i + q_i·u) + `user` · s + `level`. The term in s is
 * the same for all that one user could be shown; it is there because the DIN's logit tells how often its user clicks, too, and
 * would otherwise be believed for that where items are compared.
 */
export interface Mix {
  readonly model: number
  readonly factors: number
  readonly user: number
  readonly level: number
}

export interface Factors {
  readonly rows: number
  readonly dim: number
  /** q_i, row-major [rows × dim]; the row of an id of the target's vocabulary. */
  readonly vectors: Float32Array
  /** b_i [rows] */
  readonly bias: Float32Array
  readonly level: number
  readonly noise: number
  readonly spread: number
  readonly mix: Mix
}

/** What a user has shown: ids of targets, and whether each was clicked. */
export interface Shown {
  readonly items: ArrayLike<number>
  readonly labels: ArrayLike<number>
}

/**
 * The personal vector (u, s) [dim + 1]: the mean of its distribution given what was shown. All zeros where nothing was.
 * Throws `bad-input` for an id without a row.
 */
export function foldIn(factors: Factors, { items, labels }: Shown): Float32Array<ArrayBuffer> {
  const { dim, vectors, bias, level, noise, spread } = factors
  const width = dim + 1
  const precision = new Float64Array(width * width)
  const sum = new Float64Array(width)
  for (let i = 0; i < dim; i++) precision[i * width + i] = noise
  precision[width * width - 1] = noise / spread
  const x = new Float64Array(width).fill(1)
  for (let n = 0; n < items.length; n++) {
    const at = rowOf(factors, items[n]!)
    for (let i = 0; i < dim; i++) x[i] = vectors[at * dim + i]!
    const rest = labels[n]! - level - bias[at]!
    for (let i = 0; i < width; i++) {
      sum[i]! += x[i]! * rest
      for (let j = 0; j <= i; j++) precision[i * width + j]! += x[i]! * x[j]!
    }
  }
  factorise(precision, width)
  solve(precision, width, sum)
  return Float32Array.from(sum)
}

/** b_i + q_i·u: how an item appeals to the user of a personal vector, in units of the label. */
export function appeal(factors: Factors, vector: Float32Array, item: number): number {
  const { dim, vectors, bias } = factors
  const at = rowOf(factors, item)
  let sum = bias[at]!
  for (let i = 0; i < dim; i++) sum += vectors[at * dim + i]! * vector[i]!
  return sum
}

/** ln(p / (1 − p)), of probabilities clipped as in `logLoss`. */
export function logit(probability: number): number {
  const p = Math.min(1 - 1e-7, Math.max(1e-7, probability))
  return Math.log(p / (1 - p))
}

/** The click probability of an item to the user of a personal vector, where a DIN's is `probability`. */
export function mixed(factors: Factors, vector: Float32Array, item: number, probability: number): number {
  const { mix, dim } = factors
  const sum =
    mix.model * logit(probability) +
    mix.factors * appeal(factors, vector, item) +
    mix.user * vector[dim]! +
    mix.level
  return 1 / (1 + Math.exp(-sum))
}

function rowOf({ rows }: Factors, item: number): number {
  if (!(item >= 0 && item < rows))
    throw new AppError('bad-input', `There are no factors of the item ${item}.`)
  return item
}

export function writeFactors({ rows, dim, vectors, bias, level, noise, spread, mix }: Factors) {
  const numbers = Float32Array.of(level, noise, spread, mix.model, mix.factors, mix.user, mix.level)
  return writeSafetensors({
    'factors.vectors': { shape: [rows, dim], data: Float32Array.from(vectors) },
    'factors.bias': { shape: [rows], data: Float32Array.from(bias) },
    'factors.numbers': { shape: [numbers.length], data: numbers },
  })
}

/** Throws `bad-artifact` unless they are finite factors of `rows` items. */
export function readFactors(bytes: Uint8Array, rows: number): Factors {
  const file = readSafetensors(bytes)
  const [vectors, bias, numbers] = ['vectors', 'bias', 'numbers'].map((name) => file[`factors.${name}`])
  if (!vectors || !bias || !numbers || Object.keys(file).length !== 3)
    throw new AppError('bad-artifact', 'The file does not hold item factors.')
  const dim = vectors.shape[1] ?? 0
  const shapes = [vectors.shape.join(), bias.shape.join(), numbers.shape.join()].join(' ')
  if (dim < 1 || shapes !== `${rows},${dim} ${rows} 7`)
    throw new AppError('bad-artifact', `The item factors are [${shapes}], where ${rows} items are due.`)
  if (![vectors, bias, numbers].every(({ data }) => allFinite(data)))
    throw new AppError('bad-artifact', 'The item factors hold a value that is not finite.')
  const [level, noise, spread, model, ofFactors, ofUser, ofLevel] = numbers.data as unknown as number[]
  if (!(noise! > 0 && spread! > 0))
    throw new AppError('bad-artifact', 'A variance of the item factors is not positive.')
  return {
    rows,
    dim,
    vectors: vectors.data,
    bias: bias.data,
    level: level!,
    noise: noise!,
    spread: spread!,
    mix: { model: model!, factors: ofFactors!, user: ofUser!, level: ofLevel! },
  }
}
