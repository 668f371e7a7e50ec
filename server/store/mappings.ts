import { key } from './keys.ts'
import { allIn, batchesIn, batchIn, decodeMatches, encodeMatches, samplesIn } from './matches-row.ts'
import type { Mappings } from './ports/mappings.ts'
import type { Tables } from './tables.ts'

export function createMappings(tables: Tables): Mappings {
  const { root, mappings, users } = tables
  const rowOf = (user: number, day: number) => mappings.of(day)?.tables.rows.get(key(user))

  function write(day: number, entries: Parameters<Mappings['put']>[1], further: boolean): number {
    const rows = mappings.take(day)?.tables.rows
    if (!rows) return 0
    const [end] = rows.getKeys({ reverse: true, limit: 1 })
    let last = end ? end.readUInt32BE() : -1
    let given = 0
    for (const { user, ...added } of entries) {
      const at = key(user)
      const there = user > last ? undefined : rows.get(at)
      if (!users.doesExist(at) || (there && !further) || added.batches.length === 0) continue
      const batches = there ? [...decodeMatches(there).batches, ...added.batches] : added.batches
      // Behind all others it leaves their pages full, and the file small.
      rows.putSync(at, encodeMatches({ batches, until: added.until }), { append: user > last })
      last = Math.max(last, user)
      given++
    }
    return given
  }

  return {
    put: async (day, entries) => root.transactionSync(() => write(day, entries, false)),
    append: async (day, entries) => root.transactionSync(() => write(day, entries, true)),
    async of(user, day) {
      const row = rowOf(user, day)
      return row && decodeMatches(row)
    },
    async count(user, day) {
      const row = rowOf(user, day)
      return row ? batchesIn(row) : 0
    },
    async batch(user, day, n) {
      const row = rowOf(user, day)
      return row && batchIn(row, n)
    },
    async *all() {
      for (const { day, tables } of mappings.slots())
        for (const { key: at, value } of tables.rows.getRange())
          yield { user: at.readUInt32BE(), day, ...decodeMatches(value) }
    },
    async given(user, from, to) {
      const found: Uint32Array[] = []
      for (const { day, tables } of mappings.slots()) {
        const row = day >= from && day <= to ? tables.rows.get(key(user)) : undefined
        if (row) found.push(allIn(row))
      }
      return joined(found)
    },
    dropBefore: async (day) => root.transactionSync(() => mappings.dropBefore(day)),
  }
}

/** One after the other. */
export function joined(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Removes a user's own batches; counts the samples in them. Only inside a transaction. */
export function removeMappings({ mappings }: Tables, user: number): number {
  let removed = 0
  for (const { tables } of mappings.slots()) {
    const row = tables.rows.get(key(user))
    if (!row) continue
    removed += samplesIn(row)
    tables.rows.removeSync(key(user))
  }
  return removed
}
