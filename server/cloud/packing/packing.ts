/**
 * Samples as they are kept: each row compressed by itself, with one code for all rows of a data folder. So a row is stored once,
 * and rows are put together into a deflate stream (RFC 1951) without being compressed again: what a batch costs is shifting
 * its rows' bits into place.
 */
import { BitReader, BitWriter } from '../../store/bits.ts'
import { type Bits, blockHead } from './block-head.ts'
import type { Code } from './code.ts'
import { codesOf, decodingTable } from './huffman.ts'
import * as tokens from './tokens.ts'

const { END } = tokens

export interface Packing {
  /** A row as it is kept: its bits, a 1, and zeros up to the next byte. */
  pack(row: Uint8Array): Uint8Array<ArrayBuffer>
  /** The inverse. Throws `RangeError` for bytes that no row was packed into. */
  unpack(packed: Uint8Array): Uint8Array<ArrayBuffer>
  /** What stands before and behind packed rows in a deflate stream; the stream's last block, which it may not be. */
  readonly opening: Bits
  readonly ending: Bits
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

/** How many bits are before the last 1 of the bytes from `from` to `to`. */
export const bitsIn = (packed: Uint8Array, from = 0, to = packed.length): number =>
  8 * (to - from) - 8 + 31 - Math.clz32(packed[to - 1]!)

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
