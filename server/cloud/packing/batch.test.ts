import { createCipheriv } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Catalogue } from '../../../shared/catalogue.ts'
import { decodeBatch, encodeSample } from '../../../shared/codec.ts'
import type { Sample } from '../../../shared/sample.ts'
import { layoutOf } from '../../../shared/schema.ts'
import { schemas } from '../../../shared/schemas/index.ts'
import { assembleBatch, type BatchTerms, outsideIds } from './batch.ts'
import { learnCode } from './code.ts'
import { createPacking } from './packing.ts'

const DAY = 86_400_000
const catalogue: Catalogue = {
  name: 'toy',
  noun: 'thing',
  categories: ['red', 'green'],
  items: Array.from({ length: 300 }, (_, i) => ({ key: `k${i}`, title: `Thing ${i}`, categories: [i % 2] })),
}
const schema = schemas.demo(catalogue)
const layout = layoutOf(schema)
const sampleOf = (n: number): Sample => ({
  at: (20_000 + n) * DAY,
  label: n % 2 === 0 ? 0 : 1,
  ids: Int32Array.from({ length: layout.idWidth }, (_, i) =>
    layout.slots[1]!.at === i ? 2 : 2 + ((n + i) % 300),
  ).fill(0, layout.slots[1]!.at + 1),
  dense: new Float32Array(layout.denseWidth).fill(n / 64),
})
const numbers = Array.from({ length: 25 }, (_, i) => 1000 + i)
const rows = numbers.map((n) => encodeSample(layout, sampleOf(n - 1000), DAY))
const packing = createPacking(learnCode(rows))
const key = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
/** Samples whose rows, packed, are these. */
const kept = (rows: readonly (Uint8Array | undefined)[]): BatchTerms['samples'] => ({
  async read(ids, look) {
    Array.from(ids).forEach((id, i) => {
      const row = rows[numbers.indexOf(id)]
      if (row) look(i, row, 0, row.length)
    })
  },
})
const packed = rows.map((row) => packing.pack(row))
const terms = { schema, dayMs: DAY, packings: { of: () => packing }, key, samples: kept(packed) }
const hex = (ids: Buffer) =>
  Array.from({ length: ids.length / 8 }, (_, i) => ids.toString('hex', 8 * i, 8 * i + 8))

describe('the outside ids of samples', () => {
  it('are the first half of one AES block each', () => {
    const block = Buffer.from('000003e8000000070000000000000000', 'hex')
    const due = createCipheriv('aes-128-ecb', key, null).update(block).toString('hex', 0, 8)
    expect(hex(outsideIds(key, 7, [1000]))).toEqual([due])
    expect(hex(outsideIds(key, 7, [5, 1000]))[1]).toBe(due)
  })

  it('have nothing in common between recipients, folders and samples', () => {
    const all = [
      ...hex(outsideIds(key, 7, numbers)),
      ...hex(outsideIds(key, 8, numbers)),
      ...hex(outsideIds(Buffer.alloc(16), 7, numbers)),
    ]
    expect(new Set(all).size).toBe(75)
    expect(hex(outsideIds(key, 7, []))).toEqual([])
  })
})

describe('an assembled batch', () => {
  it('holds the samples under their ids, in the order of the ids', async () => {
    const samples = decodeBatch(schema, await assembleBatch(terms, 7, numbers))
    const ids = hex(outsideIds(key, 7, numbers))
    expect(samples.map(({ id }) => id)).toEqual([...ids].sort())
    for (const { id, ...sample } of samples) expect(sample).toEqual(sampleOf(ids.indexOf(id)))
  })

  it('may hold samples that were packed by different codes', async () => {
    const later = createPacking(learnCode([rows[0]!]))
    const packings = { of: (sample: number) => (sample < 1010 ? packing : later) }
    const mixed = rows.map((row, i) => (i < 10 ? packing : later).pack(row))
    const samples = decodeBatch(
      schema,
      await assembleBatch({ ...terms, packings, samples: kept(mixed) }, 7, numbers),
    )
    const ids = hex(outsideIds(key, 7, numbers))
    expect(new Set(samples.map(({ id }) => id))).toEqual(new Set(ids))
    for (const { id, ...sample } of samples) expect(sample).toEqual(sampleOf(ids.indexOf(id)))
  })

  it('leaves out what is gone, and may be empty', async () => {
    const some = packed.map((row, i) => (i % 5 === 0 ? row : undefined))
    expect(
      decodeBatch(schema, await assembleBatch({ ...terms, samples: kept(some) }, 7, numbers))
        .map(({ at }) => at)
        .sort(),
    ).toEqual([0, 5, 10, 15, 20].map((n) => (20_000 + n) * DAY))
    expect(decodeBatch(schema, await assembleBatch(terms, 7, []))).toEqual([])
  })

  it('is the same whatever is put together at the same time', async () => {
    const recipients = [1, 2, 3, 4]
    const alone = []
    for (const recipient of recipients) alone.push(await assembleBatch(terms, recipient, numbers))
    const together = await Promise.all(
      recipients.map((recipient) => assembleBatch(terms, recipient, numbers)),
    )
    expect(together).toEqual(alone)
  })
})
