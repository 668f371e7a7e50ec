/**
 * What is kept of the samples that came in: a share of them trains a classifier against the user's own, which then says of each of
 * the others how much it is like them.
 */
import type { Hyper } from '../../../shared/hyper.ts'
import { seeded } from '../../../shared/random.ts'
import type { Batch } from '../../../shared/sample.ts'
import type { NamedSamples, TaskContext } from '../../../shared/tasks/context.ts'
import { classifierShare } from '../algorithms/borrowed.ts'
import { embeddingsOf, filter } from '../algorithms/filter.ts'
import { joined, pick } from '../algorithms/rows.ts'

/** `classifying`: how many samples trained the classifier. */
export async function run(context: TaskContext): Promise<{ classifying: number }> {
  const { samples, models, engine, task, seed, random } = context
  const hyper = task.hyper as Hyper
  const matched = await samples.read('matched')
  if (hyper.filter === 'none') {
    samples.score(matched.ids.map((id) => ({ id, score: null, keep: true })))
    return { classifying: 0 }
  }
  const training = await samples.read('local-training')
  const validation = await samples.read('local-validation')
  const ranking = await models.read('data/ranking')
  const local = joined([training.batch, validation.batch])
  const { outside, others } = split(matched, hyper, seed)
  if (!ranking || local.size === 0 || outside.length === 0) return { classifying: 0 }
  const batchOf = (rows: readonly number[]): Batch => pick(matched.batch, rows)
  const spec = engine.prunedDin()
  const { scores } = await filter(
    engine,
    {
      spec,
      initial: engine.initialise(spec, embeddingsOf(ranking)),
      local,
      outside: batchOf(outside),
      candidates: batchOf(others),
      hyper: hyper.classifier,
      random,
    },
    { onProgress: context.progress },
  )
  samples.use(outside.map((row) => matched.ids[row]!))
  samples.score(
    others.map((row, i) => ({ id: matched.ids[row]!, score: scores[i]!, keep: scores[i]! >= hyper.sigma })),
  )
  return { classifying: outside.length }
}

/** Chooses by lot the rows that train the classifier; the others are to be scored. */
function split({ ids }: NamedSamples, hyper: Hyper, seed: number): { outside: number[]; others: number[] } {
  const rows = seeded(seed).shuffle(ids.map((_, row) => row))
  const outside = rows.splice(0, classifierShare(rows.length, hyper))
  return { outside, others: rows.sort((a, b) => a - b) }
}
