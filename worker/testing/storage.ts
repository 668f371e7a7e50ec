/** Storage for tests: a fresh database in memory, and a clock that the test owns. */
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import type { Clock } from '../../shared/clock.ts'
import { openDb } from '../device/storage/db.ts'
import type { Db } from '../device/storage/tables.ts'

/** A database on `disk`, which outlives it. */
export const dbOn = (disk: IDBFactory): Db => openDb({ name: 'test', indexedDB: disk, IDBKeyRange })

export const freshDb = (): Db => dbOn(new IDBFactory())

/** A clock that stands still until it is moved, in either direction. */
export function handClock(start: number): Clock & { move(ms: number): void } {
  let now = start
  return {
    now: () => now,
    move(ms) {
      now += ms
    },
  }
}
