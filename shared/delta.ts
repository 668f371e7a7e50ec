/**
 * A newer file as what it differs in from an older one of the same length, word by word: of two models most bits of a weight's
 * sign and exponent are the same. docs/wire-format.md has the format.
 */
import { deflateSync, inflateSync } from 'fflate'
import { AppError } from './failure.ts'

type Bytes = Uint8Array<ArrayBuffer>

const MAGIC = [0x4b, 0x44, 1] as const
/** Magic, format, and the length of either file (u32, little-endian). */
const HEAD = 8
const WORD = 4

/** What makes `after` of `before`; undefined where they differ in length, because then their tensors do not lie alike. */
export function encodeDelta(before: Uint8Array, after: Uint8Array): Bytes | undefined {
  if (before.length !== after.length) return undefined
  const words = Math.floor(after.length / WORD)
  const planes = new Uint8Array(after.length)
  const [old, now] = [viewOf(before), viewOf(after)]
  for (let i = 0; i < words; i++) {
    const by = (rank(now.getInt32(WORD * i, true)) - rank(old.getInt32(WORD * i, true))) | 0
    const folded = (by << 1) ^ (by >> 31)
    for (let plane = 0; plane < WORD; plane++) planes[plane * words + i] = folded >>> (24 - 8 * plane)
  }
  planes.set(after.subarray(WORD * words), WORD * words)
  const body = deflateSync(planes, { level: 9 })
  const delta = new Uint8Array(HEAD + body.length)
  delta.set(MAGIC)
  viewOf(delta).setUint32(4, after.length, true)
  delta.set(body, HEAD)
  return delta
}

/**
 * `before` after the change. Throws `bad-artifact` for what is no delta, and for one of a file of another length. Whether `before` was the
 * right one, the hash of the result tells.
 */
export function applyDelta(before: Uint8Array, delta: Uint8Array): Bytes {
  if (delta.length < HEAD || MAGIC.some((byte, i) => delta[i] !== byte))
    throw new AppError('bad-artifact', 'Not a delta that this device reads.')
  const length = viewOf(delta).getUint32(4, true)
  if (length !== before.length)
    throw new AppError('bad-artifact', `The delta is of ${length} bytes, and there are ${before.length}.`)
  const planes = inflated(delta.subarray(HEAD), length)
  const words = Math.floor(length / WORD)
  const after = new Uint8Array(length)
  const [old, now] = [viewOf(before), viewOf(after)]
  for (let i = 0; i < words; i++) {
    let folded = 0
    for (let plane = 0; plane < WORD; plane++) folded = (folded << 8) | planes[plane * words + i]!
    const by = (folded >>> 1) ^ -(folded & 1)
    now.setInt32(WORD * i, rank(rank(old.getInt32(WORD * i, true)) + by), true)
  }
  after.set(planes.subarray(WORD * words), WORD * words)
  return after
}

/** Where a float stands among all floats, from its bits, and back: neighbours differ by one, also across zero. */
const rank = (bits: number): number => (bits | 0) ^ ((bits >> 31) & 0x7fffffff)

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new DataView(buffer, byteOffset, byteLength)

/** fflate drops what does not fit the buffer: one byte more than is due tells a bomb. */
function inflated(body: Uint8Array, length: number): Uint8Array {
  let planes: Uint8Array
  try {
    planes = inflateSync(body, { out: new Uint8Array(length + 1) })
  } catch (cause) {
    throw new AppError('bad-artifact', 'The delta is not a whole deflate stream.', { cause })
  }
  if (planes.length !== length) throw new AppError('bad-artifact', 'The delta unfolds to another length.')
  return planes
}
