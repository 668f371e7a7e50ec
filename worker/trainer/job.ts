/**
 * What the device may ask of a trainer, and the messages that carry it across a worker's port. A trainer is disposable:
 * it serves one round and is terminated, because ending a worker is the only dependable way to get GPU and WASM memory
 * back.
 */
import * as z from 'zod'
import { ENGINE_NAMES } from '../../shared/engine/engine.ts'
import { failureSchema } from '../../shared/failure.ts'
import { manifestSchema } from '../../shared/task.ts'
import type { Watch } from './filter.ts'

// Bulk data: checked by type, never walked.
const int32 = z.custom<Int32Array>((value) => value instanceof Int32Array)
const float32 = z.custom<Float32Array>((value) => value instanceof Float32Array)
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)

const batchSchema = z.strictObject({
  size: z.int().min(0),
  ids: int32,
  dense: float32,
  labels: float32,
  weights: float32,
})

const commonShape = {
  task: manifestSchema.pick({ schema: true, hyper: true, ranking: true, classifier: true }),
  /** M, as safetensors. */
  model: bytes,
  seed: z.int().min(0),
}
const filterJobSchema = z.strictObject({
  ...commonShape,
  local: batchSchema,
  outside: batchSchema,
  candidates: batchSchema,
})
const personaliseJobSchema = z.strictObject({
  ...commonShape,
  training: batchSchema,
  validation: batchSchema,
})

const filterResultSchema = z.strictObject({
  engine: z.enum(ENGINE_NAMES),
  /** Of each candidate, in [0, 1]. */
  scores: float32,
  losses: z.array(z.number()),
})
const personaliseResultSchema = z.strictObject({
  engine: z.enum(ENGINE_NAMES),
  /** The better model as safetensors, or null where M stays. */
  model: bytes.nullable(),
  losses: z.array(z.number()),
  steps: z.int(),
  stepsKept: z.int(),
  before: z.number().nullable(),
  after: z.number().nullable(),
})

/** The jobs: what goes in, what comes out. */
export const jobs = {
  /** Algorithm 2. */
  filter: { input: filterJobSchema, output: filterResultSchema },
  /** Algorithm 3. */
  personalise: { input: personaliseJobSchema, output: personaliseResultSchema },
} as const
export type JobName = keyof typeof jobs
export type Job<N extends JobName> = z.infer<(typeof jobs)[N]['input']>
export type Result<N extends JobName> = z.infer<(typeof jobs)[N]['output']>

/** Whatever trains, wherever it runs. */
export type Trainer = {
  [N in JobName]: (job: Job<N>, watch?: Watch) => Promise<Result<N>>
} & {
  /** Ends it at once and gives back all memory; what still runs fails with `cancelled`. */
  terminate(): void
}

const id = z.int().positive()
const jobName = z.enum(Object.keys(jobs) as [JobName, ...JobName[]])

/** device → trainer */
export const commandSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('run'), id, name: jobName, job: z.unknown() }),
  z.strictObject({ type: z.literal('cancel'), id }),
])
export type Command = z.infer<typeof commandSchema>

/** trainer → device. `ready` first; then every job ends in exactly one `done` or `failed`. */
export const messageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('progress'), id, fraction: z.number() }),
  z.strictObject({ type: z.literal('done'), id, result: z.unknown() }),
  z.strictObject({ type: z.literal('failed'), id, failure: failureSchema }),
])
export type Message = z.infer<typeof messageSchema>
