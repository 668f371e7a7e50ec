/** How good a model is on the validation samples: asked after every step of Algorithm 3, or after every epoch. */
import type { Model } from '../../../shared/engine/engine.ts'
import { AppError } from '../../../shared/error.ts'
import type { Hyper } from '../../../shared/hyper.ts'
import { logLoss } from '../../../shared/metrics.ts'
import type { Batch } from '../../../shared/sample.ts'
import type { Quality } from './watch.ts'

/**
 * Judges scores of the same samples again and again, or undefined where one class is absent: then nothing can be judged.
 * The AUC is that of shared/metrics.ts for scores that are float32, by a sort without a comparator: a label rides in the
 * lowest bit of a float64, which a float32 leaves 0. Throws `diverged` for a score that is not finite.
 */
export function createJudge(
  labels: Float32Array,
): ((scores: Float32Array<ArrayBuffer>) => Quality) | undefined {
  const count = labels.length
  const positives = labels.reduce((sum, label) => sum + (label === 1 ? 1 : 0), 0)
  const negatives = count - positives
  if (positives === 0 || negatives === 0) return undefined
  const keys = new Float64Array(count)
  const words = new Uint32Array(keys.buffer)
  const low = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1

  return (scores) => {
    for (let i = 0; i < count; i++) {
      const score = scores[i]!
      if (!Number.isFinite(score))
        throw new AppError('diverged', `The model's score of a sample is ${score}.`)
      keys[i] = score
      if (labels[i] === 1) words[2 * i + low]! |= 1
    }
    keys.sort()
    let rankSum = 0
    for (let start = 0; start < count; ) {
      const score = Math.fround(keys[start]!)
      let clicked = 0
      let end = start
      for (; end < count && Math.fround(keys[end]!) === score; end++) clicked += words[2 * end + low]! & 1
      rankSum += clicked * ((start + 1 + end) / 2)
      start = end
    }
    const area = (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
    return { auc: area, loss: logLoss(scores, labels) }
  }
}

/** The validation samples as a judge of models; undefined where one class is absent. */
export function judgeBy(validation: Batch): ((model: Model) => Promise<Quality>) | undefined {
  const judge = createJudge(validation.labels)
  return judge && ((model) => model.predict(validation).then(judge))
}

/** `margin`: by how much the log-loss must be lower, where that alone decides. */
export function isBetter(now: Quality, best: Quality, gate: Hyper['ranking']['gate'], margin = 0): boolean {
  switch (gate) {
    case 'auc':
      return now.auc > best.auc
    case 'auc-then-loss':
      return now.auc > best.auc || (now.auc === best.auc && now.loss < best.loss)
    case 'epochs':
      return now.loss < best.loss - margin
    case 'none':
      return false
    default:
      return gate satisfies never
  }
}
