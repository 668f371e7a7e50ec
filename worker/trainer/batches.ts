/** Rows of a packed batch, rearranged: joined, shuffled, cut into mini-batches. */
import type { ModelSpec } from '../../shared/model/spec.ts'
import type { Random } from '../../shared/random.ts'
import type { Batch } from '../../shared/sample.ts'

type Widths = Pick<ModelSpec, 'idWidth' | 'denseWidth'>

function concat<T extends Int32Array | Float32Array>(a: T, b: T): T {
  const both = new (a.constructor as new (length: number) => T)(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** The rows of `a`, then those of `b`. */
export const joined = (a: Batch, b: Batch): Batch => ({
  size: a.size + b.size,
  ids: concat(a.ids, b.ids),
  dense: concat(a.dense, b.dense),
  labels: concat(a.labels, b.labels),
  weights: concat(a.weights, b.weights),
})

/** The same rows in a random order. */
export function shuffled({ idWidth, denseWidth }: Widths, batch: Batch, random: Random): Batch {
  const order = random.shuffle(Int32Array.from({ length: batch.size }, (_, i) => i))
  const mixed: Batch = {
    size: batch.size,
    ids: new Int32Array(batch.ids.length),
    dense: new Float32Array(batch.dense.length),
    labels: batch.labels.slice(),
    weights: batch.weights.slice(),
  }
  order.forEach((from, to) => {
    mixed.ids.set(batch.ids.subarray(from * idWidth, (from + 1) * idWidth), to * idWidth)
    mixed.dense.set(batch.dense.subarray(from * denseWidth, (from + 1) * denseWidth), to * denseWidth)
    mixed.labels[to] = batch.labels[from]!
    mixed.weights[to] = batch.weights[from]!
  })
  return mixed
}

/** Mini-batches of `size` rows in order, as views of the whole; the last may be smaller. */
export function* batchesOf({ idWidth, denseWidth }: Widths, batch: Batch, size: number): Generator<Batch> {
  for (let start = 0; start < batch.size; start += size) {
    const end = Math.min(batch.size, start + size)
    yield {
      size: end - start,
      ids: batch.ids.subarray(start * idWidth, end * idWidth),
      dense: batch.dense.subarray(start * denseWidth, end * denseWidth),
      labels: batch.labels.subarray(start, end),
      weights: batch.weights.subarray(start, end),
    }
  }
}
