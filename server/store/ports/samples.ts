/** What events come to: samples, what users are like by them, and how many have shown a value. */
import type { Mark } from './events.ts'

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
