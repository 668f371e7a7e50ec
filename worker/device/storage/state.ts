/** Single values that are stored by name, each with its schema. */
import * as z from 'zod'
import { registrationSchema } from '../../../shared/api.ts'
import { ENGINE_NAMES } from '../../../shared/engine/engine.ts'
import { statusSchema } from '../../../shared/protocol.ts'
import { sha256Schema } from '../../../shared/task.ts'
import { listSchema, rootSchema, snapshotSchema, targetsSchema } from '../../../shared/trust/metadata.ts'
import { type Counted, counted } from './counters.ts'
import type { Db } from './tables.ts'

/** By key. */
export const stateSchemas = {
  /** Who this device is to the server. */
  identity: registrationSchema,
  /** Events that were delivered; bytes that crossed the network, and what they were for as far as that was noted. */
  counters: z.strictObject({
    delivered: z.int(),
    down: z.int(),
    up: z.int(),
    traffic: statusSchema.shape.traffic.optional(),
  }),
  /** Batches of the newest day: `next` is the first not yet pulled, `bytes` those since the last round. */
  pulled: z.strictObject({
    day: z.int(),
    next: z.int(),
    count: z.int(),
    bytes: z.int(),
    /** Matched samples that came in since the last round. */
    samples: z.int(),
    /** This device's own day when the server was last asked and everything was pulled; null before. */
    done: z.int().nullable(),
    /** When the server was last asked, ms. */
    asked: z.number().default(0),
  }),
  /** The server wants to be left alone until then, ms. */
  silentUntil: z.int(),
  /** When the server last had to be given this device anew, ms. */
  registeredAgain: z.int(),
  /** When this device got the credential that it shows, ms. */
  renewed: z.int(),
  /** The user's switch for learning by itself; absent, it is on. */
  learning: z.boolean(),
  /** Whether others may learn from the user's samples, and whether the server knows; absent, nothing was said: they may. */
  sharing: z.strictObject({ on: z.boolean(), told: z.boolean() }),
  /** What the browser said when it was asked to keep what is stored. */
  persistent: z.boolean(),
  /** The fastest engine for the task's model: in which browser, of which engines, for which shape (SHA-256). */
  engine: z.strictObject({
    browser: z.string(),
    engines: z.string(),
    shape: sha256Schema,
    name: z.enum(ENGINE_NAMES),
  }),
  /** Embedding rows: how often some came in or went, and the ids by table that were needed and not here. */
  rows: z.strictObject({ came: z.int().min(0), noted: z.record(z.string(), z.array(z.int().min(0))) }),
  /** The newest order to go back to M0 that was carried out (`orders.ts`). */
  obeyed: z.strictObject({ task: z.string(), order: z.int() }),
  /** What the server's clock and the ids said at contacts (`ages.ts`). */
  contacts: z.array(z.strictObject({ id: z.string(), server: z.int(), device: z.int() })),
  /** What this device goes by where it has tasks, and no server was reached yet. */
  provisional: z.string(),
  /** Former names of this device whose erasure the server has yet to be asked for. */
  owed: z.array(registrationSchema),
  /** Of each task, how often it ran, and what its last finished run has left behind (`ran.ts`). */
  ran: z.record(
    z.string(),
    z.strictObject({
      /** The device's day of the last run, and the runs of that day. */
      day: z.int(),
      runs: z.int(),
      finished: z
        .strictObject({
          day: z.int(),
          /** The newest own sample that it learnt from, '' for none. */
          exposure: z.string(),
          /** Borrowed ones that it was given and that were still there when it was over. */
          left: z.array(z.string()),
          /** SHA-256 of the model that was delivered then. */
          delivered: sha256Schema.nullable(),
        })
        .nullable(),
    }),
  ),
  /** Id of the newest exposure that was cut away: it and those before it make no local sample again. */
  cutUpTo: z.string(),
  /** What is trusted so far (`shared/trust`). */
  trusted: z.strictObject({
    /** SHA-256 of the first root, from which the newest one follows. */
    first: sha256Schema,
    root: rootSchema,
    snapshot: snapshotSchema.optional(),
    targets: z.strictObject({ document: targetsSchema, sha256: sha256Schema }).optional(),
    list: z.strictObject({ document: listSchema, sha256: sha256Schema }).optional(),
    /** Of the answer that brought it. */
    etag: z.string().nullable(),
    /** By how much the server's clock was ahead of this device's when it was first asked, ms; 0 where that was little. */
    ahead: z.int(),
  }),
} as const
export type StateKey = keyof typeof stateSchemas
export type StateValue<K extends StateKey> = z.infer<(typeof stateSchemas)[K]>

/** The value under `key`, or undefined where there is none or it does not fit its schema. */
export async function getState<K extends StateKey>(db: Db, key: K): Promise<StateValue<K> | undefined> {
  const row = await db.state.get(key)
  const value = stateSchemas[key].safeParse(row?.value)
  return value.success ? (value.data as StateValue<K>) : undefined
}

export async function putState<K extends StateKey>(db: Db, key: K, value: StateValue<K>): Promise<void> {
  await db.state.put({ key, value })
}

/** Adds to the counters. */
export async function count(db: Db, add: Counted): Promise<void> {
  await db.transaction('rw', db.state, async () => {
    await putState(db, 'counters', counted(await getState(db, 'counters'), add))
  })
}
