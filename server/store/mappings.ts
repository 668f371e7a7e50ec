/**
 * What users were given, as one row for each in the slot of the day —
 *   until (u32) · count of batches (u8) · length of each batch in bytes (u16) · each batch as packed numbers.
 */
import { key, packIds, unpackIds } from './keys.ts'
import type { Mappings, Matches } from './store.ts'
import type { Tables } from './tables.ts'

const HEAD = 5

export function createMappings(tables: Tables): Mappings {
  const { root, mappings, users } = tables
  const rowOf = (user: number, day: number) => mappings.of(day)?.tables.rows.get(key(user))

  function write(day: number, entries: Parameters<Mappings['put']>[1], further: boolean): number {
    const rows = mappings.take(day, 0)?.tables.rows
    let given = 0
    for (const { user, ...added } of rows ? entries : []) {
      const at = key(user)
      const there = rows!.get(at)
      if (!users.doesExist(at) || (there && !further) || added.batches.length === 0) continue
      const batches = there ? [...decode(there).batches, ...added.batches] : added.batches
      rows!.putSync(at, encode({ batches, until: added.until }))
      given++
    }
    return given
  }

  return {
    put: async (day, entries) => root.transactionSync(() => write(day, entries, false)),
    append: async (day, entries) => root.transactionSync(() => write(day, entries, true)),
    async of(user, day) {
      const row = rowOf(user, day)
      return row && decode(row)
    },
    count: async (user, day) => rowOf(user, day)?.[4] ?? 0,
    async batch(user, day, n) {
      const row = rowOf(user, day)
      return row && n < row[4]! ? unpackIds(batchIn(row, n)) : undefined
    },
    async *all() {
      for (const { day, tables } of mappings.slots())
        for (const { key: at, value } of tables.rows.getRange())
          yield { user: at.readUInt32BE(), day, ...decode(value) }
    },
    async given(user, from, to) {
      const found: Uint32Array[] = []
      for (const { day, tables } of mappings.slots()) {
        const row = day >= from && day <= to ? tables.rows.get(key(user)) : undefined
        for (let n = 0; n < (row?.[4] ?? 0); n++) found.push(unpackIds(batchIn(row!, n)))
      }
      return joined(found)
    },
    dropBefore: async (day) => root.transactionSync(() => mappings.dropBefore(day)),
  }
}

function encode({ batches, until }: Matches): Buffer {
  const packed = batches.map(packIds)
  const head = Buffer.allocUnsafe(HEAD + 2 * packed.length)
  head.writeUInt32BE(until)
  head[4] = packed.length
  packed.forEach(({ length }, n) => {
    head.writeUInt16BE(length, HEAD + 2 * n)
  })
  return Buffer.concat([head, ...packed])
}

const decode = (row: Buffer): Matches => ({
  batches: Array.from({ length: row[4]! }, (_, n) => unpackIds(batchIn(row, n))),
  until: row.readUInt32BE(),
})

function batchIn(row: Buffer, n: number): Buffer {
  let at = HEAD + 2 * row[4]!
  for (let i = 0; i < n; i++) at += row.readUInt16BE(HEAD + 2 * i)
  return row.subarray(at, at + row.readUInt16BE(HEAD + 2 * n))
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
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
    for (const batch of decode(row).batches) removed += batch.length
    tables.rows.removeSync(key(user))
  }
  return removed
}
