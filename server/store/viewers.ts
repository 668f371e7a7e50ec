import { key, packIds, unpackIds } from './keys.ts'
import type { Viewers } from './ports/samples.ts'
import type { Tables } from './tables.ts'

/** Counts in one row of the table: a kilobyte. */
const BLOCK = 256

export function createViewers(tables: Tables): Viewers {
  return {
    see: async (entries) =>
      tables.root.transactionSync(() => {
        const changes = new Map<number, number>()
        for (const { user, items } of entries) see(tables, changes, user, items)
        addViewers(tables, changes)
      }),
    async counts() {
      const blocks = [...tables.viewers.getRange()]
      const last = blocks.at(-1)
      const counts = new Uint32Array(last ? (last.key.readUInt32BE() + 1) * BLOCK : 0)
      for (const { key: at, value } of blocks) counts.set(readCounts(value), at.readUInt32BE() * BLOCK)
      return counts
    },
    async of(values) {
      const found: number[] = []
      for (const { key: at, value } of tables.seen.getRange())
        if (unpackIds(value).some((shown) => values.has(shown))) found.push(at.readUInt32BE())
      return Uint32Array.from(found)
    },
  }
}

/** Notes in `changes` by how much the viewers of each item grow. */
function see(tables: Tables, changes: Map<number, number>, user: number, items: Iterable<number>): void {
  if (!tables.users.doesExist(key(user))) return
  const row = tables.seen.get(key(user))
  const known = new Set(row ? unpackIds(row) : [])
  const before = known.size
  for (const item of items) {
    if (known.has(item)) continue
    known.add(item)
    changes.set(item, (changes.get(item) ?? 0) + 1)
  }
  if (known.size > before) tables.seen.putSync(key(user), packIds(known))
}

/** Takes a user's views back; only inside a transaction. */
export function unsee(tables: Tables, user: number): void {
  const row = tables.seen.get(key(user))
  if (!row) return
  addViewers(tables, new Map([...unpackIds(row)].map((item) => [item, -1])))
  tables.seen.removeSync(key(user))
}

function addViewers({ viewers }: Tables, changes: ReadonlyMap<number, number>): void {
  const blocks = new Map<number, Uint32Array>()
  for (const [item, change] of changes) {
    const block = Math.floor(item / BLOCK)
    const row = blocks.has(block) ? undefined : viewers.get(key(block))
    const counts = blocks.get(block) ?? (row ? readCounts(row) : new Uint32Array(BLOCK))
    counts[item % BLOCK]! += change
    blocks.set(block, counts)
  }
  for (const [block, counts] of blocks) viewers.putSync(key(block), Buffer.from(counts.buffer))
}

/** A copy: lmdb's rows are not aligned. */
const readCounts = (row: Buffer): Uint32Array => new Uint32Array(Uint8Array.from(row).buffer)
