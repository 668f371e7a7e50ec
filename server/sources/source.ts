/** Where events come from when they do not come from devices. Each source takes the road that live events take. */
import type { Catalogue } from '../../shared/catalogue.ts'
import type { Clock } from '../../shared/clock.ts'
import type { KindredEvent } from '../../shared/event.ts'
import type { SchemaName } from '../../shared/schemas/index.ts'

/** Some of one user's events. */
export interface UserEvents {
  readonly user: string
  readonly events: KindredEvent[]
}

export interface Source {
  readonly name: string
  /** The feature schema that suits the data. */
  readonly schema: SchemaName
  readonly catalogue: Catalogue
  /**
   * All events, and the same ones at each call. A user may come in several chunks; over all of them the ids of the
   * user's events rise strictly, and with them the times. Fails with `bad-input`, naming file, line and reason, at the
   * first line that does not fit: what came before it was good, and is the caller's to drop.
   */
  users(): AsyncIterable<UserEvents>
}

export interface SourceOptions {
  /** What “now” is for a source whose own times are absent or long gone. */
  readonly clock: Clock
  /** Which population (`demo`), which items were passed over (`globo`, `sequences`); default 1. */
  readonly seed?: number
  /** `demo` only: how many people (default 1,000). */
  readonly users?: number
}
