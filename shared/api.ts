/** What crosses between device and server over HTTP, besides events, batches (codec.ts) and artifacts (bytes). */
import * as z from 'zod'
import { deviceInfoSchema } from './release/device.ts'
import { sha256Schema } from './task.ts'
import { MAX_REPORTS, reportSchema } from './tasks/report.ts'

/** POST /api/devices → 201. The credential is shown once; the server keeps its hash only. */
export const registrationSchema = z.strictObject({
  device: z.string().min(1).max(80),
  credential: z.string().min(16).max(200),
})
export type Registration = z.infer<typeof registrationSchema>

/** PUT /api/me/consent: whether others may learn from this user's samples. */
export const sharingSchema = z.strictObject({ sharing: z.boolean() })

/** The body of POST /api/devices; who says nothing shares. */
export const registerSchema = z.strictObject({ consent: sharingSchema.optional() })

/** PUT /api/me/consent → 200: what is on record. Nothing of who has withdrawn can be handed out any more. */
export const consentSchema = z.strictObject({
  sharing: z.boolean(),
  /** Of the words that it was said to (docs/privacy.md has them); 0: it was never asked. */
  version: z.int().min(0),
  /** When it was said, ms. */
  at: z.int().min(0),
})
export type Consent = z.infer<typeof consentSchema>

/** POST /api/events → 202. Every event of the upload is on disk. */
export const acceptedSchema = z.strictObject({ accepted: z.int().min(0), known: z.int().min(0) })
export type Accepted = z.infer<typeof acceptedSchema>

/** POST /api/reports: how tasks ran. `id` is the client's, and drawn by lot: an upload that is repeated counts once. */
export const reportsRequestSchema = z.strictObject({
  id: z.uuid({ version: 'v4' }),
  reports: z.array(reportSchema).min(1).max(MAX_REPORTS),
})
export type ReportsRequest = z.infer<typeof reportsRequestSchema>

/** → 202: how many are on disk, and how many are left out: known already, of no version that there is, or too many for a day. */
export const reportedSchema = z.strictObject({ accepted: z.int().min(0), ignored: z.int().min(0) })
export type Reported = z.infer<typeof reportedSchema>

/** GET /api/batches → 200: the batches 0 … count − 1 of `day` can be pulled at /api/batches/{day}/{n}. */
export const batchListSchema = z.strictObject({
  day: z.int().min(0),
  count: z.int().min(0).max(100),
  /** Why there are none, or not more. */
  state: z.enum(['ready', 'too-few-clicks', 'no-neighbours']),
})
export type BatchList = z.infer<typeof batchListSchema>

/** Rows that one request may ask for: with the widest embedding 2 MB. */
export const MAX_ROWS = 2048

/**
 * POST /api/rows → 200: rows of a sliced table (see `manifestSchema`) as float32, little-endian, in the order of `ids`; the
 * digest of RFC 9530 stands in the header `repr-digest`. 404 where the server has that table no more.
 */
export const rowsRequestSchema = z.strictObject({
  table: z.string().max(40),
  sha256: sha256Schema,
  ids: z
    .array(z.int().min(0))
    .min(1)
    .max(MAX_ROWS)
    .refine((ids) => ids.every((id, i) => i === 0 || id > ids[i - 1]!), 'ids must ascend'),
})
export type RowsRequest = z.infer<typeof rowsRequestSchema>

/**
 * The body of POST /api/active: what the device says of itself (its name and since when it is there the server knows), and what it has.
 */
export const activeRequestSchema = deviceInfoSchema.omit({ id: true, registered: true }).extend({
  /** Version of the root that it trusts, 0 for none: those that come after it are wanted. */
  root: z.int().min(0).optional(),
  /** SHA-256 of the artifacts that it has: small ones that it lacks are wanted. */
  have: z.array(sha256Schema).max(400).optional(),
})
export type ActiveRequest = z.infer<typeof activeRequestSchema>

/** POST /api/active → 200: texts whose very bytes are signed and hashed (`trust/metadata.ts`). */
export const activeSchema = z.strictObject({
  snapshot: z.string(),
  list: z.string(),
  /** Those after the one that the device has said to trust, each the next. */
  roots: z.array(z.string()).max(256).optional(),
  /** Targets, manifests and scripts of what is active, unless it has said to have them; else they are fetched. */
  artifacts: z.array(z.string()).max(400).optional(),
})
export type ActiveAnswer = z.infer<typeof activeSchema>

/** Bytes of artifacts that one such answer brings along. */
export const MAX_ALONG = 64 << 10

/** DELETE /api/me → 200: what was removed. */
export const erasedSchema = z.strictObject({
  events: z.int().min(0),
  samples: z.int().min(0),
  mappings: z.int().min(0),
})
export type Erased = z.infer<typeof erasedSchema>

/** Every 4xx and 5xx: RFC 9457, `application/problem+json`. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
})
export type Problem = z.infer<typeof problemSchema>
