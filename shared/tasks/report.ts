/**
 * What a device tells the operator of the runs of its tasks: numbers about runs, and those that a script logs. Neither samples, ids nor
 * weights, no text of anybody's, and not when it was.
 */
import * as z from 'zod'
import { ENGINE_NAMES } from '../engine/engine.ts'
import { failureCodes } from '../error.ts'
import { taskNameSchema, triggerSchema } from './manifest.ts'

/**
 * How a run ended: `done` · `refused`, it asked for what its manifest does not allow · `failed` · `late`, its time was up ·
 * `stopped`, because the device was to do something else, which is no fault of the task.
 */
export const RUN_OUTCOMES = ['done', 'refused', 'failed', 'late', 'stopped'] as const
export type RunOutcome = (typeof RUN_OUTCOMES)[number]
export const TRIGGERS = triggerSchema.options.map(({ shape }) => shape.on.value)

/** Numbers that one report of a script may have. */
export const REPORT_VALUES = 32
/** Their squares are added up: so they may not be larger. */
export const MAX_REPORTED = 1e15
/** Reports that one upload may carry. */
export const MAX_REPORTS = 400

export const reportNameSchema = z.string().regex(/^[a-z][a-zA-Z0-9.-]{0,39}$/)

const of = { task: taskNameSchema, version: z.int().min(1).max(1_000_000) }
const amount = z.int().min(0).max(Number.MAX_SAFE_INTEGER)

export const runReportSchema = z.strictObject({
  type: z.literal('run'),
  ...of,
  trigger: z.enum(TRIGGERS),
  outcome: z.enum(RUN_OUTCOMES),
  failure: z.enum(failureCodes).optional(),
  engine: z.enum(ENGINE_NAMES).optional(),
  /** By the clock on the wall. */
  ms: amount,
  /** That were downloaded for it. */
  bytes: amount.optional(),
})
export type RunReport = z.infer<typeof runReportSchema>

export const valuesReportSchema = z.strictObject({
  type: z.literal('values'),
  ...of,
  name: reportNameSchema,
  values: z
    .record(reportNameSchema, z.number().min(-MAX_REPORTED).max(MAX_REPORTED))
    .refine((values) => Object.keys(values).length <= REPORT_VALUES, `at most ${REPORT_VALUES} values`),
})

export const reportSchema = z.discriminatedUnion('type', [runReportSchema, valuesReportSchema])
export type Report = z.infer<typeof reportSchema>
