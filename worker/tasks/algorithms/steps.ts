/**
 * Algorithm 3 of the CoDA paper: the ranking model keeps the update of a mini-batch only if it does better on the user's own
 * newest samples by it.
 */
import { AppError } from '../../../shared/error.ts'
import { seeded } from '../../../shared/random.ts'
import { createEpochs, stepsIn } from './batches.ts'
import { createCourse } from './course.ts'
import { isBetter, judgeBy } from './judge.ts'
import { type Personalised, UNTRAINED, wholeOf } from './outcome.ts'
import type { PersonaliseInput, Workplace } from './personalise.ts'
import { CHECKPOINT_STEPS } from './watch.ts'

/** The AUC after is never below that before. Without both classes to validate by, nothing is trained. */
export async function byStep(
  input: PersonaliseInput,
  { load, onProgress, onCheckpoint }: Workplace,
): Promise<Personalised> {
  const { training, validation, hyper, from } = input
  const judge = judgeBy(validation)
  if (!judge) return UNTRAINED
  const due = hyper.epochs * stepsIn([training], hyper.batchSize)
  if (
    from &&
    (from.step > due ||
      from.losses.length !== from.step ||
      (from.weights === null) !== (from.stepsKept === 0))
  )
    throw new AppError('bad-input', 'The checkpoint is not of this training.')
  const model = await load(from?.weights ?? input.model)
  try {
    const before = from?.before ?? (await judge(model))
    const losses = from ? [...from.losses] : []
    let best = from?.best ?? before
    let stepsKept = from?.stepsKept ?? 0
    let saved = from?.weights ?? null
    let savedAt = stepsKept
    const course = createCourse(from ? from.course : [{ step: 0, ...before }])

    /** The model is the best so far, as it is after every step. */
    async function checkpoint(hear: NonNullable<Workplace['onCheckpoint']>): Promise<void> {
      if (savedAt < stepsKept) saved = await wholeOf(model)
      savedAt = stepsKept
      await hear({
        weights: saved,
        step: losses.length,
        stepsKept,
        losses: [...losses],
        before,
        best,
        course: [...course.points],
      })
    }

    await model.mark()
    for (const { batch, last } of lessonsOf(input, losses.length)) {
      losses.push(await model.step(batch, hyper.learningRate))
      const now = await judge(model)
      if (isBetter(now, best, hyper.gate)) {
        best = now
        stepsKept++
        course.add(losses.length, now)
        await model.mark()
      } else {
        await model.revert()
      }
      onProgress?.(losses.length / due)
      if (onCheckpoint && (last || losses.length % CHECKPOINT_STEPS === 0)) await checkpoint(onCheckpoint)
    }
    const weights = stepsKept > 0 ? await wholeOf(model) : null
    return {
      weights,
      losses,
      steps: losses.length,
      stepsKept,
      before: before.auc,
      after: best.auc,
      course: course.points,
    }
  } finally {
    model.dispose()
  }
}

/** The mini-batches of all epochs in order, but for the first `learnt`; whether each is the last of its epoch. */
function* lessonsOf({ spec, training, hyper, seed }: PersonaliseInput, learnt: number) {
  const epoch = createEpochs(spec, [training], hyper.batchSize, seeded(seed))
  const anEpoch = stepsIn([training], hyper.batchSize)
  for (let i = 0, step = 0; i < hyper.epochs; i++)
    for (const batch of epoch()) if (++step > learnt) yield { batch, last: step % anEpoch === 0 }
}
