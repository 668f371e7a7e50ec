/** Batches as they leave the server: samples by ids that say nothing, in an order that says nothing, put together from packed rows. */
import { createCipheriv } from 'node:crypto'
import { batchHead } from '../../../shared/codec.ts'
import type { FeatureSchema } from '../../../shared/schema.ts'
import type { Packings } from './folder.ts'
import { joinRows } from './packing.ts'

const BLOCK = 16
const ID = 8

/**
 * What samples are called by one recipient: the same at each time and no way back to their numbers; two recipients cannot tell
 * whether they were given the same sample. Eight bytes for each.
 */
export function outsideIds(key: Buffer, recipient: number, samples: readonly number[]): Buffer {
  const blocks = Buffer.alloc(BLOCK * samples.length)
  samples.forEach((sample, i) => {
    blocks.writeUInt32BE(sample, BLOCK * i)
    blocks.writeUInt32BE(recipient, BLOCK * i + 4)
  })
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  const hidden = cipher.update(blocks)
  const ids = Buffer.allocUnsafe(ID * samples.length)
  for (let i = 0; i < samples.length; i++) hidden.copy(ids, ID * i, BLOCK * i, BLOCK * i + ID)
  return ids
}

export interface BatchTerms {
  readonly schema: FeatureSchema
  readonly dayMs: number
  readonly packings: Pick<Packings, 'of'>
  /** 16 bytes, the folder's own. */
  readonly key: Buffer
}

/** The batch of these samples as raw deflate; `rows` are their packed rows, undefined for those that are gone. */
export function assembleBatch(
  { schema, dayMs, packings, key }: BatchTerms,
  recipient: number,
  numbers: ArrayLike<number>,
  rows: readonly (Uint8Array | undefined)[],
): Uint8Array<ArrayBuffer> {
  const there = Array.from(numbers).filter((_, i) => rows[i])
  const packed = rows.filter((row) => row !== undefined)
  const ids = outsideIds(key, recipient, there)
  // In the order of their numbers, one person's samples would stand together.
  const order = packed
    .map((_, i) => i)
    .sort((a, b) => ids.compare(ids, ID * b, ID * b + ID, ID * a, ID * a + ID))
  const used = new Set(there.map((number) => packings.of(number)))
  const parts = [...used].map((packing) => ({
    packing,
    order: order.filter((i) => packings.of(there[i]!) === packing),
  }))
  const told = parts.flatMap(({ order }) => order.map((i) => ids.subarray(ID * i, ID * i + ID)))
  return joinRows(
    batchHead(schema, dayMs, Buffer.concat(told)),
    parts.map(({ packing, order }) => ({ packing, packed: order.map((i) => packed[i]!) })),
  )
}
