/** How a block of a deflate stream tells its own codes (RFC 1951, 3.2.7). */
import { BitWriter } from '../../store/bits.ts'
import { codeLengths, codesOf } from './huffman.ts'

export interface Bits {
  readonly bytes: Uint8Array
  readonly bits: number
}

/** Order in which the lengths of the code for lengths are told; 16 says: as before, 3 to 6 times. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
const REPEAT = 16

/** The beginning of a last block that brings its own codes, these. */
export function blockHead(symbols: Uint8Array, distances: Uint8Array): Bits {
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
