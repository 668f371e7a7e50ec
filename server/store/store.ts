/**
 * What the cloud keeps, behind small interfaces. The embedded engine (lmdb.ts) is the default; another engine passes
 * the same contract (store.contract.ts).
 *
 * Users are dense unsigned 32-bit numbers, and so are samples. A promise of a write resolves when it is on disk. Bulk
 * writes (marked so) are one transaction and may hold the calling thread: they belong in a worker thread.
 */
import type * as z from 'zod'
import type { Accepted } from '../../shared/api.ts'
import type { KindredEvent } from '../../shared/event.ts'

export interface Users {
  /** A new user who comes with a device; `credential` is the hash of what the device will show. */
  register(device: string, credential: Buffer): Promise<number>
  byDevice(device: string): Promise<{ user: number; credential: Buffer } | undefined>
  has(user: number): Promise<boolean>
  /** Those who can pull batches. */
  devices(): Promise<Uint32Array>
  count(): Promise<number>
}

export interface EventLog {
  /** Adds the events that are not there yet. Throws `unauthorised` for a user who is gone. */
  append(user: number, events: readonly KindredEvent[]): Promise<Accepted>
  /** All of a user's events in the order of their ids. */
  of(user: number): Promise<KindredEvent[]>
  /** Users with events that samples have not been made of yet; `stamp` changes with every new event. */
  dirty(): Promise<{ user: number; stamp: number }[]>
  count(): Promise<number>
}

/** An import under way: all of it is kept, or none of it. */
export interface Import {
  /** Bulk. Adds users by their names in the source, and their events; tells how many were new. */
  add(
    entries: readonly { user: string; events: readonly KindredEvent[] }[],
  ): Promise<{ users: number; events: number }>
  /** Ends the import and writes `value` under `key` of the meta store, in one transaction. */
  commit(key: string, value: unknown): Promise<void>
  /** Takes back everything that was added. */
  rollback(): Promise<void>
}

export interface Imports {
  begin(): Promise<Import>
  /** Whether an import began and neither ended nor was taken back: by this process, or by one that was killed. */
  open(): Promise<boolean>
  /** Takes back an import that was cut off. */
  recover(): Promise<void>
}

/** What one user's events have come to. */
export interface UserSamples {
  readonly user: number
  /** The stamp that the events were read under, … */
  readonly stamp: number
  /** … and whether they left nothing to wait for: then the user is dirty no more, unless the stamp has changed. */
  readonly settled: boolean
  /** In time order. */
  readonly samples: readonly { exposure: string; day: number; label: 0 | 1; row: Uint8Array }[]
  /** What the samples add to the sum that the user vector is the mean of. */
  readonly sum: Float64Array
}

/** The sum of the user-vector feature over a user's samples. */
export interface Profile {
  readonly user: number
  readonly samples: number
  readonly clicks: number
  readonly sum: Float64Array
}

export interface SampleStore {
  /** Bulk. Users who are gone, and exposures that have a sample already, are left out; tells how many it added. */
  add(users: readonly UserSamples[]): Promise<number>
  /** The exposures of a user that have their sample. */
  exposures(user: number): Promise<ReadonlySet<string>>
  /** A user's newest samples, newest first, and their days. */
  newest(user: number, limit: number): Promise<{ ids: Uint32Array; days: Uint32Array }>
  /** The encoded samples; undefined for one that is gone. */
  rows(ids: Uint32Array): Promise<(Uint8Array | undefined)[]>
  /** Every user's samples by day. */
  byDay(): AsyncIterable<{ user: number; day: number; ids: Uint32Array }>
  profile(user: number): Promise<Profile | undefined>
  profiles(): AsyncIterable<Profile>
  /** Goes up with every change of a profile. */
  changes(): Promise<number>
  /** Bulk. Remembers which catalogue positions users have seen. */
  see(entries: readonly { user: number; items: Iterable<number> }[]): Promise<void>
  /** By catalogue position: how many distinct users have seen the item; shorter than the catalogue if need be. */
  viewers(): Promise<Uint32Array>
  count(): Promise<number>
}

export interface Mappings {
  /**
   * Bulk. Gives users their batches of `day`. A user who is gone or has batches of that day is left out, and so is a
   * sample that is gone. Tells how many users got theirs.
   */
  put(day: number, entries: readonly { user: number; batches: readonly Uint32Array[] }[]): Promise<number>
  /** How many batches a user has of a day. */
  count(user: number, day: number): Promise<number>
  batch(user: number, day: number, n: number): Promise<Uint32Array | undefined>
  /** Every sample mapped to a user in [from, to]. */
  mapped(user: number, from: number, to: number): Promise<Set<number>>
  /** Bulk. */
  dropBefore(day: number): Promise<void>
}

/** Small named values, parsed where they are read. */
export interface Meta {
  get<T>(key: string, schema: z.ZodType<T>): Promise<T | undefined>
  put(key: string, value: unknown): Promise<void>
  remove(key: string): Promise<void>
}

export interface Store {
  readonly users: Users
  readonly events: EventLog
  readonly imports: Imports
  readonly samples: SampleStore
  readonly mappings: Mappings
  readonly meta: Meta
  /**
   * Bulk. Removes a user, and all that is of them or tells of them, also from what is mapped to others; counts events,
   * samples, and samples taken out of mappings. Undefined if there is no such user. One that was cut off is completed
   * by `resumeErasures`.
   */
  erase(user: number): Promise<{ events: number; samples: number; mappings: number } | undefined>
  resumeErasures(): Promise<void>
  /** Lets this thread see what other threads have written. */
  refresh(): void
  close(): Promise<void>
}
