/**
 * What the device may ask of a trainer, and the messages that carry it across a worker's port. A trainer is disposable:
 * it serves one round and is terminated, because ending a worker is the only dependable way to get GPU and WASM memory
 * back.
 */
import * as z from 'zod'
import { ENGINE_NAMES } from '../../shared/engine/engine.ts'
import { isKernel, type Kernel } from '../../shared/engine/fused/kernel.ts'
import { MAX_COURSE, pointSchema } from '../../shared/protocol.ts'
import { manifestSchema } from '../../shared/task.ts'

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

const engineName = z.enum(ENGINE_NAMES)

const commonShape = {
  task: manifestSchema.pick({ schema: true, hyper: true, ranking: true, classifier: true }),
  /** M, as safetensors. */
  model: bytes,
  seed: z.int().min(0),
  /** What was the fastest here before: it is started and checked, not timed again. One that fails leaves the full choice. */
  engine: engineName.optional(),
  /** The kernel of `fused-wasm` as the device has compiled it, that the trainer need not. */
  kernel: z.custom<Kernel>(isKernel).optional(),
  /** Share of the time that the thread may compute, in (0, 1]; 1 if left out. */
  duty: z.number().positive().max(1).optional(),
}
const qualitySchema = z.strictObject({ auc: z.number(), loss: z.number() })
/** How good a model is on the validation samples. */
export type Quality = z.infer<typeof qualitySchema>

/** How far a personalisation has come: with the same job, enough to go on from. */
export const checkpointSchema = z.strictObject({
  /** The best so far, as safetensors; null where no step was kept yet. */
  model: bytes.nullable(),
  /** Mini-batches that were learnt from, and how many of these updates were kept. */
  step: z.int().min(0),
  stepsKept: z.int().min(0),
  /** Of each of these steps. */
  losses: z.array(z.number()),
  before: qualitySchema,
  best: qualitySchema,
  /** As far as it has come. */
  course: z.array(pointSchema).max(MAX_COURSE).optional(),
})
export type Checkpoint = z.infer<typeof checkpointSchema>

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
  /** Goes on from here, with a fresh optimizer. Only a checkpoint of the same job fits. */
  from: checkpointSchema.optional(),
})

/** What computed, and what could not any more. */
const choiceSchema = z.strictObject({
  engine: engineName,
  /** Whether it was timed against others for this. */
  timed: z.boolean(),
  /** Engines that failed while they were used: never again by this trainer. */
  lost: z.array(z.strictObject({ name: engineName, reason: z.string() })),
})
export type Choice = z.infer<typeof choiceSchema>

/** The most that the engine was seen to hold, in bytes, where it can tell. */
const memory = z.int().positive().optional()

const filterResultSchema = z.strictObject({
  engine: engineName,
  choice: choiceSchema,
  /** Of each candidate, in [0, 1]. */
  scores: float32,
  losses: z.array(z.number()),
  memory,
})
const personaliseResultSchema = z.strictObject({
  engine: engineName,
  choice: choiceSchema,
  /** The model that is to become M, as safetensors, or null where M stays; the rest as in `Personalised` (outcome.ts). */
  model: bytes.nullable(),
  losses: z.array(z.number()),
  steps: z.int(),
  stepsKept: z.int(),
  before: z.number().nullable(),
  after: z.number().nullable(),
  loss: z.strictObject({ before: z.number(), after: z.number() }).optional(),
  course: z.array(pointSchema).max(MAX_COURSE).optional(),
  refit: z.int().positive().optional(),
  memory,
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

/** What a caller may hear of a job, and how it stops it. */
export interface Watch {
  readonly signal?: AbortSignal | undefined
  /** Hears after each step what share of the work is done, in (0, 1]. */
  readonly onProgress?: ((fraction: number) => void) | undefined
  /**
   * Hears every `CHECKPOINT_STEPS` steps of a personalisation that can go on, and at the end of each epoch, how far it has
   * come: counted in steps and not by the clock, that the same job always has the same checkpoints.
   */
  readonly onCheckpoint?: ((checkpoint: Checkpoint) => void) | undefined
}
export const CHECKPOINT_STEPS = 32

/** Whatever trains, wherever it runs. */
export type Trainer = {
  [N in JobName]: (job: Job<N>, watch?: Watch) => Promise<Result<N>>
} & {
  /** Stops computing before the next step, until `resume`: somebody needs the machine. Either may be called twice. */
  pause(): void
  resume(): void
  /** Ends it at once and gives back all memory; what still runs fails with `cancelled`. */
  terminate(): void
}

/** What is heard of a job under way. */
export const newsSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('progress'), fraction: z.number() }),
  z.strictObject({ type: z.literal('checkpoint'), checkpoint: checkpointSchema }),
])
