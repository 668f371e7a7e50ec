/**
 * Samples as they are kept: each row compressed by itself, with one code for all rows of a data folder. So a row is stored once,
 * and rows are put together into a deflate stream (RFC 1951) without being compressed again: what a batch costs is shifting
 * its rows' bits into place.
 */
import * as z from 'zod'
import { BitReader, BitWriter } from '../../store/bits.ts'
import { codeLengths, codesOf, decodingTable } from './huffman.ts'
import * as tokens from './tokens.ts'

const { DISTANCE_SYMBOLS, END, SYMBOLS } = tokens
/** RFC 1951: no code is longer. */
const MOST_BITS = 15

const lengths = (count: number) => z.array(z.int().min(1).max(MOST_BITS)).length(count)
/** The lengths of the codes: every byte, every length and every distance has one. */
export const codeSchema = z.strictObject({
  symbols: lengths(SYMBOLS),
  distances: lengths(DISTANCE_SYMBOLS),
})
export type Code = z.infer<typeof codeSchema>

/** Times that the code is made anew from what it makes of the rows. */
const ROUNDS = 3

/** A code that suits rows like these, and takes any row. */
export function learnCode(rows: readonly Uint8Array[]): Code {
  let costs: tokens.Costs = {
    symbols: new Uint8Array(SYMBOLS).fill(8),
    distances: new Uint8Array(30).fill(5),
  }
  let code: Code = { symbols: [], distances: [] }
  for (let round = 0; round < ROUNDS; round++) {
    // What was never seen counts once, so that it has a code.
    const symbols = new Float64Array(SYMBOLS).fill(1)
    const distances = new Float64Array(DISTANCE_SYMBOLS).fill(1)
    const tokenise = tokens.createTokeniser(costs)
    for (const row of rows)
      for (const token of tokenise(row)) {
        symbols[tokens.isByte(token) ? token : tokens.lengthSymbol(tokens.lengthOf(token))]!++
        if (!tokens.isByte(token)) distances[tokens.distanceSymbol(tokens.distanceOf(token))]!++
      }
    code = {
      symbols: [...codeLengths(symbols, MOST_BITS)],
      distances: [...codeLengths(distances, MOST_BITS)],
    }
    costs = code
  }
  return code
}

export interface Packing {
  /** A row as it is kept: its bits, a 1, and zeros up to the next byte. */
  pack(row: Uint8Array): Uint8Array<ArrayBuffer>
  /** The inverse. Throws `RangeError` for bytes that no row was packed into. */
  unpack(packed: Uint8Array): Uint8Array<ArrayBuffer>
  /** What stands before and behind packed rows in a deflate stream; the stream's last block, which it may not be. */
  readonly opening: Bits
  readonly ending: Bits
}

interface Bits {
  readonly bytes: Uint8Array
  readonly bits: number
}

export function createPacking(code: Code): Packing {
  const symbolLengths = Uint8Array.from(code.symbols)
  const distanceLengths = Uint8Array.from(code.distances)
  const symbolCodes = codesOf(symbolLengths)
  const distanceCodes = codesOf(distanceLengths)
  const tokenise = tokens.createTokeniser(code)
  const out = new BitWriter()

  return {
    pack(row) {
      for (const token of tokenise(row)) {
        const length = tokens.lengthOf(token)
        const symbol = tokens.isByte(token) ? token : tokens.lengthSymbol(length)
        out.put(symbolCodes[symbol]!, symbolLengths[symbol]!)
        if (tokens.isByte(token)) continue
        out.put(...tokens.lengthExtra(length))
        const distance = tokens.distanceOf(token)
        const far = tokens.distanceSymbol(distance)
        out.put(distanceCodes[far]!, distanceLengths[far]!)
        out.put(...tokens.distanceExtra(distance))
      }
      out.put(1, 1)
      return out.take().bytes
    },
    unpack: unpacker(symbolLengths, distanceLengths),
    opening: blockHead(symbolLengths, distanceLengths),
    ending: {
      bytes: Uint8Array.of(symbolCodes[END]! & 255, symbolCodes[END]! >>> 8),
      bits: symbolLengths[END]!,
    },
  }
}

/** Puts packed rows beside each other; for one stream after the other. */
export interface Joiner {
  /** Adds a row that was packed by `packing`: the bytes of `packed` from `from` to `to`. */
  add(packing: Packing, packed: Uint8Array, from: number, to: number): void
  /** The deflate stream of `head` as it is, and then of the rows added. */
  take(head: Uint8Array): Uint8Array<ArrayBuffer>
}

export function createJoiner(): Joiner {
  // Zero wherever nothing was written yet.
  let stream = new Uint8Array(1 << 12)
  let at = 0
  let block: { readonly packing: Packing; readonly at: number } | undefined

  function make(room: number): void {
    if ((at >>> 3) + room <= stream.length) return
    const grown = new Uint8Array(2 * stream.length + room)
    grown.set(stream)
    stream = grown
  }

  function end(): void {
    if (!block) return
    const { bytes, bits } = block.packing.ending
    make(bytes.length + 2)
    at = append(stream, at, bytes, 0, bits)
  }

  function begin(packing: Packing): void {
    end()
    // The first bit of a block says whether it is the last, as the block before is no longer.
    if (block) stream[block.at >>> 3]! &= ~(1 << (block.at & 7))
    block = { packing, at }
    const { bytes, bits } = packing.opening
    make(bytes.length + 2)
    at = append(stream, at, bytes, 0, bits)
  }

  return {
    add(packing, packed, from, to) {
      if (block?.packing !== packing) begin(packing)
      make(to - from + 2)
      at = append(stream, at, packed, from, bitsIn(packed, from, to))
    },
    take(head) {
      end()
      const length = (at + 7) >>> 3
      const whole = new Uint8Array(STORED + head.length + length)
      putStored(whole, head, block === undefined)
      whole.set(stream.subarray(0, length), STORED + head.length)
      stream.fill(0, 0, length + 1)
      at = 0
      block = undefined
      return whole
    },
  }
}

/** Bytes that come before those of a stored block, and the most that it can have (RFC 1951, 3.2.4). */
const STORED = 5
const MOST_STORED = 0xffff

/** A block of `bytes` as they are. */
function putStored(stream: Uint8Array, bytes: Uint8Array, last: boolean): void {
  if (bytes.length > MOST_STORED) throw new RangeError('the head of a batch is too long')
  const [low, high] = [bytes.length & 255, bytes.length >>> 8]
  stream.set([last ? 1 : 0, low, high, ~low & 255, ~high & 255])
  stream.set(bytes, STORED)
}

/** Adds the first `bits` of `bytes` behind `from`, from the bit `at` on, where the stream is all zero; gives the bit after them. */
function append(stream: Uint8Array, at: number, bytes: Uint8Array, from: number, bits: number): number {
  const shift = at & 7
  const whole = from + (bits >>> 3)
  let to = at >>> 3
  let held = stream[to]!
  let i = from
  // Three bytes and a shift below eight are 31 bits: as many as a whole number has that is no object.
  for (; i + 2 < whole; i += 3) {
    held |= (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16)) << shift
    stream[to] = held
    stream[to + 1] = held >>> 8
    stream[to + 2] = held >>> 16
    to += 3
    held >>>= 24
  }
  for (; i < whole; i++) {
    held |= bytes[i]! << shift
    stream[to++] = held
    held >>>= 8
  }
  const rest = bits & 7
  if (rest > 0) held |= (bytes[whole]! & ((1 << rest) - 1)) << shift
  stream[to] = held
  if (held > 255) stream[to + 1] = held >>> 8
  return at + bits
}

/** How many bits are before the last 1 of the bytes from `from` to `to`. */
const bitsIn = (packed: Uint8Array, from = 0, to = packed.length): number =>
  8 * (to - from) - 8 + 31 - Math.clz32(packed[to - 1]!)

/** Order in which the lengths of the code for lengths are told (RFC 1951, 3.2.7); 16 says: as before, 3 to 6 times. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
const REPEAT = 16

/** The beginning of a last block that brings its own codes, these. */
function blockHead(symbols: Uint8Array, distances: Uint8Array): { bytes: Uint8Array; bits: number } {
  const told = runs([...symbols, ...distances])
  const weights = new Float64Array(19)
  for (const { symbol } of told) weights[symbol]!++
  const used = [...weights.keys()].filter((symbol) => weights[symbol]! > 0)
  const lengths = new Uint8Array(19)
  codeLengths(
    used.map((symbol) => weights[symbol]!),
    7,
  ).forEach((length, i) => {
    lengths[used[i]!] = length
  })
  const codes = codesOf(lengths)
  const out = new BitWriter()
  out.put(0b101, 3)
  out.put(symbols.length - 257, 5)
  out.put(distances.length - 1, 5)
  out.put(ORDER.length - 4, 4)
  for (const symbol of ORDER) out.put(lengths[symbol]!, 3)
  for (const { symbol, times } of told) {
    out.put(codes[symbol]!, lengths[symbol]!)
    if (symbol === REPEAT) out.put(times - 3, 2)
  }
  return out.take()
}

function runs(values: readonly number[]): { symbol: number; times: number }[] {
  const found: { symbol: number; times: number }[] = []
  for (let i = 0; i < values.length; ) {
    let times = 0
    while (i > 0 && times < 6 && values[i + times] === values[i - 1]) times++
    found.push(times >= 3 ? { symbol: REPEAT, times } : { symbol: values[i]!, times: 1 })
    i += times >= 3 ? times : 1
  }
  return found
}

function unpacker(symbolLengths: Uint8Array, distanceLengths: Uint8Array): Packing['unpack'] {
  const symbols = decodingTable(symbolLengths)
  const distances = decodingTable(distanceLengths)
  let row = new Uint8Array(1 << 12)
  const next = (from: BitReader, table: Uint16Array): number => {
    const found = table[from.peek()]!
    from.at += found & 15
    return found >>> 4
  }
  return (packed) => {
    const end = bitsIn(packed)
    const from = new BitReader(packed)
    let at = 0
    while (from.at < end) {
      const symbol = next(from, symbols)
      let length = 1
      let distance = 0
      if (symbol > END) {
        const [base, bits] = tokens.lengthFrom(symbol)
        length = base + from.take(bits)
        const [far, more] = tokens.distanceFrom(next(from, distances))
        distance = far + from.take(more)
      }
      if (at + length > row.length) {
        const grown = new Uint8Array(2 * row.length)
        grown.set(row)
        row = grown
      }
      if (symbol === END || distance > at) throw new RangeError('not a packed row')
      if (symbol < END) row[at++] = symbol
      else for (let i = 0; i < length; i++, at++) row[at] = row[at - distance]!
    }
    if (from.at !== end || packed.at(-1) === 0) throw new RangeError('not a packed row')
    return row.slice(0, at)
  }
}
