/** Batches as they leave the server: samples by ids that say nothing, in an order that says nothing, put together from packed rows. */
import { type Cipher, createCipheriv } from 'node:crypto'
import { batchHead } from '../../../shared/codec.ts'
import type { FeatureSchema } from '../../../shared/schema.ts'
import type { SampleStore } from '../../store/ports/samples.ts'
import type { Packings } from './folder.ts'
import { createJoiner, type Joiner } from './joiner.ts'

const BLOCK = 16
const ID = 8

/** Blocks of a cipher without chaining have nothing to do with those before them, so one cipher serves for ever. */
const ciphers = new WeakMap<Buffer, Cipher>()

function cipherOf(key: Buffer): Cipher {
  let cipher = ciphers.get(key)
  if (!cipher) {
    cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
    ciphers.set(key, cipher)
  }
  return cipher
}

/**
 * What samples are called by one recipient: the same at each time and no way back to their numbers; two recipients cannot tell
 * whether they were given the same sample. Eight bytes for each.
 */
export function outsideIds(key: Buffer, recipient: number, samples: ArrayLike<number>): Buffer {
  const count = samples.length
  const blocks = Buffer.alloc(BLOCK * count)
  for (let i = 0; i < count; i++) {
    blocks.writeUInt32BE(samples[i]!, BLOCK * i)
    blocks.writeUInt32BE(recipient, BLOCK * i + 4)
  }
  const hidden = cipherOf(key).update(blocks)
  const ids = Buffer.allocUnsafe(ID * count)
  for (let i = 0; i < count; i++) copyId(hidden, BLOCK * i, ids, ID * i)
  return ids
}

function copyId(from: Uint8Array, at: number, to: Uint8Array, toAt: number): void {
  for (let i = 0; i < ID; i++) to[toAt + i] = from[at + i]!
}

export interface BatchTerms {
  readonly schema: FeatureSchema
  readonly dayMs: number
  readonly packings: Pick<Packings, 'of'>
  /** 16 bytes, the folder's own, always in the same buffer. */
  readonly key: Buffer
  /** Packed rows. */
  readonly samples: Pick<SampleStore, 'read'>
}

/** Those that are not at work: each has the memory that a batch took. */
const joiners: Joiner[] = []

/** The batch of those of these samples that are there, as raw deflate. */
export async function assembleBatch(
  { schema, dayMs, packings, key, samples }: BatchTerms,
  recipient: number,
  numbers: ArrayLike<number>,
): Promise<Uint8Array<ArrayBuffer>> {
  const ids = outsideIds(key, recipient, numbers)
  const order = inOrder(numbers, ids, packings)
  const joiner = joiners.pop() ?? createJoiner()
  const told = Buffer.allocUnsafe(ids.length)
  let count = 0
  const sorted = order.map((i) => numbers[i]!)
  await samples.read(sorted, (i, bytes, from, to) => {
    joiner.add(packings.of(sorted[i]!), bytes, from, to)
    copyId(ids, ID * order[i]!, told, ID * count++)
  })
  const batch = joiner.take(batchHead(schema, dayMs, told.subarray(0, ID * count)))
  joiners.push(joiner)
  return batch
}

/**
 * Places of the samples, those of one packing beside each other, by their ids: in the order of their numbers, one person's
 * samples would stand together.
 */
function inOrder(numbers: ArrayLike<number>, ids: Buffer, packings: Pick<Packings, 'of'>): number[] {
  const byName = sortedByName(ids)
  const used = new Set(byName.map((i) => packings.of(numbers[i]!)))
  if (used.size < 2) return byName
  return [...used].flatMap((packing) => byName.filter((i) => packings.of(numbers[i]!) === packing))
}

/** Places of the ids in their order; beyond the first 48 bits any does. So few are sorted the fastest by insertion. */
function sortedByName(ids: Buffer): number[] {
  const places: number[] = []
  const names = new Float64Array(ids.length / ID)
  for (let i = 0; i < names.length; i++) {
    const name = ids.readUInt32BE(ID * i) * 65_536 + ids.readUInt16BE(ID * i + 4)
    let at = i
    for (; at > 0 && names[at - 1]! > name; at--) {
      names[at] = names[at - 1]!
      places[at] = places[at - 1]!
    }
    names[at] = name
    places[at] = i
  }
  return places
}
