/** What a file that was taken out looks like: its parts, and what each row in them must be. In words: docs/takeout.md. */
import * as z from 'zod'
import { eventSchema } from '../../../shared/event.ts'
import { roundSchema } from '../../../shared/protocol.ts'
import { manifestSchema, sha256Schema } from '../../../shared/task.ts'
import { runReportSchema, valuesReportSchema } from '../../../shared/tasks/report.ts'
import { type StateKey, stateSchemas } from './state.ts'

/**
 * Bump on any change that an older device would misread.
 * 1 first release
 * 2 what waits to be told of runs; models of tasks' own
 */
export const FORMAT = 2
/** What is this browser's own, and of no use in another. */
export const STAYS: readonly string[] = [
  'engine',
  'silentUntil',
  'registeredAgain',
  'persistent',
  // A file could say anything: what is trusted follows from signatures alone.
  'trusted',
] satisfies readonly StateKey[]

const int32 = z
  .array(
    z
      .int()
      .min(0)
      .max(2 ** 31 - 1),
  )
  .transform((values) => Int32Array.from(values))
const float32 = z.array(z.number()).transform((values) => Float32Array.from(values))
const at = z.int()
const sample = { at, label: z.literal([0, 1]), ids: int32, dense: float32 }
/** Of a task's own: `task/model`. */
export const OWN = /^[a-z][a-z0-9-]{0,39}\/[a-z][a-z0-9-]{0,39}$/
const noted = { n: z.int(), at, upload: z.uuid({ version: 'v4' }).optional() }
const matched = { ...sample, id: z.string().min(1).max(64), order: z.int() }

/** What a row of each table must look like. */
export const rowSchemas = {
  outbox: eventSchema,
  history: eventSchema,
  local: z.strictObject({ ...sample, exposure: z.uuid({ version: 'v7' }) }),
  matched: z.discriminatedUnion('state', [
    z.strictObject({ ...matched, state: z.literal('unscored') }),
    z.strictObject({ ...matched, state: z.literal('classifying') }),
    z.strictObject({ ...matched, state: z.literal('filtered'), score: z.number().min(0).max(1).nullable() }),
  ]),
  models: z.strictObject({
    name: z.string(),
    slot: z.enum(['M', 'M0']),
    version: z.int(),
    sha256: sha256Schema,
    bytes: z.int(),
    at,
  }),
  rows: z.strictObject({
    table: z.string(),
    id: z.int().min(0),
    whole: sha256Schema,
    values: float32,
    used: z.int(),
  }),
  /** That the manifest is the server’s own is heard from the server, at the next contact. */
  tasks: z.strictObject({
    name: z.string(),
    etag: z
      .string()
      .nullable()
      .transform(() => null),
    manifest: manifestSchema,
  }),
  journal: roundSchema.extend({ n: z.int() }),
  reports: z.discriminatedUnion('type', [runReportSchema.extend(noted), valuesReportSchema.extend(noted)]),
  state: z.strictObject({ key: z.enum(Object.keys(stateSchemas) as [StateKey]), value: z.unknown() }),
} as const
export type TableName = keyof typeof rowSchemas
export const TABLES = Object.keys(rowSchemas) as TableName[]
/** Tables that were not there from the first format on. */
export const SINCE: Partial<Record<TableName, number>> = { reports: 2 }

export const headerSchema = z.strictObject({
  format: z.literal('kindred'),
  version: z.int(),
  at,
  files: z.record(z.string(), sha256Schema),
})

/** The data's models have their name in the row of their task alone; of a task's own there may be any number. */
export const fileOf = ({ name, slot }: { readonly name: string; readonly slot: string }): string =>
  OWN.test(name) ? `blobs/${name}/${slot}` : `blobs/${slot}`
