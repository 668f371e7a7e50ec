/**
 * Borrowed samples as evidence, without a step of training: what users did who stood where this one stands now. A sample of
 * an item that was clicked though the model did not expect it speaks for the item, one that was passed over against it, each
 * by how near its user stood; which sums up to
 *
 *     e(item) = Σ max(0, cos(vᵢ, v))² · (yᵢ − pᵢ)        over the samples i of the item
 *     logit′  = logit + weight · ln(1 + max(0, e))
 *
 * with vᵢ the user-vector feature in the sample, v as it is now, and p what the model says. It is the regression of Nadaraya
 * (1964) and Watson (1964) on what the model leaves over, unnormalised, so that nothing is said where nobody stood near. Ours,
 * as is the logarithm: the tenth click says less than the first (docs/trials.md).
 */

import { FIRST_ID } from '../catalogue.ts'

/** Samples of the same model: what each names, how far the model was off, where its user stood. */
export interface Witnesses {
  /** [samples] Ids of the targets; 0 and 1 (nothing, unknown) say nothing. */
  readonly items: ArrayLike<number>
  /** [samples] y − p */
  readonly surprise: ArrayLike<number>
  /** [samples × width] */
  readonly vectors: Float32Array
}

/** By item: e, as far as it is not 0. `now` is [width] */
export function evidenceOf({ items, surprise, vectors }: Witnesses, now: Float32Array): Map<number, number> {
  const width = now.length
  const found = new Map<number, number>()
  const length = Math.hypot(...now)
  if (length === 0) return found
  for (let i = 0; i < items.length; i++) {
    if (items[i]! < FIRST_ID) continue
    let dot = 0
    let squares = 0
    for (let j = 0; j < width; j++) {
      const value = vectors[i * width + j]!
      dot += value * now[j]!
      squares += value * value
    }
    if (dot <= 0) continue
    const cosine = dot / (length * Math.sqrt(squares))
    found.set(items[i]!, (found.get(items[i]!) ?? 0) + cosine * cosine * surprise[i]!)
  }
  return found
}

/** The click probability with the evidence. It never falls: a few samples cannot tell that an item is not liked. */
export function withEvidence(score: number, evidence: number, weight: number): number {
  if (evidence <= 0) return score
  const odds = (score / (1 - score)) * (1 + evidence) ** weight
  return Number.isFinite(odds) ? odds / (1 + odds) : 1
}
