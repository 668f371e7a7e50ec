/**
 * How values are distributed, in counts alone: buckets whose bounds grow by a constant factor, so that every quantile is told to within
 * a share of itself, and sums of two sketches are the sketch of both (DDSketch: Masson, Rim, Lee 2019, PVLDB 12/12).
 */
import * as z from 'zod'

/** A told quantile is at most this share of itself away from the true one. */
export const ACCURACY = 0.05
const GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
/** Beyond it, values count as it is: 2⁵³. */
const LAST = bucketOf(Number.MAX_SAFE_INTEGER)

const count = z.int().min(0)
export const sketchSchema = z.strictObject({
  /** Values below 1. */
  low: count,
  /** Bucket i counts values in (γⁱ⁻¹, γⁱ]. */
  buckets: z.record(z.string().regex(/^\d{1,3}$/), count),
})
export type Sketch = z.infer<typeof sketchSchema>

export const emptySketch = (): Sketch => ({ low: 0, buckets: {} })

function bucketOf(value: number): number {
  return Math.ceil(Math.log(value) / Math.log(GAMMA))
}

/** Adds a value that is not negative. */
export function sketch(into: Sketch, value: number): void {
  if (value < 1) into.low++
  else raise(into, Math.min(bucketOf(value), LAST), 1)
}

export function joinSketch(into: Sketch, { low, buckets }: Sketch): void {
  into.low += low
  for (const [i, n] of Object.entries(buckets)) raise(into, Number(i), n)
}

function raise({ buckets }: Sketch, i: number, n: number): void {
  buckets[i] = (buckets[i] ?? 0) + n
}

/** The value of rank ⌊q·(n − 1)⌋, in [0, 1); null where there is none. */
export function quantile({ low, buckets }: Sketch, q: number): number | null {
  const rising = Object.entries(buckets)
    .map(([i, n]) => [Number(i), n] as const)
    .sort(([a], [b]) => a - b)
  const n = rising.reduce((sum, [, n]) => sum + n, low)
  if (n === 0) return null
  const rank = Math.floor(q * (n - 1))
  let below = low
  for (const [i, n] of rising) {
    if (rank < below) break
    below += n
    if (rank < below) return (2 * GAMMA ** i) / (GAMMA + 1)
  }
  return 0
}
