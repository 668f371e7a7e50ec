/** What was seen of a training as it went on: a few points, to be kept and drawn. */

/** On the validation samples, after `step` mini-batches. */
export interface Point {
  readonly step: number
  readonly auc: number
  readonly loss: number
}

/** Points that are kept of one training. */
export const MAX_COURSE = 64
