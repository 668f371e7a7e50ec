/** What comes of training the ranking model, whatever it is judged by. */

import type { Point } from '../../../shared/course.ts'
import type { Model } from '../../../shared/engine/engine.ts'
import { AppError } from '../../../shared/error.ts'
import type { Weights } from '../../../shared/model/weights.ts'

export interface Personalised {
  /** The weights that are to become M, or null where M stays. */
  readonly weights: Weights | null
  /** Training loss of each mini-batch. */
  readonly losses: number[]
  readonly steps: number
  /** Mini-batches whose update is in `weights`. */
  readonly stepsKept: number
  /** AUC on the validation samples before and after; null where nothing was judged. */
  readonly before: number | null
  readonly after: number | null
  /** Log-loss on them, where that decided. */
  readonly loss?: { readonly before: number; readonly after: number }
  /** On them, before and as training went on. */
  readonly course?: Point[]
  /** Of `steps`, those of the training begun anew that `weights` come from; `after` is from before it. */
  readonly refit?: number
}

/** Nothing was trained, because there is nothing to judge by, or nothing to learn from. */
export const UNTRAINED: Personalised = {
  weights: null,
  losses: [],
  steps: 0,
  stepsKept: 0,
  before: null,
  after: null,
}

/** The present weights. Throws `diverged` unless all of them are finite. */
export async function wholeOf(model: Model): Promise<Weights> {
  const weights = await model.save()
  for (const [name, { data }] of Object.entries(weights))
    for (let i = 0; i < data.length; i++)
      if (!Number.isFinite(data[i])) throw new AppError('diverged', `Tensor ${name} holds ${data[i]}.`)
  return weights
}
