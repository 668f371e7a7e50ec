/**
 * What the cloud keeps, behind small interfaces. The embedded engine (lmdb.ts) is the default; another engine passes
 * the same contract (store.contract.ts).
 *
 * Users are dense unsigned 32-bit numbers, and so are samples. A promise of a write resolves when it is on disk. Bulk
 * writes (marked so) are one transaction and may hold the calling thread: they belong in a worker thread.
 */
import type * as z from 'zod'
import type { Accepted, Consent } from '../../shared/api.ts'
import type { KindredEvent } from '../../shared/event.ts'
import type { DeviceInfo } from '../../shared/release/device.ts'

export interface Users {
  /**
   * A new device that comes at the time `at` (ms); `credential` is the hash of what it will show. It is that of a new
   * user, or of the one user of `subject`, who is made when they come first.
   */
  register(device: string, credential: Buffer, at: number, subject?: string): Promise<number>
  /** `next` is the hash of a newer credential that the device has not shown yet. */
  byDevice(device: string): Promise<{ user: number; credential: Buffer; next?: Buffer } | undefined>
  /** Replaces the hashes of what a device may show; false if there is no such device. */
  setCredential(device: string, credential: Buffer, next?: Buffer): Promise<boolean>
  /** The device is not known any more, its user is; false if there is no such device. */
  removeDevice(device: string): Promise<boolean>
  devicesOf(user: number): Promise<string[]>
  has(user: number): Promise<boolean>
  /** When the user came (ms); 0 for one who was imported, undefined for one who is not there. */
  since(user: number): Promise<number | undefined>
  /** Those who can pull batches, ascending. */
  devices(): Promise<Uint32Array>
  count(): Promise<number>
}

export interface Consents {
  of(user: number): Promise<Consent | undefined>
  /** Who shares again has their samples made again. Throws `unauthorised` for a user who is gone. */
  put(user: number, consent: Consent): Promise<void>
  /** Those who do not share, ascending. */
  refusing(): Promise<Uint32Array>
}

export interface EventLog {
  /** Adds the events that are not there yet. Throws `unauthorised` for a user who is gone. */
  append(user: number, events: readonly KindredEvent[]): Promise<Accepted>
  /** All of a user's events in the order of their ids. */
  of(user: number): Promise<KindredEvent[]>
  /** Users with events that samples have not been made of yet; `stamp` changes with every new event. */
  dirty(): Promise<Mark[]>
  /**
   * Bulk. Removes what happened before `at` (ms), from the user `from` on, until some `limit` rows or users have been gone
   * through; tells how many events went, and with which user to go on.
   */
  expire(at: number, from: number, limit: number): Promise<{ removed: number; next: number | undefined }>
  count(): Promise<number>
}

/** That something of a user has changed: there are no two changes of the same stamp. */
export interface Mark {
  readonly user: number
  readonly stamp: number
}

/** An import under way: all of it is kept, or none of it. */
export interface Import {
  /** Bulk. Takes in users by their names in the source, and their events, whose ids rise over all calls. */
  add(entries: readonly { user: string; events: readonly KindredEvent[] }[]): Promise<void>
  /**
   * Bulk. Writes the events that are not there yet, and then, in one transaction, `value` under `key` of the meta store and
   * that it is done. Tells how many users and events are new; `heard` hears, in between, how many events are behind it.
   */
  commit(
    key: string,
    value: unknown,
    heard?: (done: number, total: number) => Promise<void>,
  ): Promise<{ users: number; events: number }>
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

/** A sample to be; its row has a byte at least. */
export interface NewSample {
  /** `exposureTag` of the exposure that it tells of. */
  readonly exposure: number
  /** Of the exposure. */
  readonly day: number
  /** The sample as it is kept. */
  readonly row: Uint8Array
}

/** What the user vector is the mean of. */
export interface Tally {
  readonly samples: number
  readonly clicks: number
  /** The sum of the user-vector feature. */
  readonly sum: Float64Array
}

/** What one user's events have come to. */
export interface UserSamples {
  readonly user: number
  /** The stamp that the events were read under, … */
  readonly stamp: number
  /** … and whether they left nothing to wait for: then the user is dirty no more, unless the stamp has changed. */
  readonly settled: boolean
  /** In time order. */
  readonly samples: readonly NewSample[]
  /** What is added to the profile; it may count what is too old to be a sample. */
  readonly counted: Tally
}

export interface Profile extends Tally {
  readonly user: number
  /** As in `Users.since`. */
  readonly since: number
}

/** Samples of one user, in the order of their days, and of their numbers within a day. */
export interface Owned {
  readonly ids: Uint32Array
  readonly days: Uint32Array
}

/** Samples of all users, side by side: those of `users[i]` are ids[starts[i]] … ids[starts[i + 1] − 1], as in `Owned`. */
export interface AllOwned extends Owned {
  /** Ascending. */
  readonly users: Uint32Array
  /** [users + 1] */
  readonly starts: Uint32Array
}

/** Samples by the day on which they were made. Their numbers rise and are never given again. */
export interface SampleStore {
  /**
   * Bulk. Adds samples made on `day`, or on the newest day there is if that is later, and takes the users’ profiles along.
   * Users who are gone or do not share, and exposures that have a sample already, are left out. Gives, for each of `users`,
   * the number of their first new sample and how many they have got: their numbers have no gaps.
   */
  add(day: number, users: readonly UserSamples[]): Promise<{ first: number; count: number }[]>
  /** The `exposureTag`s of a user that have their sample. */
  exposures(user: number): Promise<ReadonlySet<number>>
  of(user: number): Promise<Owned>
  /** Bulk, and a few bytes for each sample. */
  owned(): Promise<AllOwned>
  /** Bulk. Removes some of users' samples; their exposures still count as having one. Tells how many were there. */
  remove(entries: readonly { user: number; ids: Iterable<number> }[]): Promise<number>
  /** The rows as they were added; undefined for a sample that is gone. */
  rows(ids: ArrayLike<number>): Promise<(Buffer | undefined)[]>
  /** Shows the rows that are there without making a copy of each: during the call, a row is `bytes` from `from` to `to`. */
  read(
    ids: ArrayLike<number>,
    look: (i: number, bytes: Uint8Array, from: number, to: number) => void,
  ): Promise<void>
  /** The number that the next sample will have. */
  next(): Promise<number>
  /** The number from which on samples were made on `day` or later. */
  madeSince(day: number): Promise<number>
  /** Bulk. Drops the samples made before `day`. */
  dropBefore(day: number): Promise<void>
  count(): Promise<number>
}

export interface Profiles {
  of(user: number): Promise<Profile | undefined>
  /** In the order of users. */
  all(): AsyncIterable<Profile>
  /** Users whose profile has changed, or gone, since that was settled. */
  moved(): Promise<Mark[]>
  /** Bulk. Says that these changes are known where they had to be; a mark that is newer stays. */
  settleMoved(marks: readonly Mark[]): Promise<void>
}

export interface Viewers {
  /** Bulk. Remembers which values users have shown, by number: catalogue positions, and what the cloud counts besides. */
  see(entries: readonly { user: number; items: Iterable<number> }[]): Promise<void>
  /** By number: how many distinct users have shown the value; shorter than there are values if need be. */
  counts(): Promise<Uint32Array>
  /** Bulk. Those who have shown any of these, ascending. */
  of(values: ReadonlySet<number>): Promise<Uint32Array>
}

/** What a user was given on a day. A sample in it may be gone: then its number leads nowhere. */
export interface Matches {
  /** Each ascending. */
  readonly batches: readonly Uint32Array[]
  /** The number that the next sample had when the last batch was added. */
  readonly until: number
}

/** Matches by user and day; only as many days are kept apart as the ring has room for, the newest. */
export interface Mappings {
  /** Bulk. Gives users their first batches of `day`; tells how many got theirs: not who is gone or has some already. */
  put(day: number, entries: readonly ({ user: number } & Matches)[]): Promise<number>
  /** Bulk. Gives further batches to users, whether they have some of that day or not; tells to how many. */
  append(day: number, entries: readonly ({ user: number } & Matches)[]): Promise<number>
  of(user: number, day: number): Promise<Matches | undefined>
  /** How many batches a user has of a day. */
  count(user: number, day: number): Promise<number>
  batch(user: number, day: number, n: number): Promise<Uint32Array | undefined>
  /** All that there is, day by day, in the order of users. */
  all(): AsyncIterable<{ user: number; day: number } & Matches>
  /** Every sample that a user was given on the days [from, to]. */
  given(user: number, from: number, to: number): Promise<Uint32Array>
  /** Bulk. */
  dropBefore(day: number): Promise<void>
}

/** Values numbered from 1 on, that nothing can change or remove: who changed what for devices. */
export interface Ledger {
  count(): Promise<number>
  /** False, and nothing is written, unless `n` is the next number. */
  append(n: number, value: unknown): Promise<boolean>
  /** From number `from` on, `limit` at most. */
  read(from: number, limit?: number): Promise<unknown[]>
}

/** What devices last said of themselves, and what they were given then. It goes with the device. */
export interface DeviceFacts {
  /** `given`: versions by task that it was given for what it said. False if there is no such device. */
  put(info: DeviceInfo, given?: Given): Promise<boolean>
  of(device: string): Promise<DeviceInfo | undefined>
  all(): AsyncIterable<DeviceInfo>
  /** The same, each with what it was given; undefined for one that has not been told yet. */
  given(): AsyncIterable<{ info: DeviceInfo; given: Given | undefined }>
  count(): Promise<number>
}

export type Given = Readonly<Record<string, number>>

/** Sums by day, task and version, of what uploads tell. Who sent one is not kept. */
export interface Sums {
  /**
   * Adds what an upload, by its id, tells on `day`; `add` gets a sum as it is, undefined before the first, and gives it as it is to be.
   * All or nothing; false, and nothing changes, for an upload that is known.
   */
  add(
    day: number,
    upload: string,
    changes: readonly {
      readonly task: string
      readonly version: number
      readonly add: (sum: unknown) => unknown
    }[],
  ): Promise<boolean>
  /** Of the days [from, to], by day, then task and version. */
  read(from: number, to: number): Promise<{ day: number; task: string; version: number; sum: unknown }[]>
  /** Bulk. An upload is known for two weeks. */
  dropBefore(day: number): Promise<void>
}

/** Small named values, parsed where they are read. */
export interface Meta {
  get<T>(key: string, schema: z.ZodType<T>): Promise<T | undefined>
  put(key: string, value: unknown): Promise<void>
  remove(key: string): Promise<void>
}

/** What a table takes on disk. */
export interface TableSize {
  readonly name: string
  readonly rows: number
  readonly bytes: number
}

export interface Store {
  readonly users: Users
  readonly consents: Consents
  readonly events: EventLog
  readonly imports: Imports
  readonly samples: SampleStore
  readonly profiles: Profiles
  readonly viewers: Viewers
  readonly mappings: Mappings
  readonly ledger: Ledger
  readonly deviceFacts: DeviceFacts
  readonly sums: Sums
  readonly meta: Meta
  /**
   * Bulk. Removes a user, and all that is of them or tells of them, at once or not at all; what is mapped of theirs to
   * others leads nowhere from then on. Counts events, samples, and samples mapped to them. Undefined if there is no such user.
   */
  erase(user: number): Promise<{ events: number; samples: number; mappings: number } | undefined>
  /** Bulk. Removes what is shared of a user: samples, profile, and that they have seen what they have seen. */
  withdraw(user: number): Promise<{ samples: number } | undefined>
  sizes(): Promise<TableSize[]>
  /** Writes a copy, as of now, into the folder `path`, which must not be there; others may go on writing. */
  backup(path: string): Promise<void>
  /** Lets this thread see what other threads have written. */
  refresh(): void
  close(): Promise<void>
}
