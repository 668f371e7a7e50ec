/**
 * How good a place is that one positive has among negatives. Equal scores are in no order: what counts is the mean over
 * all orders that they could be in. A model that gives everything the same score is so as good as chance, k / (n + 1), and
 * neither as good nor as bad as the place of the positive in an array would make it.
 */

/** Where the positive stands; all that is needed for a measure at any k. */
export interface Place {
  /** Negatives with a higher score … */
  readonly above: number
  /** … and with the very same. */
  readonly tied: number
}

/** Place of `scores[positive]` among all others. Throws `RangeError` for a score that is not finite: NaN would win. */
export function placeOf(scores: ArrayLike<number>, positive = 0): Place {
  const own = scores[positive]
  let above = 0
  let tied = -1
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!
    if (!Number.isFinite(score)) throw new RangeError(`score ${i} is ${score}`)
    if (score > own!) above++
    else if (score === own) tied++
  }
  if (tied < 0) throw new RangeError(`there is no score ${positive} of ${scores.length}`)
  return { above, tied }
}

/** HR@k: the chance that the positive is among the first k. */
export const hitRate = ({ above, tied }: Place, k: number): number =>
  Math.min(1, Math.max(0, k - above) / (tied + 1))

/** NDCG@k of one positive: 1 / log2(place + 1), the best place being 1, and 0 beyond k; the mean over its possible places. */
export function ndcg({ above, tied }: Place, k: number): number {
  let sum = 0
  for (let before = above; before <= above + tied && before < k; before++) sum += 1 / Math.log2(before + 2)
  return sum / (tied + 1)
}
