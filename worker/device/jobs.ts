/** What a round gives to the trainer and takes back: samples and model as a job, and the result as a model to keep. */
import { checkWeights } from '../../shared/model/spec.ts'
import { readSafetensors } from '../../shared/safetensors.ts'
import { pack, type Sample } from '../../shared/sample.ts'
import type { Job, Result } from '../trainer/job.ts'
import type { Active } from './active.ts'
import type { Stored } from './models.ts'

export interface Jobs {
  filter(samples: Record<'local' | 'outside' | 'candidates', readonly Sample[]>): Promise<Job<'filter'>>
  personalise(samples: Record<'training' | 'validation', readonly Sample[]>): Promise<Job<'personalise'>>
  /** The trained model as M may become it; null where M stays. Throws `bad-artifact` for one that does not fit. */
  trained(result: Result<'personalise'>): Promise<Uint8Array<ArrayBuffer> | null>
}

/** The jobs of one round: on this task, from this M. */
export function createJobs({ manifest, context, spec }: Active, base: Stored, seed: number): Jobs {
  const { schema, hyper, ranking, classifier } = manifest
  const common = { task: { schema, hyper, ranking, classifier }, model: base.bytes, seed }
  const packed = (samples: readonly Sample[]) => pack(context.layout, samples)
  return {
    async filter({ local, outside, candidates }) {
      return {
        ...common,
        local: packed(local),
        outside: packed(outside),
        candidates: packed(candidates),
      }
    },
    async personalise({ training, validation }) {
      return { ...common, training: packed(training), validation: packed(validation) }
    },
    async trained({ model }) {
      if (!model) return null
      const bytes = new Uint8Array(model)
      checkWeights(spec, readSafetensors(bytes))
      return bytes
    },
  }
}
