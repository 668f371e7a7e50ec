/**
 * What the device may ask of a trainer, and the messages that carry it across a worker's port. A trainer is disposable:
 * it serves one round and is terminated, because ending a worker is the only dependable way to get GPU and WASM memory
 * back.
 */
import * as z from 'zod'
import { MAX_COURSE } from '../../shared/course.ts'
import { ENGINE_NAMES } from '../../shared/engine/engine.ts'
import { isKernel, type Kernel } from '../../shared/engine/fused/kernel.ts'
import { pointSchema } from '../../shared/protocol.ts'
import { schemaSchema } from '../../shared/schema.ts'
import { manifestSchema, sha256Schema, widthsSchema } from '../../shared/task.ts'
import type { TaskContext } from '../../shared/tasks/context.ts'
import { SAMPLE_SETS, taskManifestSchema, triggerSchema } from '../../shared/tasks/manifest.ts'

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

/** The trainer looks at it once more: whether it is the one that the manifest names, and whether it would import others. */
const scriptSchema = z.strictObject({
  sha256: sha256Schema,
  bytes: z.custom<Uint8Array<ArrayBuffer>>((value) => value instanceof Uint8Array),
})
export type Script = z.infer<typeof scriptSchema>

const keptSchema = z.strictObject({
  /** As safetensors; null where there is nothing better yet than what the run began with. */
  weights: bytes.nullable(),
  /** What else the script wants to know. */
  state: z.unknown(),
})

const isTrigger = (value: unknown): boolean => {
  const { input: _, ...trigger } = { ...(value as TaskContext['trigger']) }
  return triggerSchema.safeParse(trigger).success
}

const runJobSchema = z.strictObject({
  task: taskManifestSchema,
  script: scriptSchema,
  /** The task's own, or the data's; with tables of as many rows as the job's models have. */
  schema: schemaSchema,
  /** The data's, and over it the task's. */
  hyper: z.record(z.string(), z.unknown()),
  /** Of the data's models. */
  widths: z.strictObject({ ranking: widthsSchema, classifier: widthsSchema }),
  trigger: z.custom<TaskContext['trigger']>(isTrigger, 'no trigger'),
  seed: z.int().min(0),
  /** What time it is for the script as it begins, ms; the realm's own if left out. */
  now: z.number().optional(),
  /** The sets that the task declares, each in time order. */
  samples: z.partialRecord(
    z.enum(SAMPLE_SETS),
    z.strictObject({ ids: z.array(z.string()), batch: batchSchema, scores: float32.optional() }),
  ),
  /** The models that it declares, by the names that it has for them, as safetensors. */
  models: z.record(z.string(), z.strictObject({ now: bytes.optional(), initial: bytes.optional() })),
  /** What an earlier run that was cut off has kept: by the names of models. */
  kept: z.record(z.string(), keptSchema),
  engine: commonShape.engine,
  kernel: commonShape.kernel,
  duty: commonShape.duty,
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

const runResultSchema = z.strictObject({
  /** As `Effects` (shared/tasks/run.ts), models as safetensors. */
  effects: z.strictObject({
    scores: z.array(
      z.strictObject({ id: z.string(), score: z.number().min(0).max(1).nullable(), keep: z.boolean() }),
    ),
    used: z.array(z.string()),
    models: z.record(z.string(), bytes),
    folds: z.array(z.string()),
    ranked: float32.optional(),
    reports: z.array(z.strictObject({ name: z.string(), values: z.record(z.string(), z.number()) })),
    result: z.json(),
  }),
  engine: engineName,
  choice: choiceSchema,
  memory,
})

/** The jobs: what goes in, what comes out. */
export const jobs = {
  /** Algorithm 2. */
  filter: { input: filterJobSchema, output: filterResultSchema },
  /** Algorithm 3. */
  personalise: { input: personaliseJobSchema, output: personaliseResultSchema },
  /** A task's script. */
  run: { input: runJobSchema, output: runResultSchema },
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

/** What a run keeps of a model in case that it is cut off: put into `kept` of the same job, it goes on from there. */
export interface Kept {
  readonly name: string
  readonly weights: Uint8Array | null
  readonly state: unknown
}
export interface RunWatch {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((fraction: number) => void) | undefined
  /** Hears what the script keeps, when it does. */
  readonly onCheckpoint?: ((kept: Kept) => void) | undefined
}

/** Whatever trains, wherever it runs. */
export type Trainer = {
  [N in JobName]: (job: Job<N>, watch?: N extends 'run' ? RunWatch : Watch) => Promise<Result<N>>
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
  z.strictObject({ type: z.literal('kept'), checkpoint: checkpointSchema }),
  z.strictObject({ type: z.literal('checkpoint'), name: z.string(), ...keptSchema.shape }),
])
