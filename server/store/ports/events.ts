/** What happened, as it was told, and how much at a time comes in from elsewhere. */
import type { Accepted } from '../../../shared/api.ts'
import type { KindredEvent } from '../../../shared/event.ts'

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
