/** The personal ranking model learns from the user's own samples and those that the filter has kept. */
import type { Hyper } from '../../../shared/hyper.ts'
import type { Batch } from '../../../shared/sample.ts'
import type { TaskContext, TaskModels } from '../../../shared/tasks/context.ts'
import { teaches, weightOf } from '../algorithms/borrowed.ts'
import { type Personalised, UNTRAINED } from '../algorithms/outcome.ts'
import { goesOn, personalise } from '../algorithms/personalise.ts'
import { joined } from '../algorithms/rows.ts'
import type { Checkpoint } from '../algorithms/watch.ts'

const RANKING = 'data/ranking'
/** Losses that are told at most, and that a checkpoint can hold. */
const TOLD = 2000
const KEPT = 10_000

type Learnt = Omit<Personalised, 'weights'> & {
  /** Whether there was something to learn from, and to judge by. */
  readonly trained: boolean
  /** Mini-batches of a run that was cut off, on which this one went on. */
  readonly resumed?: number
  readonly local: { readonly training: number; readonly validation: number }
}

export async function run({ samples, models, engine, task, seed, progress }: TaskContext): Promise<Learnt> {
  const hyper = task.hyper as Hyper
  const training = await samples.read('local-training')
  const validation = await samples.read('local-validation')
  const filtered = teaches(hyper) ? await samples.read('filtered') : undefined
  const own = training.batch.size
  const local = { training: own, validation: validation.batch.size }
  if (hyper.ranking.personal && local.training + local.validation > 0) models.fold(RANKING)
  const model = await models.read(RANKING)
  const lessons = {
    training: joined(filtered ? [training.batch, filtered.batch] : [training.batch], (row) =>
      row < own ? 1 : weightOf(filtered?.scores?.[row - own] ?? Number.NaN, hyper),
    ),
    validation: validation.batch,
  }
  if (!model || !trainable(lessons, hyper)) {
    const { weights: _, ...nothing } = UNTRAINED
    return { trained: false, local, ...nothing }
  }
  const from = goesOn(hyper.ranking) ? await resumed(models) : undefined
  const { weights, ...learnt } = await personalise(
    engine,
    { ...lessons, spec: engine.din(), model, hyper: hyper.ranking, seed, from },
    { onProgress: progress, onCheckpoint: (checkpoint) => keep(models, checkpoint) },
  )
  if (weights) await models.write(RANKING, weights)
  if (filtered) samples.use(filtered.ids)
  return {
    trained: true,
    local,
    ...learnt,
    losses: thinned(learnt.losses),
    ...(from && from.step > 0 && { resumed: from.step }),
  }
}

/** Whether there is something to learn from and, if it is to be judged, both classes to judge it by. */
function trainable({ training, validation }: Record<'training' | 'validation', Batch>, { ranking }: Hyper) {
  const { epochs, gate, learnFrom } = ranking
  const rows = training.size + (learnFrom === 'all' ? validation.size : 0)
  return epochs > 0 && rows > 0 && (gate === 'none' || new Set(validation.labels).size === 2)
}

/** Where there are too many to be kept, a run that is cut off begins anew. */
async function keep(models: TaskModels, { weights, ...state }: Checkpoint): Promise<void> {
  if (state.losses.length <= KEPT) await models.checkpoint(RANKING, weights, state)
}

async function resumed(models: TaskModels): Promise<Checkpoint | undefined> {
  const kept = await models.resume(RANKING)
  return kept && { ...(kept.state as Omit<Checkpoint, 'weights'>), weights: kept.weights }
}

/** Of all every n-th, where they would be too many. */
function thinned(losses: readonly number[]): number[] {
  const stride = Math.ceil(losses.length / TOLD)
  return losses.filter((_, i) => i % stride === 0)
}
