/**
 * The rows of one slot, in blocks: a block holds as many as `note` of the slot says, by their numbers from the slot's first one on. So
 * the table's own cost is shared by rows that are small, and a row is still found at once.
 */
import { addToBlock, boundsIn, rowIn, withoutRows } from './blocks.ts'
import { key } from './keys.ts'
import type { Slot } from './ring.ts'

export type SampleSlot = Slot<'rows' | 'owned'>

/** Bytes that a block should have, about: the table's pages of 4 KB are then full but for a few percent. */
const BLOCK = 340
const MOST = 8
/** How many rows the slot has, under a key that no block has. */
const COUNT = Buffer.of(0)

/** Rows in a block, where they are of these sizes. */
export function blockSizeFor(rows: readonly Uint8Array[]): number {
  const bytes = rows.reduce((sum, { length }) => sum + length, 0)
  return Math.max(1, Math.min(MOST, Math.floor((BLOCK * rows.length) / Math.max(1, bytes))))
}

export const countRows = ({ tables }: SampleSlot): number => tables.rows.get(COUNT)?.readUInt32BE() ?? 0

function count(slot: SampleSlot, change: number): void {
  if (change !== 0) slot.tables.rows.putSync(COUNT, key(countRows(slot) + change))
}

const blockOf = ({ first, note }: SampleSlot, sample: number): number => Math.floor((sample - first) / note)
const placeOf = ({ first, note }: SampleSlot, sample: number): number => (sample - first) % note

/** Adds rows whose numbers follow one another, behind all that there are; `flush` is due at the end, in the same transaction. */
export function rowWriter(slot: SampleSlot): { add(sample: number, row: Uint8Array): void; flush(): void } {
  const { rows } = slot.tables
  let held: Uint8Array[] = []
  let block = 0
  let there: Buffer | undefined
  let added = 0
  function write(): void {
    if (held.length === 0) return
    // Numbers rise, so a new block goes to the end of the table, which keeps its file small.
    rows.putSync(key(block), addToBlock(there, held), { append: there === undefined })
    added += held.length
    held = []
  }
  return {
    add(sample, row) {
      if (held.length === 0 || blockOf(slot, sample) !== block) {
        write()
        block = blockOf(slot, sample)
        there = placeOf(slot, sample) === 0 ? undefined : rows.get(key(block))
      }
      held.push(row)
    },
    flush() {
      write()
      count(slot, added)
    },
  }
}

export function readRow(slot: SampleSlot, sample: number): Buffer | undefined {
  const block = slot.tables.rows.get(key(blockOf(slot, sample)))
  return block && rowIn(block, placeOf(slot, sample))
}

/** Calls `look` with the row's bytes from `from` to `to`, which are there only during the call. */
export function lookAtRow(
  slot: SampleSlot,
  sample: number,
  look: (bytes: Uint8Array, from: number, to: number) => void,
): void {
  const { tables, first, note } = slot
  at.writeUInt32BE(Math.floor((sample - first) / note))
  // lmdb's one buffer for whatever is read next.
  const block = tables.rows.getBinaryFast(at)
  const bounds = block && boundsIn(block, placeOf(slot, sample))
  if (bounds) look(block, bounds.from, bounds.to)
}
const at = key(0)

/** Removes rows, where they are there; tells how many. Only inside a transaction. */
export function removeRows(slot: SampleSlot, samples: Iterable<number>): number {
  const places = new Map<number, Set<number>>()
  for (const sample of samples) {
    if (sample < slot.first) continue
    const block = blockOf(slot, sample)
    places.set(block, (places.get(block) ?? new Set()).add(placeOf(slot, sample)))
  }
  let removed = 0
  for (const [block, gone] of places) {
    const row = slot.tables.rows.get(key(block))
    if (!row) continue
    for (const place of gone) if (boundsIn(row, place)) removed++
    slot.tables.rows.putSync(key(block), withoutRows(row, gone))
  }
  count(slot, -removed)
  return removed
}
