/** What a device observes and the up tunnel carries. The server's log holds the same shape. */
import * as z from 'zod'
import { MAX_EVENTS } from './limits.ts'

export { MAX_EVENTS }

/**
 * A client-made UUID version 7: it is the idempotency key of the event, and since it begins with the time,
 * a user's events sorted by id are in the order in which the device saw them.
 */
const id = z.uuid({ version: 'v7' })
const at = z.int().min(0)
/** The catalogue's key of an item. */
const item = z.string().min(1).max(200)

/**
 * What the app around Kindred knows of an item at the moment, and of no user: its age, how many are reading it. A few numbers
 * in an order of the app's own, the same at every moment; kept as whole steps of 1/`DENSE_STEPS`.
 */
export const itemContextSchema = z.array(z.number().min(-31).max(31)).max(16)
export type ItemContext = readonly number[]

export const eventSchema = z.discriminatedUnion('type', [
  /** The item was seen by the user; `context` as it was then. */
  z.strictObject({ type: z.literal('exposure'), id, at, item, context: itemContextSchema.optional() }),
  /** The item of an earlier exposure was clicked. */
  z.strictObject({ type: z.literal('click'), id, at, item, exposure: id }),
  /** Anything else worth remembering: a page behaviour, by name. */
  z.strictObject({ type: z.literal('behaviour'), id, at, name: z.string().min(1).max(80) }),
  /** Something the user said of themselves; the newest value counts. */
  z.strictObject({
    type: z.literal('profile'),
    id,
    at,
    name: z.string().min(1).max(40),
    value: z.string().max(80),
  }),
])
export type KindredEvent = z.infer<typeof eventSchema>

export const uploadSchema = z.strictObject({ events: z.array(eventSchema).min(1).max(MAX_EVENTS) })
