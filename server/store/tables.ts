/** The lmdb environment and its tables. */
import { mkdirSync } from 'node:fs'
import { type Database, open } from 'lmdb'

export type Table = Database<Buffer, Buffer>
export type Tables = ReturnType<typeof openTables>

/**
 * Opens, or makes, the environment in the folder `path`; several threads of a process may.
 *
 * lmdb-js resolves a write before it is on disk unless `overlappingSync` is off. Its asynchronous transaction callbacks
 * never run on some platforms, so the event loop writes by (conditional) puts, which lmdb-js commits in groups on a
 * thread of its own, and worker threads by `transactionSync`.
 */
export function openTables(path: string) {
  mkdirSync(path, { recursive: true })
  const root = open({ path, overlappingSync: false, maxDbs: 24 })
  const binary = (name: string): Table => root.openDB({ name, keyEncoding: 'binary', encoding: 'binary' })
  const meta: Database<unknown, string> = root.openDB({ name: 'meta', encoding: 'json' })
  const counter = (name: string) => (meta.get(name) as number | undefined) ?? 0
  let nextUser: number | undefined
  return {
    root,
    /** [user, uuid] → event row */
    events: binary('events'),
    /** [user] → stamp (u32) */
    dirty: binary('dirty'),
    /** [user] → UserRow as JSON */
    users: binary('users'),
    /** origin and name → user */
    names: root.openDB<number, string>({ name: 'names', encoding: 'json' }),
    /** [user] or [user, uuid]: what an import under way has added */
    undo: binary('undo'),
    /** [sample] → encoded sample */
    samples: binary('samples'),
    /** [user, day] → repeated: sample (u32) · exposure (16 bytes) */
    userDays: binary('user-days'),
    /** [user] → float64s: samples, clicks, sum of the user-vector feature */
    profiles: binary('profiles'),
    /** [user] → packed catalogue positions */
    seen: binary('seen'),
    /** [day, user, batch] → packed sample ids */
    mappings: binary('mappings'),
    /** [user] → packed sample ids that mappings may still name */
    erasing: binary('erasing'),
    meta,

    /** The next user's number. One thread makes users, the one that ingests: so the count is kept in memory … */
    nextUser: (): number => {
      nextUser ??= counter('nextUser')
      return nextUser++
    },
    /** … and written with each user. */
    putNextUser: (): void => void meta.put('nextUser', nextUser ?? 0),
    /** The first of `count` new sample numbers; only inside a transaction. */
    takeSamples(count: number): number {
      const first = counter('nextSample')
      meta.putSync('nextSample', first + count)
      return first
    },
    changes: () => counter('changes'),
    /** Says that a profile has changed; only inside a transaction. */
    bumpChanges: (): void => meta.putSync('changes', counter('changes') + 1),
    entries: (table: Table): number => (table.getStats() as { entryCount: number }).entryCount,
  }
}
