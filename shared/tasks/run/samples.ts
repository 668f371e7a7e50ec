/** What a script reads of samples, and what it says of them: only of those that it has read. */
import { AppError } from '../../failure.ts'
import { allFinite } from '../../model/weights.ts'
import type { Batch } from '../../sample.ts'
import type { NamedSamples, SampleSet, Score, TaskSamples } from '../context.ts'
import type { Effects } from '../run.ts'
import type { Within } from './context.ts'

export function createSamples({ manifest, ground, signal, during }: Within) {
  const scores = new Map<string, Score>()
  const used = new Set<string>()
  /** By id: the set that it was read from last. */
  const seen = new Map<string, SampleSet>()
  let candidates = 0
  let ranked: Float32Array<ArrayBuffer> | undefined

  const samples: TaskSamples = {
    read: (set, limit) =>
      during(async () => {
        if (!manifest.samples.includes(set))
          throw new AppError('refused', `${manifest.name} does not say that it reads ${set} samples.`)
        const found = newest(await ground.samples(set), limit)
        for (const id of found.ids) seen.set(id, set)
        if (set === 'candidates') candidates = found.ids.length
        return found
      }),
    score(all) {
      signal.throwIfAborted()
      for (const { id, score, keep } of all) {
        if (seen.get(id) !== 'matched')
          throw new AppError('bad-input', `${id} is no matched sample that was read.`)
        if (score !== null && !(score >= 0 && score <= 1))
          throw new AppError('bad-input', `${score} is no score from 0 to 1.`)
        scores.set(id, { id, score, keep: Boolean(keep) })
      }
    },
    use(ids) {
      signal.throwIfAborted()
      for (const id of ids) {
        const set = seen.get(id)
        if (set !== 'matched' && set !== 'filtered')
          throw new AppError('bad-input', `${id} is no borrowed sample that was read.`)
        used.add(id)
      }
    },
    rank(scores) {
      signal.throwIfAborted()
      const given = Float32Array.from(scores)
      if (given.length !== candidates || !allFinite(given))
        throw new AppError('bad-input', `These are no scores of ${candidates} candidates.`)
      ranked = given
    },
  }
  return {
    samples,
    effects: (): Pick<Effects, 'scores' | 'used' | 'ranked'> => ({
      scores: [...scores.values()],
      used: [...used],
      ...(ranked && { ranked }),
    }),
  }
}

function newest({ ids, batch, scores }: NamedSamples, limit = batch.size): NamedSamples {
  const from = Math.max(0, batch.size - limit)
  const { idWidth, denseWidth } = { idWidth: width(batch.ids, batch), denseWidth: width(batch.dense, batch) }
  return {
    ids: ids.slice(from),
    batch: {
      size: batch.size - from,
      ids: batch.ids.slice(from * idWidth),
      dense: batch.dense.slice(from * denseWidth),
      labels: batch.labels.slice(from),
      weights: batch.weights.slice(from),
    },
    ...(scores && { scores: scores.slice(from) }),
  }
}
const width = ({ length }: { length: number }, { size }: Batch): number => (size === 0 ? 0 : length / size)
