/**
 * What a run gives to the trainer and takes back: samples and models as a job, and a result as a model to keep. Where the personal
 * ranking model is part of it, the trainer gets only the embedding rows that the job's samples touch, however many a table has.
 */
import { AppError } from '../../../shared/failure.ts'
import {
  type LocalModel,
  localBatch,
  localSchema,
  localSpec,
  missingIds,
  partOf,
  readLocal,
  rowsOf,
  touchedIds,
  withTrained,
  writeLocal,
} from '../../../shared/model/local.ts'
import { checkWeights } from '../../../shared/model/spec.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import { readSafetensors, writeSafetensors } from '../../../shared/safetensors.ts'
import { type Batch, pack, type Sample } from '../../../shared/sample.ts'
import type { SampleSet } from '../../../shared/tasks/context.ts'
import { RANKING } from '../../../shared/tasks/manifest.ts'
import type { Job } from '../../trainer/job.ts'
import type { Active } from '../delivery/active.ts'
import type { Stored } from '../models/models.ts'
import type { Rows } from '../models/rows.ts'

/** Tables of so few rows stay whole: picking from them costs more than it saves, with 512 behaviours in each sample. */
const FEW = 32
/** Rows that a model keeps of a table that was not delivered whole; training adds some with each round. */
const MAX_TRAINED = 20_000

/** Samples of one set, and what each is called. */
export interface SetRows {
  readonly ids: readonly string[]
  readonly samples: readonly Sample[]
  readonly scores?: Float32Array
}
export type Sets = Partial<Record<SampleSet, SetRows>>

type Bytes = Uint8Array
/** A model by the name that a manifest has for it: as it is in use, and as it was delivered. */
export type Given = Readonly<Record<string, { readonly now?: Bytes; readonly initial?: Bytes }>>

export interface Prepared {
  readonly given: Pick<Job<'run'>, 'schema' | 'samples' | 'models' | 'kept'>
  /** Weights that the run keeps or writes, in a form that does not depend on what the job's tables held. */
  whole(name: string, weights: Bytes): Uint8Array<ArrayBuffer>
  /**
   * The personal ranking model as M may become it, from what was written, if anything was, and the personal vector; null where M
   * stays. Throws `bad-artifact` for one that does not fit.
   */
  ranking(written: Weights | undefined, personal?: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null
}

export interface Sources {
  readonly sets: Sets
  /** M and M0 of the data, where the task asks for them. */
  readonly ranking?: { readonly now: Stored; readonly initial: Stored | undefined }
  readonly others: Given
  /** What an earlier run has kept, as `whole` gave it. */
  readonly kept: Readonly<Record<string, { readonly weights: Bytes | null; readonly state: unknown }>>
}

/** A job of these data. Throws `bad-artifact` where M is not a model of them. */
export async function prepareJob(
  data: Active,
  sources: Sources,
  rows: Pick<Rows, 'find'>,
): Promise<Prepared> {
  const { context, spec, manifest } = data
  const packed = Object.entries(sources.sets).map(
    ([set, { ids, samples, scores }]) =>
      [set as SampleSet, { ids, scores, batch: pack(context.layout, samples) }] as const,
  )
  const batches = packed.map(([, { batch }]) => batch)
  const m = sources.ranking && readLocal(spec, sources.ranking.now.bytes)
  const parts = m && (await partsOf(m))
  const local = (batch: Batch) => (parts ? localBatch(spec, parts.now.ids, batch) : batch)

  /** M's rows of what the samples touch, and M0's. */
  async function partsOf(model: LocalModel): Promise<{ now: LocalModel; initial?: LocalModel }> {
    const large = new Set(
      spec.tables.flatMap(({ name, rows }) => (rows > FEW || model.ids[name] ? [name] : [])),
    )
    const touched = Object.fromEntries(
      Object.entries(touchedIds(spec, batches)).filter(([table]) => large.has(table)),
    )
    const { now, initial } = sources.ranking!
    const part = partOf(model, touched, await rows.find(data, missingIds(touched, model.ids)))
    if (!initial) return { now: part }
    if (initial.row.sha256 === now.row.sha256) return { now: part, initial: part }
    const delivered = readLocal(spec, initial.bytes)
    const found = await rows.find(data, missingIds(part.ids, delivered.ids))
    const own = (table: string, id: number) => found(table, id) ?? rowsOf(part, table)(id)
    return { now: part, initial: partOf(delivered, part.ids, own) }
  }

  /** Weights of the data's model for the tables of this job. */
  function fitting(weights: Weights): LocalModel {
    if (!parts) throw new AppError('bad-artifact', `The task was not given ${RANKING}.`)
    checkWeights(localSpec(spec, parts.now.ids), weights)
    return { ids: parts.now.ids, weights }
  }

  /** A checkpoint's weights with the rows of this job; those that only this job has came in meanwhile. */
  const goingOn = (bytes: Bytes): Bytes =>
    writeSafetensors(
      partOf(readLocal(spec, bytes), parts!.now.ids, (table, id) => rowsOf(parts!.now, table)(id)).weights,
    )

  const models: Given = {
    ...sources.others,
    ...(parts && { [RANKING]: modelsOf(parts) }),
  }
  return {
    given: {
      schema: parts ? localSchema(manifest.schema, parts.now.ids) : manifest.schema,
      samples: Object.fromEntries(
        packed.map(([set, { ids, scores, batch }]) => [
          set,
          { ids: [...ids], batch: local(batch), ...(scores && { scores }) },
        ]),
      ),
      models,
      kept: Object.fromEntries(
        Object.entries(sources.kept).map(([name, { weights, state }]) => [
          name,
          { weights: weights && name === RANKING ? goingOn(weights) : weights, state },
        ]),
      ),
    },

    whole: (name, weights) =>
      name === RANKING ? writeLocal(fitting(readSafetensors(weights))) : Uint8Array.from(weights),

    ranking(written, personal) {
      if (!m || !parts) throw new AppError('bad-artifact', `The task was not given ${RANKING}.`)
      if (!written && (!personal || isSame(personal, m.personal))) return null
      if (!written) return writeLocal({ ...m, personal })
      const trained = withTrained(m, parts.now, fitting(written).weights, MAX_TRAINED)
      return writeLocal({ ...trained, personal })
    },
  }
}

function modelsOf({ now, initial }: { now: LocalModel; initial?: LocalModel }): Given[string] {
  const bytes = writeSafetensors(now.weights)
  if (!initial) return { now: bytes }
  return { now: bytes, initial: initial === now ? bytes : writeSafetensors(initial.weights) }
}

const isSame = (one: Float32Array, other: Float32Array | undefined): boolean =>
  one.length === other?.length && one.every((value, i) => value === other[i])
