/** docs/wire-format.md promises a reader that works, and refusals; both are taken at their word. */
import { readFileSync } from 'node:fs'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { inflateSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import type { Catalogue } from '../../../shared/catalogue.ts'
import { decodeBatch, encodeSample, joinBatch } from '../../../shared/codec.ts'
import { quantise, type Sample } from '../../../shared/sample.ts'
import { type FeatureSchema, layoutOf } from '../../../shared/schema.ts'
import { type SchemaName, schemas } from '../../../shared/schemas/index.ts'
import { assembleBatch, type BatchTerms } from './batch.ts'
import { learnCode } from './code.ts'
import { createPacking } from './packing.ts'

const DAY = 86_400_000
const catalogue: Catalogue = {
  name: 'toy',
  noun: 'thing',
  categories: ['red', 'green', 'blue'],
  items: Array.from({ length: 300 }, (_, i) => ({ key: `k${i}`, title: `Thing ${i}`, categories: [i % 3] })),
}
const text = readFileSync(new URL('../../../docs/wire-format.md', import.meta.url), 'utf8')

interface Read {
  id: string
  at: number
  label: number
  features: Record<string, number | number[]>
}
/** The document's code, its import and its export handed in and out. */
const readBatch = new Function(
  'inflateSync',
  `${/```js\n([\s\S]*?)```/
    .exec(text)![1]!
    .replace(/^import.*$/m, '')
    .replace('export ', '')}\nreturn readBatch`,
)(inflateSync) as (schema: FeatureSchema, body: Uint8Array) => Read[]

const anySample = (schema: FeatureSchema): fc.Arbitrary<Sample> => {
  const layout = layoutOf(schema)
  return fc
    .record({
      day: fc.integer({ min: 0, max: 40_000 }),
      label: fc.constantFrom(0 as const, 1 as const),
      seed: fc.array(fc.nat(1 << 20), { minLength: 20, maxLength: 20 }),
    })
    .map(({ day, label, seed }) => {
      const ids = new Int32Array(layout.idWidth)
      const dense = new Float32Array(layout.denseWidth)
      for (const { feature, at, width } of layout.slots)
        for (let i = 0; i < width; i++) {
          const value = seed[(at + i) % seed.length]!
          if (feature.kind === 'dense') dense[at + i] = quantise((value - (1 << 19)) / 1000)
          else if (feature.kind === 'categorical' || i < seed[at % seed.length]! % (width + 1))
            ids[at + i] = 1 + (value % (schema.vocabularies[feature.vocabulary]!.size - 1))
        }
      return { at: day * DAY, label, ids, dense }
    })
}

/** Samples numbered from 0 whose packed rows are these. */
const kept = (rows: readonly Uint8Array[]): BatchTerms['samples'] => ({
  async read(ids, look) {
    Array.from(ids).forEach((id, i) => {
      look(i, rows[id]!, 0, rows[id]!.length)
    })
  },
})

/** A sample as the document's reader tells it. */
function told(schema: FeatureSchema, id: string, { at, label, ids, dense }: Sample): Read {
  const features = layoutOf(schema).slots.map(({ feature, at: from, width }) => {
    const own = [...ids.subarray(from, from + width)]
    if (feature.kind === 'dense') return [feature.name, [...dense.subarray(from, from + width)]]
    return [feature.name, feature.kind === 'categorical' ? own[0]! : own.filter((value) => value !== 0)]
  })
  return { id, at, label, features: Object.fromEntries(features) }
}

describe.each(Object.keys(schemas) as SchemaName[])(
  'the reader of docs/wire-format.md, of the %s schema',
  (name) => {
    const schema = schemas[name](catalogue)
    const layout = layoutOf(schema)

    it('reads what the server sends, as the device does', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anySample(schema), { minLength: 1, maxLength: 6 }), async (samples) => {
          const rows = samples.map((sample) => encodeSample(layout, sample, DAY))
          const packing = createPacking(learnCode(rows))
          const terms = {
            schema,
            dayMs: DAY,
            packings: { of: () => packing },
            key: Buffer.alloc(16, 7),
            samples: kept(rows.map((row) => packing.pack(row))),
          }
          const numbers = samples.map((_, i) => i)
          const body = await assembleBatch(terms, 1, numbers)
          const due = decodeBatch(schema, body).map(({ id, ...sample }) => told(schema, id, sample))
          expect(readBatch(schema, body)).toEqual(due)
          const sorted = (all: Read[]) => all.map(({ id: _, ...one }) => JSON.stringify(one)).sort()
          expect(sorted(due)).toEqual(sorted(samples.map((sample) => told(schema, '', sample))))
        }),
        { seed: 1, numRuns: 20 },
      )
    })
  },
)

describe('what docs/wire-format.md says is refused', () => {
  const schema = schemas.demo(catalogue)
  const layout = layoutOf(schema)
  const sample: Sample = {
    at: 3 * DAY,
    label: 1,
    ids: new Int32Array(layout.idWidth).fill(2),
    dense: new Float32Array(layout.denseWidth),
  }
  const row = encodeSample(layout, sample, DAY)
  const whole = joinBatch(schema, DAY, [{ id: '0123456789abcdef', row }])
  /** KB, version, length, demo@1, day length in four bytes, count, id; then the row. */
  const at = { format: 2, name: 4, day: 10, count: 14, row: 23 }
  const changed = (place: number, ...bytes: number[]) => {
    const copy = [...whole]
    copy.splice(place, bytes.length, ...bytes)
    return deflateRawSync(Buffer.from(copy))
  }
  const body = (bytes: readonly number[]) => deflateRawSync(Buffer.from(bytes))
  const rows = Array.from({ length: 41 }, () => ({ id: '0123456789abcdef', row }))
  const label = at.row + 1

  it.each([
    ['not a whole deflate stream', 'bad-input', deflateRawSync(Buffer.from(whole)).subarray(0, 20)],
    ['inflates to 1 MiB or more', 'bad-input', deflateRawSync(Buffer.alloc(1 << 20))],
    ['no magic', 'bad-input', changed(0, 0x4c)],
    ['another format', 'version', changed(at.format, 3)],
    ['another schema', 'version', changed(at.name, 0x44)],
    ['a day length of 0', 'bad-input', body([...whole.slice(0, at.day), 0, ...whole.slice(at.count)])],
    [
      'a day so far off',
      'bad-input',
      body([...whole.slice(0, at.row), 255, 255, 255, 255, 255, 255, 127, ...whole.slice(label)]),
    ],
    ['more than 40 samples', 'bad-input', deflateRawSync(joinBatch(schema, DAY, rows))],
    ['an end too early', 'bad-input', body([...whole.slice(0, -1)])],
    ['bytes after the last row', 'bad-input', body([...whole, 0])],
    ['a varint beyond 53 bits', 'bad-input', changed(at.row, 255, 255, 255, 255, 255, 255, 255, 255)],
    ['a label that is neither 0 nor 1', 'bad-input', changed(label, 2)],
    ['an id that its vocabulary does not have', 'bad-input', changed(label + 1, 0xff, 0x7f)],
    ['a sequence that is too long', 'bad-input', changed(label + 2, 4)],
  ])('is: %s', (what, code, body) => {
    expect(text).toContain(what)
    expect(decodeBatch(schema, deflateRawSync(Buffer.from(whole)))).toHaveLength(1)
    expect(() => decodeBatch(schema, body)).toThrow(expect.objectContaining({ name: 'AppError', code }))
  })
})
