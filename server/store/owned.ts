/**
 * Which samples are a user's, as a row of one slot: segments, each of samples that were added together —
 *   first number (u32) · count (u16) · count × (days between exposure and making, or GONE (u8) · exposure tag (u32)).
 */
import type { NewSample } from './store.ts'

const HEAD = 6
const ENTRY = 5
const MOST = 0xffff
const GONE = 255

/** Adds samples of the numbers from `first` on, made on `day`, to what there is. */
export function addOwned(
  row: Buffer | undefined,
  first: number,
  day: number,
  added: readonly NewSample[],
): Buffer {
  const segments = [row ?? Buffer.alloc(0)]
  for (let from = 0; from < added.length; from += MOST) {
    const some = added.slice(from, from + MOST)
    const bytes = Buffer.allocUnsafe(HEAD + some.length * ENTRY)
    bytes.writeUInt32BE(first + from)
    bytes.writeUInt16BE(some.length, 4)
    for (let i = 0, at = HEAD; i < some.length; i++, at += ENTRY) {
      bytes[at] = Math.min(GONE - 1, Math.max(0, day - some[i]!.day))
      bytes.writeUInt32BE(some[i]!.exposure, at + 1)
    }
    segments.push(bytes)
  }
  return Buffer.concat(segments)
}

/** Calls `visit` with number and day of each sample that is there. */
export function readOwned(row: Buffer, made: number, visit: (id: number, day: number) => void): void {
  walk(row, (id, at) => {
    if (row[at] !== GONE) visit(id, made - row[at]!)
  })
}

/** Adds the exposure tags of a row's samples, of those that are gone too. */
export function readTags(row: Buffer, tags: Set<number>): void {
  walk(row, (_, at) => tags.add(row.readUInt32BE(at + 1)))
}

/** The row without the samples `gone`; their exposures stay in it. */
export function withoutOwned(row: Buffer, gone: ReadonlySet<number>): Buffer {
  const left = Buffer.from(row)
  walk(left, (id, at) => {
    if (gone.has(id)) left[at] = GONE
  })
  return left
}

export function countOwned(row: Buffer): number {
  let count = 0
  walk(row, (_, at) => {
    if (row[at] !== GONE) count++
  })
  return count
}

function walk(row: Buffer, visit: (id: number, at: number) => void): void {
  for (let at = 0; at < row.length; ) {
    const first = row.readUInt32BE(at)
    const count = row.readUInt16BE(at + 4)
    at += HEAD
    for (let i = 0; i < count; i++, at += ENTRY) visit(first + i, at)
  }
}
