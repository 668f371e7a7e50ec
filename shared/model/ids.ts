/** Lists and sets of ids of a vocabulary. A set takes an eighth of a byte for each id that there could be. */
import { UNKNOWN_ID } from '../catalogue.ts'

/** Ids of a vocabulary, ascending, padding (0) and `UNKNOWN_ID` always first. */
export type Ids = Int32Array<ArrayBuffer>

/** What every such list begins with. */
export const CORE = [0, UNKNOWN_ID]

export const sorted = (ids: Iterable<number>): Ids => Int32Array.from(new Set([...CORE, ...ids])).sort()

/** A set of ids below `rows` as bits, 32 a word: an eighth of a byte an id, where a row has some dozens. */
export function bitsOf(ids: Iterable<number>, rows: number): Uint32Array {
  const bits = new Uint32Array((rows + 31) >> 5)
  for (const id of ids) bits[id >> 5]! |= 1 << (id & 31)
  return bits
}

/** The ids of such a set, ascending. */
export function idsIn(bits: Uint32Array): Ids {
  const ids: number[] = []
  for (let i = 0; i < bits.length; i++)
    for (let rest = bits[i]!; rest !== 0; rest &= rest - 1) ids.push(32 * i + 31 - Math.clz32(rest & -rest))
  return Int32Array.from(ids)
}

/** Where each id stands among ascending ones, or −1; prepared once for each list, which is not changed after. */
export function positionsOf(ids: Ids): (id: number) => number {
  const prepared = positions.get(ids) ?? preparePositions(ids)
  positions.set(ids, prepared)
  return prepared
}
const positions = new WeakMap<Ids, (id: number) => number>()

function preparePositions(ids: Ids): (id: number) => number {
  const bits = bitsOf(ids, ids.at(-1)! + 1)
  // How many ids come before each word.
  const before = new Uint32Array(bits.length)
  for (let i = 1; i < bits.length; i++) before[i] = before[i - 1]! + ones(bits[i - 1]!)
  return (id) => {
    const word = bits[id >> 5] ?? 0
    const bit = 1 << (id & 31)
    return (word & bit) === 0 ? -1 : before[id >> 5]! + ones(word & (bit - 1))
  }
}

/** Bits that are set (Warren, Hacker's Delight, §5-1). */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
