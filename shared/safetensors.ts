/**
 * Tensors as a safetensors file: 8 bytes little-endian header length, a JSON header, the tensors' bytes.
 * Only F32 (weights) and I32 (ids) are read or written. The format is https://github.com/huggingface/safetensors
 * (format section).
 */
import * as z from 'zod'
import { AppError } from './failure.ts'
import { sizeOf, type Tensor, type Weights } from './model/weights.ts'

/** Integers in a file: which rows a tensor beside it holds. */
export interface IdTensor {
  readonly shape: readonly number[]
  readonly data: Int32Array<ArrayBuffer>
}
export type Tensors = Readonly<Record<string, Tensor | IdTensor>>

const entrySchema = z.object({
  dtype: z.enum(['F32', 'I32']),
  shape: z.array(z.int().min(0)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
})
const headerSchema = z.record(z.string(), z.unknown())

/** Header longer than this is refused before it is parsed. */
const MAX_HEADER = 1 << 20

export function writeSafetensors(tensors: Tensors): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {}
  let end = 0
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const dtype = data instanceof Int32Array ? 'I32' : 'F32'
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] }
    end += data.byteLength
  }
  // The format aligns the data to 8 bytes by padding the header with spaces.
  const json = JSON.stringify(header)
  const text = new TextEncoder().encode(json + ' '.repeat((8 - (json.length % 8)) % 8))
  const bytes = new Uint8Array(8 + text.length + end)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  let at = 8 + text.length
  for (const { data } of Object.values(tensors)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

/** The same for a file of weights alone: one with another tensor than F32 is refused, too. */
export function readSafetensors(bytes: Uint8Array): Weights {
  const weights: Record<string, Tensor> = {}
  for (const [name, tensor] of Object.entries(readTensors(bytes))) {
    if (!isWeight(tensor)) throw refusal(`tensor ${name} is not F32`)
    weights[name] = tensor
  }
  return weights
}

export const isWeight = (tensor: Tensor | IdTensor): tensor is Tensor => tensor.data instanceof Float32Array

/** Throws `bad-artifact`, saying what is wrong, for anything that is not a whole and consistent file of F32 and I32 tensors. */
export function readTensors(bytes: Uint8Array): Tensors {
  const { header, data } = open(bytes)
  const tensors: Record<string, Tensor | IdTensor> = {}
  let covered = 0
  for (const [name, { dtype, shape, data_offsets }] of header) {
    const [from, to] = data_offsets
    if (to > data.length || to - from !== sizeOf(shape) * 4)
      throw refusal(`tensor ${name} does not fill its place`)
    // A copy: the file's offsets need not be aligned for a view of 4-byte numbers. (`slice` of a Node Buffer copies nothing.)
    const { buffer } = Uint8Array.from(data.subarray(from, to))
    tensors[name] =
      dtype === 'F32' ? { shape, data: new Float32Array(buffer) } : { shape, data: new Int32Array(buffer) }
    covered += to - from
  }
  if (covered !== data.length) throw refusal('its tensors overlap or leave gaps')
  return tensors
}

type Entry = z.infer<typeof entrySchema>

/** The header's entries by name, and the bytes that their offsets count in. */
function open(bytes: Uint8Array): { header: [name: string, entry: Entry][]; data: Uint8Array } {
  if (bytes.length < 8) throw refusal('it is shorter than its length field')
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > MAX_HEADER || 8 + length > bytes.length) throw refusal('its header does not fit the file')
  const { __metadata__: _, ...entries } = parseHeader(bytes.subarray(8, 8 + length))
  const header = Object.entries(entries).map(([name, value]): [string, Entry] => {
    const entry = entrySchema.safeParse(value)
    if (!entry.success) throw refusal(`tensor ${name} is not F32 or I32 with a shape and offsets`)
    return [name, entry.data]
  })
  return { header, data: bytes.subarray(8 + length) }
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw refusal('its header is not JSON')
  }
  const header = headerSchema.safeParse(value)
  if (!header.success) throw refusal('its header is not an object')
  return header.data
}

const refusal = (why: string): AppError =>
  new AppError('bad-artifact', `Not a usable safetensors file: ${why}.`)
