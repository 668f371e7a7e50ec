/**
 * Days side by side in a fixed number of tables, the day modulo that number. A day goes by emptying its tables, which costs
 * next to nothing, and the pages that it leaves serve the next ones. No table is ever dropped: other threads hold them.
 */
import { key } from './keys.ts'
import type { Table } from './tables.ts'

/** Days that have room: the seven that are kept, today's, and one that nobody has dropped yet. */
export const SLOTS = 9
/** day + 1 (0: none) · the first number that is the day's, for those who number what they keep · a note of theirs (1 byte) */
const ENTRY = 9

export interface Slot<P extends string> {
  readonly day: number
  readonly first: number
  readonly note: number
  readonly tables: Record<P, Table>
}

export interface Ring<P extends string> {
  /** What there is, oldest day first. */
  slots(): readonly Slot<P>[]
  of(day: number): Slot<P> | undefined
  /** The slot of `day`, emptied of an older one; undefined where a newer day has it. Only inside a transaction. */
  take(day: number, first?: number, note?: number): Slot<P> | undefined
  /** Only inside a transaction. */
  dropBefore(day: number): void
}

/** `state` holds, under `name`, which days there are: read each time, since it is one thread that writes and many that read. */
export function createRing<P extends string>(
  name: string,
  state: Table,
  tables: readonly Record<P, Table>[],
): Ring<P> {
  const at = Buffer.from(name)
  const none = Buffer.alloc(SLOTS * ENTRY)
  const read = (): Buffer => Buffer.from(state.get(at) ?? none)
  /** What was read last: it changes once a day, and every look into a slot needs it. */
  let last: { row: Buffer; slots: readonly Slot<P>[] } = { row: none, slots: [] }
  function slots(): readonly Slot<P>[] {
    const row = state.get(at) ?? none
    if (!row.equals(last.row)) last = { row, slots: all(row).sort((a, b) => a.day - b.day) }
    return last.slots
  }
  function slot(row: Buffer, i: number): Slot<P> | undefined {
    const day = row.readUInt32BE(i * ENTRY) - 1
    const first = row.readUInt32BE(i * ENTRY + 4)
    return day < 0 ? undefined : { day, first, note: row[i * ENTRY + 8]!, tables: tables[i]! }
  }
  function empty(row: Buffer, i: number): void {
    for (const table of Object.values<Table>(tables[i]!)) table.clearSync()
    row.fill(0, i * ENTRY, (i + 1) * ENTRY)
  }
  const all = (row: Buffer) => tables.flatMap((_, i) => slot(row, i) ?? [])
  return {
    slots,
    of: (day) => slots().find((slot) => slot.day === day),
    take(day, first = 0, note = 0) {
      const row = read()
      const i = day % SLOTS
      const there = slot(row, i)
      if (there && there.day >= day) return there.day === day ? there : undefined
      if (there) empty(row, i)
      key(day + 1, first).copy(row, i * ENTRY)
      row[i * ENTRY + 8] = note
      state.putSync(at, row)
      return slot(row, i)
    },
    dropBefore(day) {
      const row = read()
      const old = all(row).filter((slot) => slot.day < day)
      if (old.length === 0) return
      for (const slot of old) empty(row, slot.day % SLOTS)
      state.putSync(at, row)
    },
  }
}
