/** Everything that the page may ask of the device worker, and everything it hears back. Nothing else may cross. */
import * as z from 'zod'
import { erasedSchema } from './api.ts'
import { catalogueSchema } from './catalogue.ts'
import { itemContextSchema } from './event.ts'
import { roundSchema } from './protocol/round.ts'
import { type Status, servingSchema, statusSchema } from './protocol/status.ts'
import { taskNameSchema } from './tasks/manifest.ts'

export { type Difference, MAX_DIFFERENCES, type Round, roundSchema } from './protocol/round.ts'
export { BLANK, type Status, statusSchema, type TrafficKind } from './protocol/status.ts'
export { PROTOCOL_VERSION, ROUND_LOCK } from './version.ts'

/** What only a page can tell of the machine and of itself. What a browser does not say is `null`, and allows. */
export const conditionsSchema = z.strictObject({
  /** `frozen`: nothing runs there from now on, until it is told otherwise. */
  page: z.enum(['visible', 'hidden', 'frozen']),
  /** `level` in [0, 1]. */
  battery: z.strictObject({ level: z.number().min(0).max(1), charging: z.boolean() }).nullable(),
  /** The user asked the browser to save data. */
  saveData: z.boolean().nullable(),
})
export type Conditions = z.infer<typeof conditionsSchema>

const item = z.string().min(1)
// Bulk data: checked by type, never walked.
const file = z.custom<Uint8Array<ArrayBuffer>>((value) => value instanceof Uint8Array)

/** Items, and what the app says of each at the moment. */
const candidatesSchema = (most: number) =>
  z.strictObject({
    items: z.array(item).min(1).max(most),
    context: z.array(itemContextSchema).optional(),
  })
const toEachItem = [
  ({ items, context }: { items: unknown[]; context?: unknown[] | undefined }) =>
    !context || context.length === items.length,
  { message: 'context must be of as many items as there are' },
] as const

/** The calls: what goes in, what comes out. */
export const calls = {
  /** The catalogue of the active task; the first call waits for it. */
  catalogue: { input: z.null(), output: catalogueSchema },
  /**
   * Orders items, best first, and says of each the click probability that the serving model gives it now; `context[i]` is of
   * `items[i]`. The order is that of the delivered task `by` which answers `rank`; where there is none, or not yet, or it does not
   * answer in time, that of the probabilities. Items that the catalogue lacks are refused; with `lenient` they are left out, and
   * told as `unknown`.
   */
  rank: {
    input: candidatesSchema(1000)
      .extend({ lenient: z.boolean().optional() })
      .refine(...toEachItem),
    output: z.strictObject({
      ranked: z.array(z.strictObject({ item, score: z.number() })),
      unknown: z.array(item).optional(),
      serving: servingSchema,
      by: z.strictObject({ task: z.string(), version: z.int() }).nullable(),
    }),
  },
  /**
   * What the delivered task answers that is called by this name: what its script returns. Not `rank`, which has a call of its own.
   * Throws `not-ready` where no task is called so, and what the run throws.
   */
  run: { input: z.strictObject({ name: taskNameSchema, input: z.json().optional() }), output: z.json() },
  /**
   * What the serving model's score of each item rests on. `clicks` are the items clicked last that the model attends to for
   * this one, the newest first, each with its attention weight as it is: of any sign, not normalised, added up where it was
   * clicked twice. `effect` is by how much having clicked it raised the logarithm of the odds, less the mean of that over all
   * the items asked for, if there are more: what raises all alike moves none. It is null where that was not tried, as for older
   * clicks if many items are asked for. `because` is the click that raised it the most, if it did so by enough;
   * else the category, where the taste for it did; else null.
   */
  why: {
    input: candidatesSchema(60).refine(...toEachItem),
    output: z.strictObject({
      serving: servingSchema,
      items: z.array(
        z.strictObject({
          item,
          score: z.number(),
          clicks: z.array(z.strictObject({ item, weight: z.number(), effect: z.number().nullable() })),
          because: z
            .discriminatedUnion('kind', [
              z.strictObject({ kind: z.literal('click'), item }),
              /** By its position in the catalogue. */
              z.strictObject({ kind: z.literal('category'), category: z.int() }),
            ])
            .nullable(),
        }),
      ),
    }),
  },
  /** The order of items by the serving model, and by M0: null where that is the one that serves. */
  compare: {
    input: candidatesSchema(1000).refine(...toEachItem),
    output: z.strictObject({
      serving: servingSchema,
      now: z.array(z.strictObject({ item, score: z.number() })),
      delivered: z.array(z.strictObject({ item, score: z.number() })).nullable(),
    }),
  },
  /** Records what the user saw or did; it is on the device's disk when the call is done. */
  track: {
    input: z.strictObject({
      events: z
        .array(
          z.discriminatedUnion('type', [
            z.strictObject({
              type: z.literal('exposure'),
              item,
              context: itemContextSchema.optional(),
            }),
            z.strictObject({ type: z.literal('click'), item }),
            z.strictObject({ type: z.literal('behaviour'), name: z.string().min(1).max(80) }),
            z.strictObject({
              type: z.literal('profile'),
              name: z.string().min(1).max(40),
              value: z.string().max(80),
            }),
          ]),
        )
        .min(1)
        .max(200),
    }),
    output: z.null(),
  },
  /** Sends what waits now, as when the page is about to be hidden; fails like any contact, and nothing is lost. */
  flush: { input: z.null(), output: z.null() },
  status: { input: z.null(), output: statusSchema },
  /** Contacts the server and runs a round now, whatever the triggers say; the round is the answer. */
  train: { input: z.null(), output: roundSchema },
  /** Switches learning by itself on or off; what runs ends. `train` works all the same. */
  learn: { input: z.strictObject({ on: z.boolean() }), output: z.null() },
  /** Lets others learn from this user's samples, or no longer; the server hears of it at the next contact. */
  share: { input: z.strictObject({ on: z.boolean() }), output: z.null() },
  /** Who the user is, by a token of the app around: shown when this device registers, and not kept. */
  signIn: { input: z.strictObject({ token: z.string().min(1).max(8192) }), output: z.null() },
  /** Tells the device how things stand; the page does so at its start and at each change. */
  conditions: { input: conditionsSchema, output: z.null() },
  /** The user is at work (pointer, keys, scrolling): whatever trains lets go of the machine for a moment. */
  busy: { input: z.null(), output: z.null() },
  /** What the browser said when it was asked to keep what is stored. */
  persisted: { input: z.strictObject({ granted: z.boolean() }), output: z.null() },
  /** Back to the model that was delivered: M0 becomes M again. */
  rollback: { input: z.null(), output: z.null() },
  /** A page of the samples held, newest first: the user's own, or those borrowed. `next` continues it. */
  samples: {
    input: z.strictObject({
      of: z.enum(['own', 'borrowed']),
      before: z.string().max(64).nullable(),
      limit: z.int().min(1).max(200),
    }),
    output: z.strictObject({
      rows: z.array(
        z.strictObject({
          id: z.string(),
          /** The catalogue's key of the item shown; null where it is not named. */
          item: z.string().nullable(),
          /** ms; of a borrowed sample, the day. */
          at: z.int(),
          clicked: z.boolean(),
          use: z.enum(['validation', 'training', 'none', 'unscored', 'classifying', 'filtered']),
          /** The classifier's, in [0, 1], where it has one. */
          score: z.number().nullable(),
        }),
      ),
      next: z.string().nullable(),
    }),
  },
  /** One sample, feature by feature: titles and names, or numbers. */
  inspect: {
    input: z.strictObject({ id: z.string().max(64) }),
    output: z.strictObject({
      features: z.array(
        z.strictObject({ name: z.string(), values: z.array(z.union([z.string(), z.number()])) }),
      ),
    }),
  },
  /** Removes samples, and of own ones the events that they were made from; what the server has stays there. */
  erase: {
    input: z.strictObject({ ids: z.array(z.string().max(64)).min(1).max(1000) }),
    output: z.strictObject({ erased: z.int() }),
  },
  /** Everything that the device holds, as one file. */
  takeOut: { input: z.null(), output: z.strictObject({ name: z.string(), bytes: file }) },
  /** Replaces everything that the device holds by what such a file holds. */
  bringIn: { input: z.strictObject({ bytes: file }), output: z.null() },
  /** Erases everything here and on the server, and tells of both. */
  forget: {
    input: z.null(),
    output: z.strictObject({
      here: z.strictObject({ events: z.int(), samples: z.int(), models: z.int(), rounds: z.int() }),
      /** Null where the server could not be told, or has never heard of this device. */
      server: erasedSchema.nullable(),
      /** Whether the server is still to be told: that is done first of all at the next contact. */
      owed: z.boolean(),
    }),
  },
} as const
export type Calls = typeof calls
export type CallName = keyof Calls
export type CallInput<N extends CallName> = z.infer<Calls[N]['input']>
export type CallOutput<N extends CallName> = z.infer<Calls[N]['output']>

/** The device as the page sees it, wherever it runs. */
export type DeviceApi = {
  [N in CallName]: (input: CallInput<N>, signal?: AbortSignal) => Promise<CallOutput<N>>
} & {
  /** Hears every change of the status; returns the way to stop. */
  onStatus(listener: (status: Status) => void): () => void
}
