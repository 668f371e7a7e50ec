/** Packed rows become one deflate stream: their bits are shifted into place, and nothing is compressed again. */
import { bitsIn, type Packing } from './packing.ts'

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
