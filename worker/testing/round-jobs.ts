/** The jobs of one round as a device makes them, of samples that somebody else has chosen: for benchmarks, and for engines in browsers. */
import type { Hyper } from '../../shared/hyper.ts'
import type { Batch } from '../../shared/sample.ts'
import type { FeatureSchema } from '../../shared/schema.ts'
import type { Delivered } from '../../shared/tasks/contact.ts'
import type { SampleSet } from '../../shared/tasks/context.ts'
import { RANKING } from '../../shared/tasks/manifest.ts'
import type { Job } from '../trainer/job.ts'

export interface RoundInput {
  /** Those that ship with Kindred. */
  readonly tasks: readonly Delivered[]
  readonly schema: FeatureSchema
  readonly hyper: Hyper
  readonly widths: Job<'run'>['widths']
  /** M, as safetensors. */
  readonly model: Uint8Array<ArrayBuffer>
  readonly seed: number
}

/** What the task `name` is given; samples are called `<set>-0`, `<set>-1`, … */
export function jobOf(
  { tasks, schema, hyper, widths, model, seed }: RoundInput,
  name: 'filter' | 'train',
  sets: Partial<Record<SampleSet, Batch>>,
  scores: Float32Array = new Float32Array(),
): Job<'run'> {
  const { manifest, files } = tasks.find((task) => task.manifest.name === name)!
  const samples = Object.entries(sets).map(([set, batch]) => [
    set,
    {
      ids: Array.from({ length: batch.size }, (_, i) => `${set}-${i}`),
      batch,
      ...(set === 'filtered' && { scores }),
    },
  ])
  return {
    task: manifest,
    script: { sha256: manifest.script.sha256, bytes: files.script },
    schema,
    hyper,
    widths,
    trigger: manifest.triggers[0]!,
    seed,
    samples: Object.fromEntries(samples),
    models: { [RANKING]: { now: model, initial: model } },
    kept: {},
  }
}
