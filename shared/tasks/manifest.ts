/**
 * A task: what devices are told to do. Its author writes a draft; submitting it makes the manifest, which names script and model by
 * hash. docs/tasks.md tells what each field is for.
 */
import * as z from 'zod'
import { AppError, parse } from '../failure.ts'
import { sha256 } from '../hash.ts'
import { schemaSchema } from '../schema.ts'
import { sha256Schema } from '../task.ts'
import { CONTEXT_VERSION } from './context.ts'

/** Bytes that a file of a task may have. */
export const TASK_LIMITS = { manifest: 64 << 10, script: 256 << 10, model: 16 << 20 } as const

const lowerCase = /^[a-z][a-z0-9-]{0,39}$/
/** Also the name of a folder: so it can be neither `..` nor `.git`, nor look like another one. */
export const taskNameSchema = z
  .string()
  .regex(lowerCase, 'a name of 1 to 40 lower-case letters, digits and dashes that begins with a letter')
const modelNameSchema = taskNameSchema
/** Who owns what came with the data, and no task: a task cannot be called so. */
export const DATA = 'data'
/** The personal ranking model, M: it begins as the global one, which is delivered with the data. */
export const RANKING = `${DATA}/ranking` as const
/** Of the sets of samples, those that a task may ask for; as in ARCHITECTURE.md. */
export const SAMPLE_SETS = [
  'local-training',
  'local-validation',
  'matched',
  'filtered',
  'candidates',
] as const
const otherModel = /^[a-z][a-z0-9-]{0,39}\/[a-z][a-z0-9-]{0,39}$/

export const triggerSchema = z.discriminatedUnion('on', [
  /** Matched samples have come. */
  z.strictObject({ on: z.literal('batch') }),
  /** So many own and kept samples are there to learn from; as many as the data say, if it is left out. */
  z.strictObject({ on: z.literal('samples'), augmented: z.int().min(1).max(100_000).optional() }),
  /** No batch of today is left. */
  z.strictObject({ on: z.literal('batches-done') }),
  /** The page was opened. */
  z.strictObject({ on: z.literal('visit') }),
  /** Once, at the first chance in each day. */
  z.strictObject({ on: z.literal('day') }),
  /** The page asks for it by this name; one call takes one answer. */
  z.strictObject({ on: z.literal('call'), name: taskNameSchema }),
])
export type Trigger = z.infer<typeof triggerSchema>

/** When it may run by itself; what a browser does not tell stands in no way. */
const eligibilitySchema = z.strictObject({
  /** While on battery: the least share of it that is left. */
  minBattery: z.number().min(0).max(1),
  /** Only while charging. */
  charging: z.boolean(),
  /** Also where data are to be saved. */
  onDataSaver: z.boolean(),
  /** While no page is to be seen. */
  whileHidden: z.enum(['never', 'charging', 'always']),
})

const budgetSchema = z.strictObject({
  /** Of one run, by the clock on the wall. */
  ms: z.int().min(1).max(600_000),
  runsPerDay: z.int().min(1).max(10_000),
  /** Share of one core, on average. */
  duty: z.number().gt(0).max(1),
  /** Of all models that one run writes. */
  modelBytes: z
    .int()
    .min(0)
    .max(64 << 20),
  /** Of what one run logs. */
  logBytes: z
    .int()
    .min(0)
    .max(64 << 10),
})

const unique = (values: readonly string[]) => new Set(values).size === values.length

const modelsSchema = z
  .strictObject({
    /** Own ones by name, another task's as `task/model`, the personal ranking model as `data/ranking`. */
    reads: z
      .array(z.union([modelNameSchema, z.string().regex(otherModel)], 'a model, or task/model'))
      .max(16)
      .refine(unique, 'the same model twice'),
    /** Own ones, and `data/ranking`. */
    writes: z
      .array(z.union([modelNameSchema, z.literal(RANKING)], `a model of its own, or ${RANKING}`))
      .max(4)
      .refine(unique, 'the same model twice'),
    /** Which one the file is that comes with the task. */
    initial: modelNameSchema.optional(),
  })
  .refine(
    ({ reads, writes, initial }) =>
      initial === undefined || reads.includes(initial) || writes.includes(initial),
    { path: ['initial'], error: 'is neither read nor written' },
  )

/** What its author says of a task. */
export const taskDraftSchema = z.strictObject({
  name: taskNameSchema.refine((name) => name !== DATA, `${DATA} is what came with the data`),
  description: z.string().max(500),
  context: z
    .int()
    .min(1)
    .max(CONTEXT_VERSION, `this Kindred gives tasks a context of version ${CONTEXT_VERSION} at most`),
  /** Which data it is made for; left out, it is for any. A task with models of its own is best made for one. */
  schema: schemaSchema.optional(),
  /** Over what the data say (`hyper.ts`): what is named here counts, within `classifier`, `ranking` and `evidence` too. */
  hyper: z.record(z.string().regex(/^[a-zA-Z][a-zA-Z0-9]{0,39}$/, 'a name of letters and digits'), z.json()),
  triggers: z
    .array(triggerSchema)
    .min(1)
    .max(16)
    .refine((all) => unique(all.map((one) => JSON.stringify(one))), 'the same trigger twice'),
  eligibility: eligibilitySchema,
  budget: budgetSchema,
  /** The sets of samples that it may read. */
  samples: z
    .array(z.enum(SAMPLE_SETS))
    .max(SAMPLE_SETS.length)
    .refine(unique, 'the same set twice')
    .default([]),
  models: modelsSchema,
})
export type TaskDraft = z.infer<typeof taskDraftSchema>

const fileSchema = (max: number) => z.strictObject({ sha256: sha256Schema, bytes: z.int().min(1).max(max) })

export const taskManifestSchema = taskDraftSchema
  .extend({
    format: z.literal(1),
    version: z.int().min(1).max(1_000_000),
    script: fileSchema(TASK_LIMITS.script),
    model: fileSchema(TASK_LIMITS.model).optional(),
  })
  .refine(({ models, model }) => (models.initial === undefined) === (model === undefined), {
    path: ['model'],
    error: 'there is an initial model if, and only if, models.initial names it',
  })
export type TaskManifest = z.infer<typeof taskManifestSchema>

type Bytes = Uint8Array<ArrayBuffer>

/** The files of a task besides its manifest. */
export interface TaskFiles {
  readonly script: Bytes
  readonly model?: Bytes | undefined
}

/** Throws `bad-input`, which says what is wrong and where. */
export const readDraft = (bytes: Uint8Array, where = 'task.json'): TaskDraft =>
  parse(taskDraftSchema, readJson(bytes, where), where)

export const readManifest = (bytes: Uint8Array, where = 'task.json'): TaskManifest =>
  parse(taskManifestSchema, readJson(bytes, where), where)

/** The manifest of a draft as the given version, with these files. Throws `bad-input` where they do not fit each other. */
export async function sealTask(draft: TaskDraft, version: number, files: TaskFiles): Promise<TaskManifest> {
  checkSize('script.js', files.script, TASK_LIMITS.script)
  if (files.model) checkSize('model.safetensors', files.model, TASK_LIMITS.model)
  const manifest = {
    format: 1,
    ...draft,
    version,
    script: await fileOf(files.script),
    ...(files.model && { model: await fileOf(files.model) }),
  }
  return parse(taskManifestSchema, manifest, 'task.json')
}

/** A manifest as it is stored, delivered and hashed: the same bytes for the same manifest. */
export function manifestBytes(manifest: TaskManifest): Bytes {
  const bytes = new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 2)}\n`)
  checkSize('task.json', bytes, TASK_LIMITS.manifest)
  return bytes
}

/** Throws `bad-artifact` unless these are the very files that the manifest names. */
export async function checkFiles(manifest: TaskManifest, files: TaskFiles): Promise<void> {
  const { name, version } = manifest
  for (const kind of ['script', 'model'] as const) {
    const [due, found] = [manifest[kind], files[kind]]
    const same =
      due && found ? due.bytes === found.length && due.sha256 === (await sha256(found)) : due === found
    if (!same)
      throw new AppError('bad-artifact', `The ${kind} of ${name} v${version} is not the one it promises.`)
  }
}

const fileOf = async (bytes: Bytes) => ({ sha256: await sha256(bytes), bytes: bytes.length })

function checkSize(name: string, bytes: Uint8Array, max: number): void {
  if (bytes.length === 0) throw new AppError('bad-input', `${name} is empty.`)
  if (bytes.length > max)
    throw new AppError('bad-input', `${name} has ${bytes.length} bytes, of at most ${max}.`)
}

function readJson(bytes: Uint8Array, where: string): unknown {
  checkSize(where, bytes, TASK_LIMITS.manifest)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new AppError('bad-input', `${where} is not JSON: ${(cause as Error).message}.`, { cause })
  }
}
