/**
 * What the device may ask of a trainer, and the messages that carry it across a worker's port. A trainer is disposable:
 * it runs one task once and is terminated, because ending a worker is the only dependable way to get GPU and WASM memory
 * back, and to be rid of a script.
 */
import * as z from 'zod'
import { ENGINE_NAMES } from '../../shared/engine/engine.ts'
import { isKernel, type Kernel } from '../../shared/engine/fused/kernel.ts'
import { schemaSchema } from '../../shared/schema.ts'
import { sha256Schema, widthsSchema } from '../../shared/task.ts'
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
  /** What was the fastest here before: it is started and checked, not timed again. One that fails leaves the full choice. */
  engine: engineName.optional(),
  /** The kernel of `fused-wasm` as the device has compiled it, that the trainer need not. */
  kernel: z.custom<Kernel>(isKernel).optional(),
  /** Share of the time that the thread may compute, in (0, 1]; 1 if left out. */
  duty: z.number().positive().max(1).optional(),
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
  /** The most that the engine was seen to hold, in bytes, where it can tell. */
  memory: z.int().positive().optional(),
})

/** The jobs: what goes in, what comes out. */
export const jobs = {
  /** A task's script, once. */
  run: { input: runJobSchema, output: runResultSchema },
} as const
export type JobName = keyof typeof jobs
export type Job<N extends JobName> = z.infer<(typeof jobs)[N]['input']>
export type Result<N extends JobName> = z.infer<(typeof jobs)[N]['output']>

/** What a run keeps of a model in case that it is cut off: put into `kept` of the same job, it goes on from there. */
export interface Kept {
  readonly name: string
  readonly weights: Uint8Array | null
  readonly state: unknown
}

/** What a caller may hear of a run, and how it stops it. */
export interface RunWatch {
  readonly signal?: AbortSignal | undefined
  /** Hears what share of the work is done, in [0, 1], as the script says it. */
  readonly onProgress?: ((fraction: number) => void) | undefined
  /** Hears what the script keeps, when it does. */
  readonly onCheckpoint?: ((kept: Kept) => void) | undefined
}

/** Whatever runs tasks, wherever it does. */
export interface Trainer {
  run(job: Job<'run'>, watch?: RunWatch): Promise<Result<'run'>>
  /** Stops computing before the next step, until `resume`: somebody needs the machine. Either may be called twice. */
  pause(): void
  resume(): void
  /** Ends it at once and gives back all memory; what still runs fails with `cancelled`. */
  terminate(): void
}

/** What is heard of a run under way. */
export const newsSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('progress'), fraction: z.number() }),
  z.strictObject({ type: z.literal('checkpoint'), name: z.string(), ...keptSchema.shape }),
])
