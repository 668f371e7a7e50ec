/** The only file that knows IndexedDB: what is stored on the device, and how its shape has changed. */
import { Dexie, type Table } from 'dexie'
import * as z from 'zod'
import { registrationSchema } from '../../../shared/api.ts'
import { ENGINE_NAMES } from '../../../shared/engine/engine.ts'
import type { KindredEvent } from '../../../shared/event.ts'
import { AppError } from '../../../shared/failure.ts'
import { type CallOutput, type Round, statusSchema } from '../../../shared/protocol.ts'
import type { Sample } from '../../../shared/sample.ts'
import { type Manifest, sha256Schema } from '../../../shared/task.ts'
import type { TaskManifest } from '../../../shared/tasks/manifest.ts'
import { listSchema, rootSchema, snapshotSchema, targetsSchema } from '../../../shared/trust/metadata.ts'
import type { Platform } from '../../platform.ts'
import type { Matched } from '../samples/lifecycle.ts'
import type { ReportRow } from '../tunnel/reports.ts'
import { type Counted, counted } from '../tunnel/upload.ts'
import { withstand } from './withstand.ts'

export { DB_NAME } from './names.ts'

export type Slot = 'M' | 'M0' | 'Mbuf'

/** How far the training has come that wrote Mbuf. */
export interface Training {
  /** When its round began, ms. */
  readonly since: number
  readonly seed: number
  /** SHA-256 of all that its outcome depends on but the seed: task, data, models, day, samples (`checkpoints.ts`). */
  readonly of: string
  /** Whether it has come to its end: only then Mbuf may become M. */
  readonly ended: boolean
  /** What goes with its last checkpoint, whose model Mbuf's bytes are (none: nothing better yet); null where there was none. */
  readonly checkpoint: { readonly state: unknown } | null
}

/** A model without its bytes, which lie in `blobs` under the same key. */
export interface ModelRow {
  readonly name: string
  readonly slot: Slot
  readonly version: number
  readonly sha256: string
  readonly bytes: number
  /** When it was stored, ms. */
  readonly at: number
  /** Mbuf only: the SHA-256 of the M that it was trained from, if there was one. */
  readonly base?: string
  /** Mbuf only; missing in what version 1 left. */
  readonly training?: Training
}

/** A row of an embedding table that is too large to be delivered whole, as the server gave it (`rows.ts`). */
export interface EmbeddingRow {
  readonly table: string
  readonly id: number
  /** SHA-256 of the whole table, by the task's manifest. */
  readonly whole: string
  /** [dim of the table] */
  readonly values: Float32Array<ArrayBuffer>
  /** This device's day when it was last needed. */
  readonly used: number
}

export interface BlobRow {
  readonly name: string
  readonly slot: Slot | 'catalogue' | 'factors'
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** A sample of the user's own, keyed by the exposure that it tells of. */
export interface LocalRow extends Sample {
  readonly exposure: string
}

export type MatchedRow = Matched

/** The task in use; its catalogue and item factors lie in `blobs`, its model in `models`. */
export interface TaskRow {
  readonly name: string
  readonly etag: string | null
  readonly manifest: Manifest
  /** Of the manifest as it came; missing in what came from elsewhere than the server. */
  readonly sha256?: string
}

/** A task that is active on this device: approved, and whole. Its own models lie in `models` as `<task>/<model>`. */
export interface DeliveredRow {
  readonly name: string
  readonly version: number
  readonly manifestSha256: string
  readonly manifest: TaskManifest
  readonly script: Uint8Array<ArrayBuffer>
  /** Its initial model, where it has one. */
  readonly model?: Uint8Array<ArrayBuffer>
  /** When it was stored, ms. */
  readonly at: number
}

export type JournalRow = Round & { readonly n?: number }

type ErasedHere = CallOutput<'forget'>['here']

/** Single values, by key. */
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

export type Db = Dexie & {
  outbox: Table<KindredEvent, string>
  /** Own events that features are computed from. */
  history: Table<KindredEvent, string>
  local: Table<LocalRow, string>
  matched: Table<MatchedRow, string>
  models: Table<ModelRow, [string, Slot]>
  rows: Table<EmbeddingRow, [string, number]>
  blobs: Table<BlobRow, [string, BlobRow['slot']]>
  tasks: Table<TaskRow, string>
  delivered: Table<DeliveredRow, string>
  /** What waits to be told to the server of tasks that ran. */
  reports: Table<ReportRow, number>
  journal: Table<JournalRow, number>
  state: Table<{ key: StateKey; value: unknown }, StateKey>
}

/** Entry n is version n + 1. Append only: a shipped entry never changes. */
export const versions: readonly Record<string, string | null>[] = [
  {
    outbox: 'id',
    history: 'id, item, at',
    local: 'exposure, at',
    matched: 'id, state',
    models: '[name+slot], name',
    blobs: '[name+slot]',
    tasks: 'name',
    journal: '++n',
    state: 'key',
  },
  { rows: '[table+id], used' },
  { delivered: 'name', reports: '++n' },
]

/** Opens lazily at the newest version; tests pass `upTo` to build yesterday's database. */
export function openDb({ name, indexedDB, IDBKeyRange }: Platform['storage'], upTo = versions.length): Db {
  const db = new Dexie(name, {
    indexedDB: unlessNewer(indexedDB, upTo),
    IDBKeyRange,
    // An acknowledged event, a flipped model and a pulled batch must outlive a power cut; browsers default to `relaxed`.
    chromeTransactionDurability: 'strict',
    // Dexie's query cache is shared by name within a process, where many headless devices live.
    cache: 'disabled',
  }) as Db
  versions.slice(0, upTo).forEach((stores, i) => {
    db.version(i + 1).stores(stores)
  })
  withstand(db)
  const known = () => {
    if (versionIn(db.backendDB().version) > upTo) throw newer()
  }
  db.on('ready', known, true)
  return db
}

/** Ours, of a database's own; in between lie those that Dexie gives where it has to add a missing table. */
const versionIn = (native: number): number => Math.floor(native / 10)

const newer = () => new AppError('version', 'A newer version of Kindred has been here: reload this page.')

/**
 * Dexie opens what a newer app has made, too, and adds to it what it misses there, under a version of its own. That must
 * not be: an app that was rolled back leaves alone what it does not know how to use.
 */
function unlessNewer(factory: Platform['storage']['indexedDB'], upTo: number): typeof factory {
  const open = (name: string, native?: number): unknown => {
    if (native !== undefined && versionIn(native) > upTo) throw newer()
    return native === undefined ? factory.open(name) : factory.open(name, native)
  }
  return new Proxy(factory, {
    get(target, key) {
      if (key === 'open') return open
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

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

/**
 * Everything that the device knows, gone at once; `owed` is what it has yet to ask of the server. That the user does not
 * share holds for who they are from now on. Tells what there was.
 */
export async function eraseAll(db: Db, owed: StateValue<'owed'>): Promise<ErasedHere> {
  return db.transaction('rw', db.tables, async () => {
    const [events, local, matched, models, rounds] = await Promise.all(
      [db.history, db.local, db.matched, db.models, db.journal].map((table) => table.count()),
    )
    const sharing = await getState(db, 'sharing')
    await Promise.all(db.tables.map((table) => table.clear()))
    if (sharing?.on === false) await putState(db, 'sharing', { on: false, told: false })
    if (owed.length > 0) await putState(db, 'owed', owed)
    return { events: events!, samples: local! + matched!, models: models!, rounds: rounds! }
  })
}
