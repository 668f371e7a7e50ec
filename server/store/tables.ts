/** The lmdb environment and its tables. */
import { mkdirSync } from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'
import { AppError } from '../../shared/failure.ts'
import { key } from './keys.ts'
import { createRing, SLOTS } from './ring.ts'

export type Table = Database<Buffer, Buffer>
export type Tables = ReturnType<typeof openTables>
type Meta = Database<unknown, string>

/** Goes up with every change of what the tables hold that an older Kindred would misread, or this one of an older's. */
const FORMAT = 2

/** In the table of the rings. */
const REMOVALS = Buffer.from('removals')

/**
 * Opens, or makes, the environment in the folder `path`; several threads of a process may. Throws `version` for a store
 * that was written in another format.
 *
 * lmdb-js resolves a write before it is on disk unless `overlappingSync` is off. Its asynchronous transaction callbacks
 * never run on some platforms, so the event loop writes by (conditional) puts, which lmdb-js commits in groups on a
 * thread of its own, and worker threads by `transactionSync`.
 */
export function openTables(path: string) {
  mkdirSync(path, { recursive: true })
  const root = open({ path, overlappingSync: false, maxDbs: 64 })
  const meta: Meta = root.openDB({ name: 'meta', encoding: 'json' })
  checkFormat(meta, path, () => void root.close())
  // In one transaction: each by itself waits for the disk.
  return root.transactionSync(() => tablesIn(root, meta))
}

function tablesIn(root: RootDatabase, meta: Meta) {
  const named = new Map<string, Table>()
  const binary = (name: string): Table => {
    const table: Table = root.openDB({ name, keyEncoding: 'binary', encoding: 'binary' })
    named.set(name, table)
    return table
  }
  const rings = binary('rings')
  const counter = (name: string) => (meta.get(name) as number | undefined) ?? 0
  let nextUser: number | undefined
  return {
    root,
    /** [user, uuid] → event row */
    events: binary('events'),
    /** [user] → stamp (u32) */
    dirty: binary('dirty'),
    /** [user] → UserRow */
    users: binary('users'),
    /** [user] → Consent as JSON */
    consents: binary('consents'),
    /** device → user (u32) · hash of its credential · hash of the next one, if there is one */
    devices: binary('devices'),
    /** [user, device] → nothing */
    userDevices: binary('user-devices'),
    /** origin and name → user */
    names: root.openDB<number, string>({ name: 'names', encoding: 'json' }),
    /** [user] or [user, uuid]: what an import under way has added */
    undo: binary('undo'),
    /** By the day on which they were made. */
    samples: createRing(
      'samples',
      rings,
      Array.from({ length: SLOTS }, (_, i) => ({
        /** [block] → the rows of some samples (sample-rows.ts) */
        rows: binary(`samples-${i}`),
        /** [user] → the user's samples in this slot (owned.ts) */
        owned: binary(`owned-${i}`),
      })),
    ),
    /** [user] → float64s: since, samples, clicks, sum of the user-vector feature */
    profiles: binary('profiles'),
    /** [user] → stamp (u32) */
    moved: binary('moved'),
    /** [user] → packed catalogue positions */
    seen: binary('seen'),
    /** [block] → viewers of so many catalogue positions (viewers.ts) */
    viewers: binary('viewers'),
    mappings: createRing(
      'mappings',
      rings,
      // [user] → matches (mappings.ts)
      Array.from({ length: SLOTS }, (_, i) => ({ rows: binary(`mappings-${i}`) })),
    ),
    /** [entry] → JSON */
    ledger: binary('ledger'),
    /** device → what it says of itself, as JSON */
    facts: binary('device-facts'),
    /** [day, task, version] → sums of what was reported, as JSON */
    sums: binary('sums'),
    /** [day, upload] → nothing: these are in the sums */
    sumUploads: binary('sum-uploads'),
    meta,

    /** The next user's number. One thread makes users, the one that ingests: so the count is kept in memory … */
    nextUser: (): number => {
      nextUser ??= counter('nextUser')
      return nextUser++
    },
    /** … and written with each user. */
    putNextUser: (): void => void meta.put('nextUser', nextUser ?? 0),
    nextSample: () => counter('nextSample'),
    /** The first of `count` new sample numbers; only inside a transaction. */
    takeSamples(count: number): number {
      const first = counter('nextSample')
      if (first + count > 2 ** 32) throw new AppError('storage', 'The numbers for samples are used up.')
      meta.putSync('nextSample', first + count)
      return first
    },
    /** Changes whenever samples are removed, other than with their day. */
    removals: (): number => rings.get(REMOVALS)?.readUInt32BE() ?? 0,
    /** Only inside the transaction that removes them. */
    noteRemoval(): void {
      rings.putSync(REMOVALS, key((this.removals() + 1) % 2 ** 32))
    },
    entries: (table: Table): number => statsOf(table).entryCount,
    /** By name. */
    named: named as ReadonlyMap<string, Table>,
  }
}

interface Stats {
  pageSize: number
  entryCount: number
  treeBranchPageCount: number
  treeLeafPageCount: number
  overflowPages: number
}
export const statsOf = (table: { getStats(): object }): Stats => table.getStats() as Stats

function checkFormat(meta: Meta, path: string, close: () => void): void {
  const format = meta.get('format')
  if (format === FORMAT) return
  if (format === undefined && statsOf(meta).entryCount === 0) {
    meta.putSync('format', FORMAT)
    return
  }
  close()
  throw new AppError(
    'version',
    `The store ${path} has the format ${format ?? 1} and this Kindred reads ${FORMAT} only: import into a new folder.`,
  )
}
