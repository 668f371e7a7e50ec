/**
 * Algorithm 3 of the CoDA paper: the ranking model learns from the user's own and the filtered samples, and keeps the
 * update of a mini-batch only if it does better on the user's own newest samples by it.
 */
import type { Engine, Model } from '../../shared/engine/engine.ts'
import { AppError } from '../../shared/failure.ts'
import type { Hyper } from '../../shared/hyper.ts'
import type { ModelSpec } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { seeded } from '../../shared/random.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import type { Batch } from '../../shared/sample.ts'
import { createEpochs } from './batches.ts'
import type { Watched } from './filter.ts'
import { CHECKPOINT_STEPS, type Checkpoint, type Watch } from './job.ts'
import { isBetter, judgeBy } from './judge.ts'
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
  /** How far this very training had come when it was cut off; its optimizer begins anew. */
  readonly from?: Checkpoint | undefined
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

/**
 * Same input, same outcome; `after` is never below `before`. Goes on at `from`, if it is given: the same mini-batches in the
 * same order, those that were learnt from left out. Throws `bad-input` for a checkpoint of another job, `diverged` where a
 * loss, a score or a weight is not finite.
 */
export async function personalise(
  engine: Engine,
  input: PersonaliseInput,
  { signal, onProgress, onCheckpoint, pause = createPause(signal) }: Watched = {},
): Promise<Personalised> {
  const { spec, training, validation, hyper, from } = input
  const judge = judgeBy(validation)
  if (!judge) return { weights: null, losses: [], steps: 0, stepsKept: 0, before: null, after: null }
  const due = hyper.epochs * Math.ceil(training.size / hyper.batchSize)
  if (
    from &&
    (from.step > due || from.losses.length !== from.step || (from.model === null) !== (from.stepsKept === 0))
  )
    throw new AppError('bad-input', 'The checkpoint is not of this training.')
  const model = await engine.load(spec, from?.model ? readSafetensors(from.model) : input.model)
  try {
    const before = from?.before ?? (await judge(model))
    const losses = from ? [...from.losses] : []
    let best = from?.best ?? before
    let stepsKept = from?.stepsKept ?? 0
    let saved = from?.model ?? null
    let savedAt = stepsKept

    /** The model is the best so far, as it is after every step. */
    async function checkpoint(hear: NonNullable<Watch['onCheckpoint']>): Promise<void> {
      if (savedAt < stepsKept) saved = writeSafetensors(await wholeOf(model))
      savedAt = stepsKept
      hear({ model: saved, step: losses.length, stepsKept, losses: [...losses], before, best })
    }

    await model.mark()
    for (const { batch, last } of lessonsOf(input, losses.length)) {
      const wait = pause()
      if (wait) await wait
      losses.push(await model.step(batch, hyper.learningRate))
      const now = await judge(model)
      if (isBetter(now, best, hyper.gate)) {
        best = now
        stepsKept++
        await model.mark()
      } else {
        await model.revert()
      }
      onProgress?.(losses.length / due)
      if (onCheckpoint && (last || losses.length % CHECKPOINT_STEPS === 0)) await checkpoint(onCheckpoint)
    }
    const weights = stepsKept > 0 ? await wholeOf(model) : null
    return { weights, losses, steps: losses.length, stepsKept, before: before.auc, after: best.auc }
  } finally {
    model.dispose()
  }
}

/** The mini-batches of all epochs in order, but for the first `learnt`; whether each is the last of its epoch. */
function* lessonsOf({ spec, training, hyper, seed }: PersonaliseInput, learnt: number) {
  const epoch = createEpochs(spec, [training], hyper.batchSize, seeded(seed))
  const anEpoch = Math.ceil(training.size / hyper.batchSize)
  for (let i = 0, step = 0; i < hyper.epochs; i++)
    for (const batch of epoch()) if (++step > learnt) yield { batch, last: step % anEpoch === 0 }
}

/** The present weights, all of them numbers. */
async function wholeOf(model: Model): Promise<Weights> {
  const weights = await model.save()
  for (const [name, { data }] of Object.entries(weights))
    for (let i = 0; i < data.length; i++)
      if (!Number.isFinite(data[i])) throw new AppError('diverged', `Tensor ${name} holds ${data[i]}.`)
  return weights
}
