/** The ranking model learns from the user's own and the filtered samples; the gate says how it is judged meanwhile. */
import type { Engine, Model } from '../../../shared/engine/engine.ts'
import { AppError } from '../../../shared/error.ts'
import type { Hyper } from '../../../shared/hyper.ts'
import type { ModelSpec } from '../../../shared/model/spec.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import type { Batch } from '../../../shared/sample.ts'
import { byEpoch, unjudged } from './epochs.ts'
import type { Personalised } from './outcome.ts'
import { byStep } from './steps.ts'
import type { Checkpoint, Watched } from './watch.ts'

export interface PersonaliseInput {
  readonly spec: ModelSpec
  /** M, from which training starts. */
  readonly model: Weights
  /** Local-training ∪ filtered samples. */
  readonly training: Batch
  /** Local validation samples only. */
  readonly validation: Batch
  readonly hyper: Hyper['ranking']
  readonly seed: number
  /** How far this very training had come when it was cut off; its optimizer begins anew. */
  readonly from?: Checkpoint | undefined
}

/** How a way of training gets its models, and says how far it is. */
export interface Workplace extends Watched {
  /** A model with these weights and a fresh optimizer. */
  readonly load: (weights: Weights) => Promise<Model>
}

/**
 * Whether a training that was cut off goes on from its last checkpoint. That holds one model, and no optimizer: enough where
 * every step ends with the best model so far. Any other training begins anew; and so does one with a pull, which would
 * pull towards the checkpoint.
 */
export const goesOn = ({ gate, pull }: Hyper['ranking']): boolean =>
  (gate === 'auc' || gate === 'auc-then-loss') && pull === 0

/**
 * Same input, same outcome. Goes on at `from`, if it is given: the same mini-batches in the same order, those that were
 * learnt from left out. Throws `bad-input` for a checkpoint of another job, `diverged` where a loss, a score or a weight is
 * not finite.
 */
export async function personalise(
  engine: Pick<Engine, 'load'>,
  input: PersonaliseInput,
  { onCheckpoint, ...watched }: Watched = {},
): Promise<Personalised> {
  const { spec, hyper, from } = input
  const { gate, optimizer, pull, frozen } = hyper
  const load = (weights: Weights) => engine.load(spec, weights, { optimizer, pull, frozen })
  const place: Workplace = { load, ...watched }
  if (from && !goesOn(hyper)) throw new AppError('bad-input', 'Such a training has no checkpoints.')
  switch (gate) {
    case 'auc':
    case 'auc-then-loss':
      return byStep(input, goesOn(hyper) ? { ...place, onCheckpoint } : place)
    case 'epochs':
      return byEpoch(input, place)
    case 'none':
      return unjudged(input, place)
    default:
      return gate satisfies never
  }
}
