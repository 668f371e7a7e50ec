/**
 * Algorithm 3 of the CoDA paper: the ranking model learns from the user's own and the filtered samples, and keeps the
 * update of a mini-batch only if it does better on the user's own newest samples by it.
 */
import type { Engine, Model } from '../../shared/engine/engine.ts'
import type { Hyper } from '../../shared/hyper.ts'
import { auc, logLoss } from '../../shared/metrics.ts'
import type { ModelSpec } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { seeded } from '../../shared/random.ts'
import type { Batch } from '../../shared/sample.ts'
import { batchesOf, shuffled } from './batches.ts'
import type { Quality, Watch } from './job.ts'
import { createPause } from './pause.ts'

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
}

export interface Personalised {
  /** The best weights, or null where nothing improved and M stays. */
  readonly weights: Weights | null
  /** Training loss of each mini-batch. */
  readonly losses: number[]
  readonly steps: number
  readonly stepsKept: number
  /** AUC on the validation samples before and after; null where one class is absent: then nothing is trained. */
  readonly before: number | null
  readonly after: number | null
}

/** Same input, same outcome; `after` is never below `before`. */
export async function personalise(
  engine: Engine,
  { spec, model: weights, training, validation, hyper, seed }: PersonaliseInput,
  { signal, onProgress }: Watch = {},
): Promise<Personalised> {
  const model = await engine.load(spec, weights)
  try {
    const before = await judge(model, validation)
    if (before === undefined)
      return { weights: null, losses: [], steps: 0, stepsKept: 0, before: null, after: null }
    const losses: number[] = []
    const due = hyper.epochs * Math.ceil(training.size / hyper.batchSize)
    const random = seeded(seed)
    let best = before
    let stepsKept = 0
    const pause = createPause(signal)
    await model.mark()
    for (let epoch = 0; epoch < hyper.epochs; epoch++) {
      for (const batch of batchesOf(spec, shuffled(spec, training, random), hyper.batchSize)) {
        await pause()
        losses.push(await model.step(batch, hyper.learningRate))
        const now = await judge(model, validation)
        if (now && isBetter(now, best, hyper.gate)) {
          best = now
          stepsKept++
          await model.mark()
        } else {
          await model.revert()
        }
        onProgress?.(losses.length / due)
      }
    }
    const improved = stepsKept > 0 ? await model.save() : null
    return { weights: improved, losses, steps: losses.length, stepsKept, before: before.auc, after: best.auc }
  } finally {
    model.dispose()
  }
}

/** Undefined where one class is absent. */
async function judge(model: Model, validation: Batch): Promise<Quality | undefined> {
  if (validation.size === 0) return undefined
  const scores = await model.predict(validation)
  const area = auc(scores, validation.labels)
  return area === undefined ? undefined : { auc: area, loss: logLoss(scores, validation.labels) }
}

const isBetter = (now: Quality, best: Quality, gate: Hyper['ranking']['gate']): boolean =>
  now.auc > best.auc || (gate === 'auc-then-loss' && now.auc === best.auc && now.loss < best.loss)
