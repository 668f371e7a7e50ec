/**
 * Samples as bytes. One sample is a row of varints, so that rows can be stored once and joined into any batch:
 *   day · label · for each feature in the schema's order —
 *     categorical: id · sequence: count, then its ids without padding · dense: each value × 1024, zigzag
 * A batch is deflated (RFC 1951): 'KB' · version 2 · length-prefixed schema name@version · day length in ms ·
 *   count · count × 8 bytes sample id · count × row.
 * docs/wire-format.md tells all of it to those who write another reader.
 */
import { inflateSync } from 'fflate'
import { AppError } from './failure.ts'
import { DENSE_STEPS, type MatchedSample, type Sample } from './sample.ts'
import { type FeatureSchema, type Layout, layoutOf } from './schema.ts'

/** 1, with each id before its row, was never released. */
const VERSION = 2
/** A batch that inflates beyond this is refused: 40 samples of 600 ids take 100 KB. */
const MAX_BATCH_BYTES = 1 << 20
/** The most that any task allows (`batchMax`). */
const MAX_SAMPLES = 40
const ID_BYTES = 8

/** Bytes of an encoded sample, as long as needed. */
class Writer {
  private bytes = new Uint8Array(256)
  private at = 0
  /** An unsigned integer below 2⁵³, 7 bits a byte, least first. */
  varint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.byte((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    this.byte(rest)
  }
  raw(bytes: Uint8Array): void {
    for (const byte of bytes) this.byte(byte)
  }
  byte(value: number): void {
    if (this.at === this.bytes.length) {
      const grown = new Uint8Array(this.bytes.length * 2)
      grown.set(this.bytes)
      this.bytes = grown
    }
    this.bytes[this.at++] = value
  }
  done(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.at)
  }
}

class Reader {
  private at = 0
  private readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  byte(): number {
    const value = this.bytes[this.at++]
    if (value === undefined) throw new AppError('bad-input', 'Sample bytes end too early.')
    return value
  }
  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) break
      if (scale > 2 ** 42) throw new AppError('bad-input', 'A number in the sample bytes is too long.')
    }
    if (value > Number.MAX_SAFE_INTEGER)
      throw new AppError('bad-input', 'A number in the sample bytes is too large.')
    return value
  }
  raw(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw new AppError('bad-input', 'Sample bytes end too early.')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
  get exhausted(): boolean {
    return this.at === this.bytes.length
  }
}

const zigzag = (n: number) => (n >= 0 ? n * 2 : -n * 2 - 1)
const unzigzag = (n: number) => (n % 2 === 0 ? n / 2 : -(n + 1) / 2)

/** One sample's row; its time becomes the day it falls in, and no finer. */
export function encodeSample(layout: Layout, sample: Sample, dayMs: number): Uint8Array<ArrayBuffer> {
  const out = new Writer()
  out.varint(Math.floor(sample.at / dayMs))
  out.byte(sample.label)
  for (const { feature, at, width } of layout.slots) {
    if (feature.kind === 'dense') {
      for (let i = at; i < at + width; i++) out.varint(zigzag(Math.round(sample.dense[i]! * DENSE_STEPS)))
    } else if (feature.kind === 'categorical') {
      out.varint(sample.ids[at]!)
    } else {
      let length = width
      while (length > 0 && sample.ids[at + length - 1] === 0) length--
      out.varint(length)
      for (let i = at; i < at + length; i++) out.varint(sample.ids[i]!)
    }
  }
  return out.done()
}

function readSample(schema: FeatureSchema, layout: Layout, dayMs: number, from: Reader): Sample {
  const at = from.varint() * dayMs
  if (!Number.isSafeInteger(at)) throw new AppError('bad-input', 'The day of a sample is too far off.')
  const label = from.byte()
  if (label !== 0 && label !== 1) throw new AppError('bad-input', `A sample's label is ${label}, not 0 or 1.`)
  const ids = new Int32Array(layout.idWidth)
  const dense = new Float32Array(layout.denseWidth)
  for (const { feature, at: start, width } of layout.slots) {
    if (feature.kind === 'dense') {
      for (let i = 0; i < width; i++) dense[start + i] = unzigzag(from.varint()) / DENSE_STEPS
      continue
    }
    const { size } = schema.vocabularies[feature.vocabulary]!
    const length = feature.kind === 'sequence' ? from.varint() : 1
    if (length > width)
      throw new AppError('bad-input', `Feature ${feature.name} has ${length} ids, at most ${width} fit.`)
    for (let i = 0; i < length; i++) {
      const id = from.varint()
      if (id >= size)
        throw new AppError('bad-input', `Feature ${feature.name} has the id ${id}, below ${size} is due.`)
      ids[start + i] = id
    }
  }
  return { at, label, ids, dense }
}

/** The inverse of `encodeSample`. Throws `bad-input` for bytes that are not exactly one row of this schema. */
export function decodeSample(schema: FeatureSchema, bytes: Uint8Array, dayMs: number): Sample {
  const from = new Reader(bytes)
  const sample = readSample(schema, layoutOf(schema), dayMs, from)
  if (!from.exhausted) throw new AppError('bad-input', 'Sample bytes go on after their end.')
  return sample
}

const label = (schema: FeatureSchema) => new TextEncoder().encode(`${schema.name}@${schema.version}`)

/** What every batch of a schema begins with. */
const beginnings = new WeakMap<FeatureSchema, { dayMs: number; bytes: Uint8Array }>()

function beginningOf(schema: FeatureSchema, dayMs: number): Uint8Array {
  const known = beginnings.get(schema)
  if (known?.dayMs === dayMs) return known.bytes
  const out = new Writer()
  out.raw(new TextEncoder().encode('KB'))
  out.byte(VERSION)
  const name = label(schema)
  out.varint(name.length)
  out.raw(name)
  out.varint(dayMs)
  const bytes = out.done()
  beginnings.set(schema, { dayMs, bytes })
  return bytes
}

/** What comes before the rows in a batch that is not deflated; `ids` are eight bytes for each sample. */
export function batchHead(schema: FeatureSchema, dayMs: number, ids: Uint8Array): Uint8Array<ArrayBuffer> {
  const beginning = beginningOf(schema, dayMs)
  const count = ids.length / ID_BYTES
  if (count > 127) throw new RangeError('a varint of one byte tells how many samples a batch has')
  const head = new Uint8Array(beginning.length + 1 + ids.length)
  head.set(beginning)
  head[beginning.length] = count
  head.set(ids, beginning.length + 1)
  return head
}

/** A batch before it is deflated; `id` is 16 hex digits. */
export function joinBatch(
  schema: FeatureSchema,
  dayMs: number,
  samples: readonly { id: string; row: Uint8Array }[],
): Uint8Array<ArrayBuffer> {
  const out = new Writer()
  out.raw(batchHead(schema, dayMs, Uint8Array.from(samples.flatMap(({ id }) => unhex(id)))))
  for (const { row } of samples) out.raw(row)
  return out.done()
}

const unhex = (text: string) => (text.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16))
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Reads a deflated batch. Throws `bad-input`, saying what is wrong, for anything but a whole batch of this schema. */
export function decodeBatch(schema: FeatureSchema, deflated: Uint8Array): MatchedSample[] {
  const from = new Reader(inflateBounded(deflated))
  if (from.byte() !== 0x4b || from.byte() !== 0x42) throw new AppError('bad-input', 'Not a batch of samples.')
  const version = from.byte()
  if (version !== VERSION)
    throw new AppError('version', `The batch has format ${version}; this device reads ${VERSION}.`)
  const name = new TextDecoder().decode(from.raw(from.varint()))
  const due = new TextDecoder().decode(label(schema))
  if (name !== due)
    throw new AppError('version', `The batch is of the schema ${name}; this device has ${due}.`)
  const dayMs = from.varint()
  if (dayMs === 0) throw new AppError('bad-input', 'The batch has days of no length.')
  const count = from.varint()
  if (count > MAX_SAMPLES) throw new AppError('bad-input', `A batch of ${count} samples is too large.`)
  const layout = layoutOf(schema)
  const ids = Array.from({ length: count }, () => hex(from.raw(ID_BYTES)))
  const samples = ids.map((id): MatchedSample => ({ id, ...readSample(schema, layout, dayMs, from) }))
  if (!from.exhausted) throw new AppError('bad-input', 'The batch goes on after its last sample.')
  return samples
}

/** fflate drops what does not fit the buffer it was given: a full one means a zip bomb, at the cost of the buffer. */
function inflateBounded(deflated: Uint8Array): Uint8Array {
  let inflated: Uint8Array
  try {
    inflated = inflateSync(deflated, { out: new Uint8Array(MAX_BATCH_BYTES) })
  } catch (cause) {
    throw new AppError('bad-input', 'The batch is not a whole deflate stream.', { cause })
  }
  if (inflated.length === MAX_BATCH_BYTES) throw new AppError('bad-input', 'The batch inflates to too much.')
  return inflated
}
