/**
 * Weights as a safetensors file: 8 bytes little-endian header length, a JSON header, the tensors' bytes.
 * Only F32 is read or written. The format is https://github.com/huggingface/safetensors (format section).
 */
import * as z from 'zod'
import { AppError } from './failure.ts'
import { sizeOf, type Tensor, type Weights } from './model/weights.ts'

const entrySchema = z.object({
  dtype: z.literal('F32'),
  shape: z.array(z.int().min(0)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
})
const headerSchema = z.record(z.string(), z.unknown())

/** Header longer than this is refused before it is parsed. */
const MAX_HEADER = 1 << 20

export function writeSafetensors(weights: Weights): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {}
  let end = 0
  for (const [name, { shape, data }] of Object.entries(weights)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] }
    end += data.byteLength
  }
  // The format aligns the data to 8 bytes by padding the header with spaces.
  const json = JSON.stringify(header)
  const text = new TextEncoder().encode(json + ' '.repeat((8 - (json.length % 8)) % 8))
  const bytes = new Uint8Array(8 + text.length + end)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  let at = 8 + text.length
  for (const { data } of Object.values(weights)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

/** Throws `bad-artifact`, saying what is wrong, for anything that is not a whole and consistent file of F32 tensors. */
export function readSafetensors(bytes: Uint8Array): Weights {
  const refuse = (why: string): never => {
    throw new AppError('bad-artifact', `Not a usable safetensors file: ${why}.`)
  }
  if (bytes.length < 8) refuse('it is shorter than its length field')
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > MAX_HEADER || 8 + length > bytes.length) refuse('its header does not fit the file')
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)))
  } catch {
    refuse('its header is not JSON')
  }
  const parsed = headerSchema.safeParse(header)
  if (!parsed.success) refuse('its header is not an object')
  const data = bytes.subarray(8 + length)
  const weights: Record<string, Tensor> = {}
  let covered = 0
  for (const [name, value] of Object.entries(parsed.data ?? {})) {
    if (name === '__metadata__') continue
    const entry = entrySchema.safeParse(value)
    if (!entry.success) refuse(`tensor ${name} is not F32 with a shape and offsets`)
    const { shape, data_offsets } = entry.data!
    const [from, to] = data_offsets
    if (to > data.length || to - from !== sizeOf(shape) * 4) refuse(`tensor ${name} does not fill its place`)
    // A copy: the file's offsets need not be aligned for a Float32Array view. (`slice` of a Node Buffer copies nothing.)
    weights[name] = { shape, data: new Float32Array(Uint8Array.from(data.subarray(from, to)).buffer) }
    covered += to - from
  }
  if (covered !== data.length) refuse('its tensors overlap or leave gaps')
  return weights
}
