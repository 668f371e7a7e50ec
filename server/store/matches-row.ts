/**
 * What a user was given on a day, as a row: until (u32) · count of batches (u8) · count of samples (u16) · k (u8), then in bits, for
 * each sample in the order of numbers, by how much its number is more than the last (its *gap*) and which batch it is in.
 *
 * A neighbour gives several samples of consecutive numbers, and from one neighbour to the next it is far. So a gap of 1 is the bit 1;
 * 0 and 2 … 16 are 01 and four bits; what is more is 00, and that many more than 17 as quotient (zeros, then a 1) and
 * remainder (k bits) by 2ᵏ, after Rice.
 */
import { BitWriter } from './bits.ts'
import type { Matches } from './ports/mappings.ts'

const HEAD = 8
const FAR = 17

export function encodeMatches({ batches, until }: Matches): Buffer {
  // Number and batch in one, so that they sort fast.
  const entries = new Float64Array(batches.reduce((sum, { length }) => sum + length, 0))
  let count = 0
  for (const [batch, ids] of batches.entries()) for (const id of ids) entries[count++] = id * 256 + batch
  entries.sort()
  const gaps = new Float64Array(count)
  let last = 0
  for (let i = 0; i < count; i++) {
    const id = Math.floor(entries[i]! / 256)
    gaps[i] = id - last
    last = id
  }
  const k = divisor(gaps)
  const width = widthOf(batches.length)
  const head = Buffer.allocUnsafe(HEAD)
  head.writeUInt32BE(until)
  head[4] = batches.length
  head.writeUInt16BE(count, 5)
  head[7] = k
  const out = new BitWriter()
  for (let i = 0; i < count; i++) {
    putGap(out, gaps[i]!, k)
    out.put(entries[i]! % 256, width)
  }
  return Buffer.concat([head, out.take().bytes])
}

export function decodeMatches(row: Buffer): Matches {
  const found: number[][] = Array.from({ length: batchesIn(row) }, () => [])
  const { ids, batches } = read(row)
  for (const [i, id] of ids.entries()) found[batches[i]!]!.push(id)
  return { batches: found.map((ids) => Uint32Array.from(ids)), until: row.readUInt32BE() }
}

export const batchesIn = (row: Buffer): number => row[4]!
export const samplesIn = (row: Buffer): number => row.readUInt16BE(5)

/** One batch; undefined where there are not so many. */
export function batchIn(row: Buffer, n: number): Uint32Array | undefined {
  if (n >= batchesIn(row)) return undefined
  const { ids, batches } = read(row)
  let count = 0
  for (let i = 0; i < ids.length; i++) if (batches[i] === n) ids[count++] = ids[i]!
  return ids.slice(0, count)
}

/** All samples, ascending. */
export const allIn = (row: Buffer): Uint32Array => read(row).ids

/** One loop with its bits in variables: a device's every request comes through here, and so it is four times as fast. */
function read(row: Buffer): { ids: Uint32Array; batches: Uint8Array } {
  const ids = new Uint32Array(samplesIn(row))
  const batches = new Uint8Array(ids.length)
  const k = row[7]!
  const step = 2 ** k
  const low = Math.min(k, 16)
  const width = widthOf(batchesIn(row))
  let id = 0
  let at = HEAD
  /** The next `count` bits: 17 at least wherever some are looked at. */
  let held = 0
  let count = 0
  for (let i = 0; i < ids.length; i++) {
    for (; count <= 16; count += 8) held |= row[at++]! << count
    if (held & 1) {
      held >>>= 1
      count--
      id++
    } else if (held & 2) {
      const near = (held >>> 2) & 15
      held >>>= 6
      count -= 6
      id += near === 0 ? 0 : near + 1
    } else {
      held >>>= 2
      count -= 2
      id += FAR
      for (;;) {
        for (; count <= 16; count += 8) held |= row[at++]! << count
        const last = held & 1
        held >>>= 1
        count--
        if (last) break
        id += step
      }
      for (; count <= 16; count += 8) held |= row[at++]! << count
      id += held & ((1 << low) - 1)
      held >>>= low
      count -= low
      if (k > 16) {
        for (; count <= 16; count += 8) held |= row[at++]! << count
        id += (held & ((1 << (k - 16)) - 1)) * 65_536
        held >>>= k - 16
        count -= k - 16
      }
    }
    for (; count <= 16; count += 8) held |= row[at++]! << count
    ids[i] = id
    batches[i] = held & ((1 << width) - 1)
    held >>>= width
    count -= width
  }
  return { ids, batches }
}

/** Bits that tell so many batches apart. */
const widthOf = (batches: number): number => 32 - Math.clz32(Math.max(0, batches - 1))

/** The k that suits these gaps: 2ᵏ is about their median, if they are those of numbers drawn at random. */
function divisor(gaps: Float64Array): number {
  let far = 0
  let sum = 0
  for (const gap of gaps)
    if (gap >= FAR) {
      far++
      sum += gap - FAR
    }
  return Math.max(0, Math.floor(Math.log2(Math.max(1, (sum / Math.max(1, far)) * Math.LN2)) + 0.5))
}

function putGap(out: BitWriter, gap: number, k: number): void {
  if (gap === 1) out.put(0b1, 1)
  else if (gap < FAR) {
    out.put(0b10, 2)
    out.put(gap === 0 ? 0 : gap - 1, 4)
  } else {
    out.put(0b00, 2)
    const far = gap - FAR
    for (let quotient = Math.floor(far / 2 ** k); quotient > 0; quotient--) out.put(0, 1)
    out.put(1, 1)
    out.put(far & ((1 << Math.min(k, 16)) - 1), Math.min(k, 16))
    if (k > 16) out.put((far >>> 16) & ((1 << (k - 16)) - 1), k - 16)
  }
}
