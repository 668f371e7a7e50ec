/**
 * Algorithm 1 of the paper: the K nearest users by user vector, by cosine, through usearch. The only file that knows
 * usearch, and that guards against what usearch does not: vectors that are not finite poison an index, an odd k aborts
 * the process, a file loads whatever it holds.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { BatchMatches, Index, type Matches, MetricKind, ScalarKind } from 'usearch'
import { AppError } from '../../shared/failure.ts'
import { replaceFile } from './files.ts'
import { isZero } from './vectors.ts'

/**
 * Threads for an index of so many vectors; usearch fails with more than the first call used, so always the same. Several
 * at a time link a graph in another way at each run and may leave a vector that is not found: a small index is quick
 * enough for one, which always makes the same.
 */
const threadsFor = (count: number): number => (count < SMALL ? 1 : Math.min(8, availableParallelism()))
const SMALL = 5000
const MAX_K = 1000
const SEARCHED = 256

export interface Query {
  /** Left out of its own neighbours. */
  readonly user: number
  readonly vector: Float32Array
}

export interface IndexFile {
  readonly sha256: string
  readonly dims: number
  readonly count: number
}

export class Neighbours {
  readonly dims: number
  private readonly index: Index

  private constructor(dims: number, index: Index) {
    this.dims = dims
    this.index = index
  }

  get count(): number {
    return this.index.size()
  }

  /** Throws `bad-input` for a vector of another width, one that is not finite, and one that is zero. */
  static build(dims: number, users: readonly Query[]): Neighbours {
    const index = createIndex(dims)
    if (users.length > 0)
      index.add(
        BigUint64Array.from(users, ({ user }) => BigInt(user)),
        matrix(dims, users),
        threadsFor(users.length),
      )
    return new Neighbours(dims, index)
  }

  /** Throws `bad-artifact` unless the file is the one that was saved. */
  static load(path: string, { sha256, dims, count }: IndexFile): Neighbours {
    if (hashOf(path) !== sha256) throw new AppError('bad-artifact', `The index ${path} is damaged.`)
    const index = createIndex(dims)
    index.load(path)
    if (index.dimensions() !== dims || index.size() !== count)
      throw new AppError('bad-artifact', `The index ${path} has another shape than was written.`)
    return new Neighbours(dims, index)
  }

  /** Writes a whole file or none. */
  save(path: string): IndexFile {
    replaceFile(path, (beside) => this.index.save(beside))
    return { sha256: hashOf(path), dims: this.dims, count: this.count }
  }

  has(user: number): boolean {
    return this.index.contains(BigInt(user)) === true
  }

  /** The `k` nearest users of each query, nearest first; fewer where there are no more. */
  nearest(queries: readonly Query[], k: number): Uint32Array[] {
    if (!Number.isInteger(k) || k < 1 || k > MAX_K) throw new RangeError(`k must be 1 … ${MAX_K}, not ${k}`)
    if (queries.length === 0 || this.count === 0) return queries.map(() => new Uint32Array())
    // One more, since the user is their own nearest.
    const wanted = Math.min(k + 1, this.count)
    const found: Matches | BatchMatches = this.index.search(
      matrix(this.dims, queries),
      wanted,
      threadsFor(this.count),
    )
    const keys = found.keys
    // A single query gives matches without counts, cut to their length.
    const counts = found instanceof BatchMatches ? found.counts : [keys.length]
    return queries.map(({ user }, i) => {
      const row = keys.subarray(i * wanted, i * wanted + Number(counts[i]))
      return Uint32Array.from(row, Number)
        .filter((other) => other !== user)
        .slice(0, k)
    })
  }
}

function createIndex(dims: number): Index {
  return new Index({
    dimensions: dims,
    metric: MetricKind.Cos,
    quantization: ScalarKind.F32,
    connectivity: 16,
    expansion_add: 128,
    expansion_search: SEARCHED,
    multi: false,
  })
}

/** The vectors, checked, in one fresh array: usearch ignores where a view begins. */
function matrix(dims: number, rows: readonly Query[]): Float32Array {
  const flat = new Float32Array(dims * rows.length)
  rows.forEach(({ user, vector }, i) => {
    if (vector.length !== dims || !vector.every(Number.isFinite) || isZero(vector))
      throw new AppError('bad-input', `User ${user} has no usable vector of ${dims} numbers.`)
    flat.set(vector, i * dims)
  })
  return flat
}

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
