import fc from 'fast-check'
import { deflateSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import type { Catalogue } from './catalogue.ts'
import { decodeBatch, decodeSample, encodeSample, joinBatch } from './codec.ts'
import { quantise, type Sample } from './sample.ts'
import { type FeatureSchema, layoutOf } from './schema.ts'
import { type SchemaName, schemas } from './schemas/index.ts'

const DAY = 86_400_000
const catalogue: Catalogue = {
  name: 'toy',
  noun: 'thing',
  categories: ['red', 'green', 'blue'],
  items: Array.from({ length: 300 }, (_, i) => ({ key: `k${i}`, title: `Thing ${i}`, categories: [i % 3] })),
}

/** Any sample that generation could make for `schema`. */
function anySample(schema: FeatureSchema): fc.Arbitrary<Sample> {
  const layout = layoutOf(schema)
  const ids = layout.slots
    .filter(({ feature }) => feature.kind !== 'dense')
    .map(({ feature, width }) => {
      const size = feature.kind === 'dense' ? 0 : schema.vocabularies[feature.vocabulary]!.size
      const id = fc.integer({ min: 1, max: size - 1 })
      const count = feature.kind === 'sequence' ? { maxLength: width } : { minLength: 1, maxLength: 1 }
      return fc
        .array(id, count)
        .map((found) => [...found, ...Array(width - found.length).fill(0)] as number[])
    })
  return fc
    .record({
      day: fc.integer({ min: 0, max: 40_000 }),
      label: fc.constantFrom(0 as const, 1 as const),
      ids: fc.tuple(...ids),
      dense: fc.array(fc.double({ min: -900, max: 900, noNaN: true }), {
        minLength: layout.denseWidth,
        maxLength: layout.denseWidth,
      }),
    })
    .map(({ day, label, ids, dense }) => ({
      at: day * DAY,
      label,
      ids: Int32Array.from(ids.flat()),
      dense: Float32Array.from(dense.map(quantise)),
    }))
}

describe.each(Object.keys(schemas) as SchemaName[])('the codec of the %s schema', (name) => {
  const schema = schemas[name](catalogue)
  const layout = layoutOf(schema)

  it('gives back every sample as it was, alone and in a batch', () => {
    fc.assert(
      fc.property(fc.array(anySample(schema), { minLength: 1, maxLength: 5 }), (samples) => {
        const rows = samples.map((sample, i) => ({
          id: (i + 1).toString(16).padStart(16, 'a'),
          row: encodeSample(layout, sample, DAY),
        }))
        expect(rows.map(({ row }) => decodeSample(schema, row, DAY))).toEqual(samples)
        const batch = deflateSync(joinBatch(schema, DAY, rows))
        expect(decodeBatch(schema, batch)).toEqual(
          samples.map((sample, i) => ({ id: rows[i]!.id, ...sample })),
        )
      }),
      { numRuns: 30, seed: 1 },
    )
  })

  it('refuses every truncation of a batch with a failure of its own, never a crash or a wrong sample', () => {
    const [sample] = fc.sample(anySample(schema), { numRuns: 1, seed: 2 })
    const whole = joinBatch(schema, DAY, [
      { id: '0123456789abcdef', row: encodeSample(layout, sample!, DAY) },
    ])
    for (let length = 0; length < whole.length; length += 1 + Math.floor(whole.length / 50))
      expect(() => decodeBatch(schema, deflateSync(whole.slice(0, length)))).toThrow(
        expect.objectContaining({ name: 'AppError' }),
      )
  })
})

describe('a batch from outside', () => {
  const schema = schemas.demo(catalogue)
  const layout = layoutOf(schema)
  const sample: Sample = {
    at: 3 * DAY + 12_345,
    label: 1,
    ids: new Int32Array(layout.idWidth).fill(2),
    dense: new Float32Array(layout.denseWidth),
  }
  const row = encodeSample(layout, sample, DAY)
  const join = (id = 'ffffffffffffffff', bytes = row) => joinBatch(schema, DAY, [{ id, row: bytes }])

  it('carries the day of a sample and no finer time', () => {
    expect(decodeBatch(schema, deflateSync(join()))[0]!.at).toBe(3 * DAY)
  })

  it.each([
    ['bytes that are not deflate', new Uint8Array([1, 2, 3, 4]), /deflate|samples/],
    ['other bytes, deflated', deflateSync(new TextEncoder().encode('<html>sign in</html>')), /Not a batch/],
    ['a zip bomb', deflateSync(new Uint8Array(64 << 20)), /too much/],
    ['bytes after the last sample', deflateSync(Uint8Array.from([...join(), 0])), /goes on/],
    [
      'an id that the vocabulary lacks',
      deflateSync(join(undefined, tooLargeAnId())),
      /Feature target has the id/,
    ],
  ])('is refused when it is %s', (_, bytes, message) => {
    expect(() => decodeBatch(schema, bytes)).toThrow(message)
  })

  function tooLargeAnId(): Uint8Array<ArrayBuffer> {
    const ids = sample.ids.slice()
    ids[0] = 302
    return encodeSample(layout, { ...sample, ids }, DAY)
  }

  it('of another schema version says so', () => {
    const next = { ...schema, version: 2 }
    expect(() => decodeBatch(next, deflateSync(join()))).toThrow(/demo@1.*demo@2/)
  })

  it('that lies about its count is refused', () => {
    const lying = join()
    lying[4 + 'demo@1'.length + 4] = 9 // header: KB, version, length, name, day length in four bytes, then the count
    expect(() => decodeBatch(schema, deflateSync(lying))).toThrow(/too early/)
  })

  it('of more samples than a task may ask for is refused', () => {
    const rows = Array.from({ length: 41 }, () => ({ id: 'ffffffffffffffff', row }))
    expect(decodeBatch(schema, deflateSync(joinBatch(schema, DAY, rows.slice(1))))).toHaveLength(40)
    expect(() => decodeBatch(schema, deflateSync(joinBatch(schema, DAY, rows)))).toThrow(/41 samples/)
  })

  it('of random bytes, or with any bytes changed, is a whole batch or a failure of its own', () => {
    const whole = join()
    const changed = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = whole.slice()
        for (const [at, value] of changes) bytes[at] = value
        return bytes
      })
    const noise = fc.uint8Array({ maxLength: 400 })
    fc.assert(
      fc.property(fc.oneof(changed, noise), fc.boolean(), (bytes, deflated) => {
        try {
          for (const { ids, dense, label } of decodeBatch(schema, deflated ? deflateSync(bytes) : bytes)) {
            expect(ids).toHaveLength(layout.idWidth)
            expect(ids.every((id) => id >= 0 && id < 302)).toBe(true)
            expect(dense.every(Number.isFinite)).toBe(true)
            expect([0, 1]).toContain(label)
          }
        } catch (error) {
          expect(error).toMatchObject({ name: 'AppError', code: expect.stringMatching(/bad-input|version/) })
        }
      }),
      { numRuns: 2000, seed: 3 },
    )
  })
})
