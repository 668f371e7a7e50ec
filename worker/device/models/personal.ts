/** The user's own place among the item factors: found in closed form from the samples on the device (`shared/model/factors.ts`). */
import { type Factors, foldIn, mixed } from '../../../shared/model/factors.ts'
import type { Batch, Sample } from '../../../shared/sample.ts'

/** Item factors, and where a packed sample names its target. */
export interface ItemFactors extends Factors {
  readonly at: number
}

/** The personal vector [dim + 1] that own samples give. */
export const vectorOf = (factors: ItemFactors, samples: readonly Sample[]): Float32Array<ArrayBuffer> =>
  foldIn(factors, {
    items: samples.map(({ ids }) => ids[factors.at]!),
    labels: samples.map(({ label }) => label),
  })

/** Click probabilities of a DIN, made the user's: each by how its target appeals to them. In place. */
export function personalised(
  factors: ItemFactors,
  vector: Float32Array,
  { size, ids }: Batch,
  scores: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const width = ids.length / Math.max(1, size)
  for (let row = 0; row < size; row++)
    scores[row] = mixed(factors, vector, ids[row * width + factors.at]!, scores[row]!)
  return scores
}
