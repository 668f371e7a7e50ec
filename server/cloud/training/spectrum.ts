/** The largest eigenvalues of a large, sparse, symmetric matrix and their vectors, by subspace iteration (Halko et al. 2011). */
import type { Random } from '../../../shared/random.ts'

/** Entry k stands at (`one[k]`, `other[k]`) and, off the diagonal, at the mirrored place as well. */
export interface Sparse {
  readonly rows: number
  readonly one: Int32Array
  readonly other: Int32Array
  readonly values: Float32Array
}

/** Directions that are followed beside those wanted, and how often: both make the last ones better. */
const BESIDE = 8
const ITERATIONS = 12
/** Turns of every pair in turn; a small matrix is diagonal to float64 after six or seven. */
const SWEEPS = 12

/**
 * F [rows × dim], so that F·Fᵀ is as near to the matrix as a positive one of that rank comes: its columns are eigenvectors times
 * the root of their value, the largest first; what is not positive is 0. `turn` is awaited after each iteration.
 */
export async function positivePart(
  matrix: Sparse,
  dim: number,
  random: Random,
  turn: (done: number, total: number) => Promise<void> = async () => {},
): Promise<Float64Array> {
  const { rows } = matrix
  const width = Math.min(rows, dim + BESIDE)
  let basis = Float64Array.from({ length: rows * width }, () => random.normal())
  orthonormalise(basis, rows, width)
  for (let done = 0; done < ITERATIONS; done++) {
    basis = times(matrix, basis, width)
    orthonormalise(basis, rows, width)
    await turn(done + 1, ITERATIONS)
  }
  const { values, vectors } = eigen(within(basis, times(matrix, basis, width), rows, width), width)
  const order = [...values.keys()].sort((a, b) => values[b]! - values[a]!).slice(0, dim)
  const result = new Float64Array(rows * dim)
  order.forEach((which, to) => {
    const scale = Math.sqrt(Math.max(0, values[which]!))
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let i = 0; i < width; i++) sum += basis[row * width + i]! * vectors[i * width + which]!
      result[row * dim + to] = scale * sum
    }
  })
  return result
}

/** matrix · x, x and the result [rows × width]. */
function times(
  { rows, one, other, values }: Sparse,
  x: Float64Array,
  width: number,
): Float64Array<ArrayBuffer> {
  const y = new Float64Array(rows * width)
  for (let k = 0; k < values.length; k++) {
    const [a, b, value] = [one[k]! * width, other[k]! * width, values[k]!]
    for (let i = 0; i < width; i++) y[a + i]! += value * x[b + i]!
    if (a !== b) for (let i = 0; i < width; i++) y[b + i]! += value * x[a + i]!
  }
  return y
}

/** Makes the columns unit vectors at right angles (Gram and Schmidt, modified); one that lies within the others becomes 0. */
function orthonormalise(x: Float64Array, rows: number, width: number): void {
  const dot = (a: number, b: number) => {
    let sum = 0
    for (let at = 0; at < rows * width; at += width) sum += x[at + a]! * x[at + b]!
    return sum
  }
  for (let column = 0; column < width; column++) {
    const before = Math.sqrt(dot(column, column))
    for (let other = 0; other < column; other++) {
      const share = dot(column, other)
      for (let at = 0; at < rows * width; at += width) x[at + column]! -= share * x[at + other]!
    }
    const length = Math.sqrt(dot(column, column))
    const scale = length > 1e-10 * before ? 1 / length : 0
    for (let at = 0; at < rows * width; at += width) x[at + column]! *= scale
  }
}

/** xᵀ · y [width × width] */
function within(x: Float64Array, y: Float64Array, rows: number, width: number): Float64Array {
  const result = new Float64Array(width * width)
  for (let at = 0; at < rows * width; at += width)
    for (let i = 0; i < width; i++)
      for (let j = 0; j < width; j++) result[i * width + j]! += x[at + i]! * y[at + j]!
  return result
}

/** Values, and vectors as columns, of a small symmetric matrix, which is used up: Jacobi's rotations, pair by pair. */
export function eigen(matrix: Float64Array, size: number): { values: Float64Array; vectors: Float64Array } {
  const vectors = new Float64Array(size * size)
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (let p = 0; p < size; p++)
      for (let q = p + 1; q < size; q++) {
        const off = matrix[p * size + q]!
        if (off === 0) continue
        const slope = (matrix[q * size + q]! - matrix[p * size + p]!) / (2 * off)
        const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.hypot(1, slope))
        const cosine = 1 / Math.hypot(1, tangent)
        const sine = tangent * cosine
        for (let i = 0; i < size; i++) rotate(matrix, i * size + p, i * size + q, cosine, sine)
        for (let i = 0; i < size; i++) rotate(matrix, p * size + i, q * size + i, cosine, sine)
        for (let i = 0; i < size; i++) rotate(vectors, i * size + p, i * size + q, cosine, sine)
      }
  return { values: Float64Array.from({ length: size }, (_, i) => matrix[i * size + i]!), vectors }
}

function rotate(x: Float64Array, a: number, b: number, cosine: number, sine: number): void {
  const [one, other] = [x[a]!, x[b]!]
  x[a] = cosine * one - sine * other
  x[b] = sine * one + cosine * other
}
