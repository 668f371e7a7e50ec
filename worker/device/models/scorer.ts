/** The one place where a stored model says how likely samples are clicked: for ranking, on trial, in experiments. */
import { UNKNOWN_ID } from '../../../shared/catalogue.ts'
import type { Engine, Model } from '../../../shared/engine/engine.ts'
import { AppError } from '../../../shared/failure.ts'
import { type Attention, attentionOf } from '../../../shared/model/attention.ts'
import {
  type FindRow,
  type LocalModel,
  localBatch,
  localSpec,
  missingIds,
  readLocal,
  touchedIds,
  withRows,
} from '../../../shared/model/local.ts'
import type { ModelSpec } from '../../../shared/model/spec.ts'
import type { Batch } from '../../../shared/sample.ts'
import { type ItemFactors, personalised } from './personal.ts'

/** A stored model at work, for one caller at a time; it holds memory of its engine. */
export interface Scorer {
  /**
   * The click probability of each sample, whose ids are the task's. An id whose row is not here counts as unknown. Throws
   * what `Model.predict` throws.
   */
  score(batch: Batch): Promise<Float32Array<ArrayBuffer>>
  /** What the model attends to in each sample; whether it has a row of its own for what stands at a place of `ids`. */
  attention(batch: Pick<Batch, 'size' | 'ids'>): { attention: Attention[]; known: (at: number) => boolean }
  /** Takes in the rows that the batch needs and that are not here, as far as `find`, asked for their ids, has them. */
  grow(batch: Batch, find: (missing: Readonly<Record<string, number[]>>) => Promise<FindRow>): Promise<void>
  dispose(): void
}

/**
 * `bytes` is a model as it is stored, whole or in part; `factors` are those of its task, by which its personal vector counts
 * where it has one. Throws `bad-artifact` unless it is a model of `spec`, with a vector that fits the factors.
 */
export async function openScorer(
  engine: Engine,
  spec: ModelSpec,
  bytes: Uint8Array,
  factors?: ItemFactors,
): Promise<Scorer> {
  let local = readLocal(spec, bytes)
  const { personal } = local
  if (personal && (!factors || personal.length !== factors.dim + 1))
    throw new AppError('bad-artifact', `The personal vector does not fit the item factors of the task.`)
  let model = await load(local)
  let disposed = false

  function load({ ids, weights }: LocalModel): Promise<Model> {
    return engine.load(localSpec(spec, ids), weights)
  }

  return {
    async score(batch) {
      const scores = await model.predict(localBatch(spec, local.ids, batch))
      return personal && factors ? personalised(factors, personal, batch, scores) : scores
    },

    attention(batch) {
      const here = localBatch(spec, local.ids, batch)
      const attention = attentionOf(localSpec(spec, local.ids), local.weights, here)
      return { attention, known: (at) => here.ids[at]! > UNKNOWN_ID }
    },

    async grow(batch, find) {
      if (Object.keys(local.ids).length === 0) return
      const missing = missingIds(touchedIds(spec, [batch]), local.ids)
      if (Object.keys(missing).length === 0) return
      const grown = withRows(local, missing, await find(missing))
      if (grown === local || disposed) return
      const next = await load(grown)
      if (disposed) return next.dispose()
      model.dispose()
      model = next
      local = grown
    },

    dispose() {
      disposed = true
      model.dispose()
    },
  }
}
