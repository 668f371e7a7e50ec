/** What crosses between device and server over HTTP, besides events, batches (codec.ts) and artifacts (bytes). */
import * as z from 'zod'

/** POST /api/devices → 201. The credential is shown once; the server keeps its hash only. */
export const registrationSchema = z.strictObject({
  device: z.string().min(1).max(80),
  credential: z.string().min(16).max(200),
})
export type Registration = z.infer<typeof registrationSchema>

/** POST /api/events → 202. Every event of the upload is on disk. */
export const acceptedSchema = z.strictObject({ accepted: z.int().min(0), known: z.int().min(0) })
export type Accepted = z.infer<typeof acceptedSchema>

/** GET /api/batches → 200: the batches 0 … count − 1 of `day` can be pulled at /api/batches/{day}/{n}. */
export const batchListSchema = z.strictObject({
  day: z.int().min(0),
  count: z.int().min(0).max(100),
  /** Why there are none, or not more. */
  state: z.enum(['ready', 'too-few-clicks', 'no-neighbours']),
})
export type BatchList = z.infer<typeof batchListSchema>

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
