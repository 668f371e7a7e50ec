/** The rows that are learnt from, in mini-batches of random order. */
import type { ModelSpec } from '../../../shared/model/spec.ts'
import type { Random } from '../../../shared/random.ts'
import type { Batch } from '../../../shared/sample.ts'

type Widths = Pick<ModelSpec, 'idWidth' | 'denseWidth'>

/** Mini-batches in an epoch over these parts. */
export const stepsIn = (parts: readonly Batch[], size: number): number =>
  Math.ceil(parts.reduce((rows, part) => rows + part.size, 0) / size)

/**
 * Each call is one epoch: all rows of all parts in a random order, in mini-batches of `size`; the last may be smaller.
 * Every mini-batch lies where the one before it lay, so whoever needs one for longer copies it: a copy of all samples for
 * each epoch would be most of what a round takes from the heap.
 */
export function createEpochs(
  { idWidth, denseWidth }: Widths,
  parts: readonly Batch[],
  size: number,
  random: Random,
): () => Generator<Batch> {
  const places = parts.flatMap((part) => Array.from({ length: part.size }, (_, row) => ({ part, row })))
  const whole: Batch = {
    size,
    ids: new Int32Array(size * idWidth),
    dense: new Float32Array(size * denseWidth),
    labels: new Float32Array(size),
    weights: new Float32Array(size),
  }

  function take(at: number, { part, row }: (typeof places)[number]): void {
    whole.ids.set(part.ids.subarray(row * idWidth, (row + 1) * idWidth), at * idWidth)
    whole.dense.set(part.dense.subarray(row * denseWidth, (row + 1) * denseWidth), at * denseWidth)
    whole.labels[at] = part.labels[row]!
    whole.weights[at] = part.weights[row]!
  }

  return function* epoch() {
    const order = random.shuffle(Int32Array.from(places, (_, i) => i))
    for (let start = 0; start < order.length; start += size) {
      const rows = order.subarray(start, start + size)
      rows.forEach((place, at) => {
        take(at, places[place]!)
      })
      yield rows.length === size ? whole : firstOf({ idWidth, denseWidth }, whole, rows.length)
    }
  }
}

/** A view of the first `size` rows. */
const firstOf = ({ idWidth, denseWidth }: Widths, batch: Batch, size: number): Batch => ({
  size,
  ids: batch.ids.subarray(0, size * idWidth),
  dense: batch.dense.subarray(0, size * denseWidth),
  labels: batch.labels.subarray(0, size),
  weights: batch.weights.subarray(0, size),
})
