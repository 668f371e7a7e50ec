/**
 * Algorithm 2 of the CoDA paper: a personal classifier learns to tell the user's own samples (1) from outside ones (0),
 * and then says of each other matched sample how much it is like the user's own.
 */
import type { Engine, Model } from '../../../shared/engine/engine.ts'
import { AppError } from '../../../shared/error.ts'
import type { Hyper } from '../../../shared/hyper.ts'
import type { ModelSpec } from '../../../shared/model/spec.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import type { Random } from '../../../shared/random.ts'
import type { Batch } from '../../../shared/sample.ts'
import { createEpochs } from './batches.ts'
import type { Watched } from './watch.ts'

export interface FilterInput {
  /** The pruned DIN. */
  readonly spec: ModelSpec
  /** What the classifier starts from. */
  readonly initial: Weights
  readonly local: Batch
  /** Matched samples that train the classifier. */
  readonly outside: Batch
  /** Matched samples to be scored. */
  readonly candidates: Batch
  readonly hyper: Hyper['classifier']
  /** Draws the order of the samples. */
  readonly random: Random
}

/**
 * The score of each candidate, in [0, 1], and the loss of each mini-batch. The classes weigh the same in the loss however
 * many samples each has, so that 0.5 means “as likely the user's own as not” and σ keeps its meaning from day to day.
 * Same input, same scores. Throws `bad-input` where one class is empty, `diverged` where a score is not finite.
 */
export async function filter(
  engine: Pick<Engine, 'load'>,
  { spec, initial, local, outside, candidates, hyper, random }: FilterInput,
  watch: Watched = {},
): Promise<{ scores: Float32Array<ArrayBuffer>; losses: number[] }> {
  if (local.size === 0 || outside.size === 0)
    throw new AppError('bad-input', 'The sample classifier needs both own and outside samples.')
  const model = await engine.load(spec, initial)
  try {
    const classes = [classOf(local, 1, outside.size), classOf(outside, 0, local.size)]
    const epoch = createEpochs(spec, classes, hyper.batchSize, random)
    const steps = hyper.epochs * Math.ceil((local.size + outside.size) / hyper.batchSize)
    const losses = await train(model, hyper, epoch, steps, watch)
    const scores = await model.predict(candidates)
    if (!scores.every(Number.isFinite))
      throw new AppError('diverged', 'The sample classifier gives scores that are not finite.')
    return { scores, losses }
  } finally {
    model.dispose()
  }
}

/** One class: every row has its label, and all rows together weigh half of all samples. */
function classOf(batch: Batch, label: 0 | 1, others: number): Batch {
  const weight = (batch.size + others) / (2 * batch.size)
  return {
    ...batch,
    labels: new Float32Array(batch.size).fill(label),
    weights: new Float32Array(batch.size).fill(weight),
  }
}

/** Of the ranking model's weights those that a classifier begins with. */
export const embeddingsOf = (weights: Weights): Weights =>
  Object.fromEntries(Object.entries(weights).filter(([name]) => name.startsWith('embedding.')))

async function train(
  model: Model,
  { epochs, learningRate }: Hyper['classifier'],
  epoch: () => Iterable<Batch>,
  steps: number,
  { onProgress }: Watched,
): Promise<number[]> {
  const losses: number[] = []
  for (let i = 0; i < epochs; i++) {
    for (const batch of epoch()) {
      losses.push(await model.step(batch, learningRate))
      onProgress?.(losses.length / steps)
    }
  }
  return losses
}
