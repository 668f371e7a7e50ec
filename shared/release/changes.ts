/** What can be changed about what devices run; each change stands in the ledger for ever. */
import * as z from 'zod'
import { sha256Schema } from '../task.ts'
import { taskNameSchema } from '../tasks/manifest.ts'
import { ruleSchema, saltSchema } from './rules.ts'

const at = z.int().min(0)
const percent = z.number().min(0).max(100)
const version = z.int().min(1)
/** Number of the entry in the ledger that began it. */
const id = z.int().min(1)

/** Moments that rise, and shares that do, too: whoever has it keeps it. */
export const stagesSchema = z
  .array(z.strictObject({ at, percent }))
  .min(1)
  .max(32)
  .refine(
    (all) => all.every((one, i) => i === 0 || one.at > all[i - 1]!.at),
    'stages must follow each other in time',
  )
  .refine(
    (all) => all.every((one, i) => i === 0 || one.percent >= all[i - 1]!.percent),
    'stages must not narrow',
  )
export type Stages = z.infer<typeof stagesSchema>

export const HOLDOUT = 'holdout'

const releaseShape = {
  type: z.literal('release'),
  task: taskNameSchema,
  version,
  rule: ruleSchema,
  stages: stagesSchema,
  /** It ends by itself then. */
  until: at.optional(),
}

const experimentShape = {
  type: z.literal('experiment'),
  task: taskNameSchema,
  rule: ruleSchema,
  seed: saltSchema,
  /** Percent of the devices that are in no arm, to compare with. */
  holdout: percent.default(10),
  /** Not before it is written. */
  from: at,
  until: at.optional(),
}

const armsOf = <T extends z.ZodType>(task: T) =>
  z
    .array(
      z.strictObject({
        name: taskNameSchema,
        /** Null: what its devices would have without the experiment. */
        task: task.nullable(),
        percent,
      }),
    )
    .min(1)
    .max(16)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'two arms have the same name')
    .refine((all) => all.every(({ name }) => name !== HOLDOUT), `${HOLDOUT} is not yours to name`)

/** What is said besides, and changes no list by itself. */
const noteShape = { task: taskNameSchema, version, manifest: sha256Schema }
const notes = [
  z.strictObject({ type: z.literal('approve'), ...noteShape }),
  z.strictObject({ type: z.literal('withdraw'), ...noteShape }),
] as const

const plainChanges = [
  z.strictObject({ type: z.literal('pause'), release: id }),
  z.strictObject({ type: z.literal('resume'), release: id }),
  z.strictObject({ type: z.literal('revoke'), release: id }),
  z.strictObject({ type: z.literal('kill'), task: taskNameSchema }),
  z.strictObject({ type: z.literal('revive'), task: taskNameSchema }),
  z.strictObject({ type: z.literal('end'), experiment: id }),
] as const

/** Manifests are named by their SHA-256. */
export const changeSchema = z.discriminatedUnion('type', [
  z.strictObject({ ...releaseShape, manifest: sha256Schema, salt: saltSchema }),
  z.strictObject({ ...experimentShape, arms: armsOf(z.strictObject({ version, manifest: sha256Schema })) }),
  z.strictObject({ type: z.literal('stages'), release: id, stages: stagesSchema }),
  ...plainChanges,
  ...notes,
])
export type Change = z.infer<typeof changeSchema>

/** Without a moment: now. */
const plannedSchema = z
  .array(z.strictObject({ at: at.optional(), percent }))
  .min(1)
  .max(32)

/** A change as the operator says it: which manifest a version has is looked up, a salt or a moment that is left out is made. */
export const orderSchema = z.discriminatedUnion('type', [
  z.strictObject({ ...releaseShape, stages: plannedSchema, salt: saltSchema.optional() }),
  z.strictObject({ ...experimentShape, from: at.optional(), arms: armsOf(z.strictObject({ version })) }),
  z.strictObject({ type: z.literal('stages'), release: id, stages: plannedSchema }),
  ...plainChanges,
])
export type Order = z.infer<typeof orderSchema>

/** One line of the ledger. */
export const entrySchema = z.strictObject({
  n: id,
  /** ms; later than that of any entry before. */
  at,
  who: z.string(),
  why: z.string(),
  /** SHA-256 of the entry before, as canonical JSON; of the first one of nothing. */
  before: sha256Schema.nullable(),
  change: changeSchema,
})
export type Entry = z.infer<typeof entrySchema>
