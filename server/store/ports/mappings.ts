/** Which samples were given to whom. */

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
