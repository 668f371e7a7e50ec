/**
 * What a round gives to the trainer and takes back: samples and model as a job, and the result as a model to keep. The
 * trainer gets only the embedding rows that the job's samples touch, however many a table has.
 */
import { AppError } from '../../shared/failure.ts'
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
} from '../../shared/model/local.ts'
import { checkWeights } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import { type Batch, pack, type Sample } from '../../shared/sample.ts'
import type { Checkpoint, Job, Result } from '../trainer/job.ts'
import type { Active } from './active.ts'
import type { Stored } from './models.ts'
import type { Rows } from './rows.ts'

/** Tables of so few rows stay whole: picking from them costs more than it saves, with 512 behaviours in each sample. */
const FEW = 32
/** Rows that a model keeps of a table that was not delivered whole; training adds some with each round. */
const MAX_TRAINED = 20_000

export interface Jobs {
  filter(samples: Record<'local' | 'outside' | 'candidates', readonly Sample[]>): Promise<Job<'filter'>>
  /**
   * `weightOf` says how much each training sample counts, by its index; 1 if it is left out. `from` is a checkpoint as `kept`
   * gave it, of a job with the same samples.
   */
  personalise(
    samples: Record<'training' | 'validation', readonly Sample[]> & { weightOf?: (index: number) => number },
    from?: Checkpoint,
  ): Promise<Job<'personalise'>>
  /** A checkpoint of the last `personalise` in a form that does not depend on what that job's tables held. */
  kept(checkpoint: Checkpoint): Checkpoint
  /**
   * The model that the last `personalise` trained as M may become it, with the personal vector; null where M stays. Throws
   * `bad-artifact` for one that does not fit.
   */
  trained(
    result: Pick<Result<'personalise'>, 'model'>,
    personal?: Float32Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer> | null>
}

/** The jobs of one round: on this task, from this M. Throws `bad-artifact` where M is not a model of the task. */
export function createJobs(task: Active, base: Stored, seed: number, rows: Rows): Jobs {
  const { context, spec } = task
  const { schema, hyper, ranking, classifier } = task.manifest
  const model = readLocal(spec, base.bytes)
  let given: LocalModel | undefined

  /** M's rows of what the batches touch, and what the job has in common with every other. */
  async function common(batches: readonly Batch[]) {
    const large = new Set(
      spec.tables.flatMap(({ name, rows }) => (rows > FEW || model.ids[name] ? [name] : [])),
    )
    const touched = Object.fromEntries(
      Object.entries(touchedIds(spec, batches)).filter(([table]) => large.has(table)),
    )
    const part = partOf(model, touched, await rows.find(task, missingIds(touched, model.ids)))
    return {
      part,
      job: {
        task: { schema: localSchema(schema, part.ids), hyper, ranking, classifier },
        model: writeSafetensors(part.weights),
        seed,
      },
      batch: (batch: Batch) => localBatch(spec, part.ids, batch),
    }
  }
  const packed = (samples: readonly Sample[]) => pack(context.layout, samples)

  /** Weights for the tables of the last job. */
  function fitting(bytes: Uint8Array): { before: LocalModel; weights: Weights } {
    if (!given) throw new AppError('bad-artifact', 'No job was given that this could be the result of.')
    const weights = readSafetensors(bytes)
    checkWeights(localSpec(spec, given.ids), weights)
    return { before: given, weights }
  }

  return {
    async filter(samples) {
      const [local, outside, candidates] = [samples.local, samples.outside, samples.candidates].map(packed)
      const { job, batch } = await common([local!, outside!, candidates!])
      return { ...job, local: batch(local!), outside: batch(outside!), candidates: batch(candidates!) }
    },

    async personalise(samples, from) {
      const training = pack(context.layout, samples.training, samples.weightOf)
      const validation = packed(samples.validation)
      const { part, job, batch } = await common([training, validation])
      given = part
      const again = from && {
        ...from,
        model: from.model && writeSafetensors(continued(part, readLocal(spec, from.model)).weights),
      }
      return {
        ...job,
        training: batch(training),
        validation: batch(validation),
        ...(again && { from: again }),
      }
    },

    kept(checkpoint) {
      if (!checkpoint.model) return checkpoint
      const { before, weights } = fitting(checkpoint.model)
      return { ...checkpoint, model: writeLocal({ ids: before.ids, weights }) }
    },

    async trained({ model: bytes }, personal) {
      if (!bytes && (!personal || isSame(personal, model.personal))) return null
      if (!bytes) return writeLocal({ ...model, personal })
      const { before, weights } = fitting(bytes)
      return writeLocal({ ...withTrained(model, before, weights, MAX_TRAINED), personal })
    },
  }
}

/** A checkpoint's weights with the rows of `part`; those that only `part` has came in meanwhile. */
const continued = (part: LocalModel, checkpoint: LocalModel): LocalModel =>
  partOf(checkpoint, part.ids, (table, id) => rowsOf(part, table)(id))

const isSame = (one: Float32Array, other: Float32Array | undefined): boolean =>
  one.length === other?.length && one.every((value, i) => value === other[i])
