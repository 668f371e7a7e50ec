/** The tables on the device: what a row of each looks like, and how their shape has changed from version to version. */
import type { Dexie, Table } from 'dexie'
import type { KindredEvent } from '../../../shared/event.ts'
import type { Round } from '../../../shared/protocol.ts'
import type { MatchedSample, Sample } from '../../../shared/sample.ts'
import type { Manifest } from '../../../shared/task.ts'
import type { TaskManifest } from '../../../shared/tasks/manifest.ts'
import type { Report } from '../../../shared/tasks/report.ts'
import type { StateKey } from './state.ts'

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

/** Where a matched sample stands (`samples/lifecycle.ts`). */
export type MatchedState =
  | { readonly state: 'unscored' }
  /** Also unscored: a version before tasks had chosen it for its classifier when it was cut off. */
  | { readonly state: 'classifying' }
  | { readonly state: 'filtered'; readonly score: number | null }

/** `order` is that in which they came in. */
export type MatchedRow = MatchedSample & { readonly order: number } & MatchedState

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

/** A report, when it was made (ms), and the upload that it goes with as soon as it was tried to send it. */
export type ReportRow = Report & { readonly n?: number; readonly at: number; readonly upload?: string }

export type JournalRow = Round & { readonly n?: number }

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
