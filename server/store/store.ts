/**
 * What the cloud keeps, behind small interfaces (ports/). The embedded engine (lmdb.ts) is the default; another engine passes
 * the same contract (store.contract.ts).
 *
 * Users are dense unsigned 32-bit numbers, and so are samples. A promise of a write resolves when it is on disk. Bulk
 * writes (marked so) are one transaction and may hold the calling thread: they belong in a worker thread.
 */
import type * as z from 'zod'
import type { EventLog, Imports } from './ports/events.ts'
import type { Mappings } from './ports/mappings.ts'
import type { Profiles, SampleStore, Viewers } from './ports/samples.ts'
import type { DeviceFacts, Ledger, Sums } from './ports/tasks.ts'
import type { Consents, Users } from './ports/users.ts'

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
