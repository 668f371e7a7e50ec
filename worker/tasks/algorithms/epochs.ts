/**
 * Ours: the ranking model learns by whole epochs, every update of which counts. To ask of each mini-batch whether it helps, as
 * Algorithm 3 does, throws most of what is learnt away: a few dozen validation samples cannot tell.
 */
import type { Model } from '../../../shared/engine/engine.ts'
import { seeded } from '../../../shared/random.ts'
import type { Batch } from '../../../shared/sample.ts'
import { createEpochs, stepsIn } from './batches.ts'
import { createCourse } from './course.ts'
import { isBetter, judgeBy } from './judge.ts'
import { type Personalised, UNTRAINED, wholeOf } from './outcome.ts'
import type { PersonaliseInput, Workplace } from './personalise.ts'

/**
 * Of the models that the epochs end with, the one that does best on validation, if it does better than M by the margin; with
 * `refit`, what comes of so many epochs over validation samples too. Without both classes to validate by, nothing is trained.
 */
export async function byEpoch(input: PersonaliseInput, place: Workplace): Promise<Personalised> {
  const { training, validation, hyper } = input
  const { epochs, batchSize, gate, margin, refit } = hyper
  const judge = judgeBy(validation)
  if (!judge || training.size === 0) return UNTRAINED
  const all = refit ? [training, validation] : [training]
  const [search, again] = [stepsIn([training], batchSize), refit ? stepsIn(all, batchSize) : 0]
  const model = await place.load(input.model)
  try {
    const before = await judge(model)
    let best = { ...before, epoch: 0 }
    const course = createCourse([{ step: 0, ...before }])
    const losses: number[] = []
    let due = epochs * (search + again)
    const heard = (loss: number) => {
      losses.push(loss)
      place.onProgress?.(losses.length / due)
    }
    await model.mark()
    await learn(model, input, [training], epochs, heard, async (epoch) => {
      const now = await judge(model)
      course.add(epoch * search, now)
      if (!isBetter(now, best, gate, best.epoch === 0 ? margin : 0)) return
      best = { ...now, epoch }
      // To learn anew, what was marked stays M, with its fresh optimizer.
      if (!refit) await model.mark()
    })
    const steps = () => ({ losses, steps: losses.length })
    const judged = () => ({
      before: before.auc,
      after: best.auc,
      loss: { before: before.loss, after: best.loss },
      course: course.points,
    })
    if (best.epoch === 0) return { ...UNTRAINED, ...judged(), ...steps() }
    await model.revert()
    if (!refit)
      return { weights: await wholeOf(model), ...steps(), stepsKept: best.epoch * search, ...judged() }
    due = epochs * search + best.epoch * again
    await learn(model, input, all, best.epoch, heard)
    const kept = { stepsKept: best.epoch * again, refit: best.epoch * again }
    return { weights: await wholeOf(model), ...steps(), ...kept, ...judged() }
  } finally {
    model.dispose()
  }
}

/** Whatever the last epoch ends with. */
export async function unjudged(input: PersonaliseInput, place: Workplace): Promise<Personalised> {
  const { training, validation, hyper } = input
  const parts = hyper.learnFrom === 'all' ? [training, validation] : [training]
  const due = hyper.epochs * stepsIn(parts, hyper.batchSize)
  if (due === 0) return UNTRAINED
  const model = await place.load(input.model)
  try {
    const losses: number[] = []
    await learn(model, input, parts, hyper.epochs, (loss) => {
      losses.push(loss)
      place.onProgress?.(losses.length / due)
    })
    return { ...UNTRAINED, weights: await wholeOf(model), losses, steps: due, stepsKept: due }
  } finally {
    model.dispose()
  }
}

/** So many epochs over all rows of `parts`. Tells the loss of each mini-batch, and waits for `ended` after each epoch. */
async function learn(
  model: Model,
  { spec, hyper, seed }: PersonaliseInput,
  parts: readonly Batch[],
  epochs: number,
  heard: (loss: number) => void,
  ended: (epoch: number) => Promise<void> = async () => {},
): Promise<void> {
  const epoch = createEpochs(spec, parts, hyper.batchSize, seeded(seed))
  for (let i = 1; i <= epochs; i++) {
    for (const batch of epoch()) {
      heard(await model.step(batch, hyper.learningRate))
    }
    await ended(i)
  }
}
