/** One labelled training example in its packed form, and batches of them. */
import type { Layout } from './schema.ts'

export interface Sample {
  /** When it was exposed, ms since the epoch; the server coarsens it before it is shared. */
  readonly at: number
  /** 1: clicked. */
  readonly label: 0 | 1
  /** [layout.idWidth] ids; padding is 0 and stands at the end of a sequence. */
  readonly ids: Int32Array
  /** [layout.denseWidth], multiples of 1/`DENSE_STEPS`, so that the wire form loses nothing. */
  readonly dense: Float32Array
}

/** A sample sent by the server; `id` is opaque and says nothing of its origin. */
export interface MatchedSample extends Sample {
  readonly id: string
}

/** Resolution of a dense value: values are whole multiples of 1/1024. */
export const DENSE_STEPS = 1024

/** The nearest whole step; + 0 turns −0, which the wire form does not know, into 0. */
export const quantise = (value: number): number => Math.round(value * DENSE_STEPS) / DENSE_STEPS + 0

/** Samples side by side, row-major: what an engine takes. */
export interface Batch {
  readonly size: number
  /** [size × idWidth] */
  readonly ids: Int32Array
  /** [size × denseWidth] */
  readonly dense: Float32Array
  /** [size], 0 or 1 */
  readonly labels: Float32Array
  /** [size], ≥ 0; how much each sample counts in the loss. */
  readonly weights: Float32Array
}

/** Packs samples into one batch; `weightOf` defaults to 1 for each. */
export function pack(
  layout: Layout,
  samples: readonly Sample[],
  weightOf: (index: number) => number = () => 1,
): Batch {
  const { idWidth, denseWidth } = layout
  const batch: Batch = {
    size: samples.length,
    ids: new Int32Array(samples.length * idWidth),
    dense: new Float32Array(samples.length * denseWidth),
    labels: new Float32Array(samples.length),
    weights: new Float32Array(samples.length),
  }
  samples.forEach((sample, row) => {
    batch.ids.set(sample.ids, row * idWidth)
    batch.dense.set(sample.dense, row * denseWidth)
    batch.labels[row] = sample.label
    batch.weights[row] = weightOf(row)
  })
  return batch
}
