import { constants, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { inflateSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { type Code, codeSchema, learnCode } from './code.ts'
import { codeLengths } from './huffman.ts'
import { createJoiner } from './joiner.ts'
import { createPacking, type Packing } from './packing.ts'

/** Any code that has everything; most are far from what suits the rows. */
const anyCode: fc.Arbitrary<Code> = fc
  .record({
    symbols: fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 286, maxLength: 286 }),
    distances: fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 30, maxLength: 30 }),
  })
  .map(({ symbols, distances }) => ({
    symbols: [...codeLengths(symbols, 15)],
    distances: [...codeLengths(distances, 15)],
  }))

/** Rows with and without repetition, of any length. */
const anyRow = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.array(fc.nat(3), { maxLength: 700 }).map((values) => Uint8Array.from(values)),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(900))
    .map(([unit, length]) => Uint8Array.from({ length }, (_, i) => unit[i % unit.length]!)),
)
const bytes = (...parts: Uint8Array[]) => [...Buffer.concat(parts)]
const joiner = createJoiner()
/** By one joiner for all, which takes a row at the beginning of whatever holds it. */
function joinRows(head: Uint8Array, parts: readonly { packing: Packing; packed: readonly Uint8Array[] }[]) {
  for (const { packing, packed } of parts)
    for (const row of packed) joiner.add(packing, Uint8Array.of(255, ...row, 255), 1, 1 + row.length)
  return joiner.take(head)
}

describe('packed rows', () => {
  it('of any code are, joined behind any head, a deflate stream of exactly these bytes', () => {
    fc.assert(
      fc.property(
        anyCode,
        fc.uint8Array({ maxLength: 300 }),
        fc.array(anyRow, { maxLength: 8 }),
        (code, head, rows) => {
          const packing = createPacking(code)
          const stream = joinRows(head, [{ packing, packed: rows.map(packing.pack) }])
          expect([...inflateSync(stream)]).toEqual(bytes(head, ...rows))
          // zlib refuses what follows a stream, and one that does not end.
          expect([...inflateRawSync(stream, { finishFlush: constants.Z_FINISH })]).toEqual(
            bytes(head, ...rows),
          )
        },
      ),
      { seed: 1, numRuns: 120 },
    )
  })

  it('of several codes are one stream, part by part', () => {
    const part = fc.tuple(anyCode, fc.array(anyRow, { maxLength: 4 }))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.array(part, { maxLength: 4 }), (head, parts) => {
        const stream = joinRows(
          head,
          parts.map(([code, rows]) => {
            const packing = createPacking(code)
            return { packing, packed: rows.map(packing.pack) }
          }),
        )
        const due = bytes(head, ...parts.flatMap(([, rows]) => rows))
        expect([...inflateSync(stream)]).toEqual(due)
        expect([...inflateRawSync(stream, { finishFlush: constants.Z_FINISH })]).toEqual(due)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('are unpacked to what they were, whatever was unpacked before', () => {
    fc.assert(
      fc.property(anyCode, fc.array(anyRow, { minLength: 1, maxLength: 8 }), (code, rows) => {
        const { pack, unpack } = createPacking(code)
        for (const packed of rows.map(pack).toReversed())
          expect([...unpack(packed)]).toEqual([...rows.find((row) => String(pack(row)) === String(packed))!])
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('go back as far as 32,768 bytes and no farther, and are as long as they need', () => {
    const noise = Uint8Array.from({ length: 40_000 }, (_, i) => (Math.imul(i, 0x9e3779b1) >>> 13) & 255)
    const row = Uint8Array.from([...noise, ...noise.subarray(-32_768), ...noise.subarray(0, 300)])
    const packing = createPacking(learnCode([row]))
    const { pack, unpack } = packing
    expect(pack(row).length).toBeLessThan(45_000)
    expect(Buffer.compare(unpack(pack(row)), row)).toBe(0)
    expect(
      Buffer.compare(inflateRawSync(joinRows(new Uint8Array(), [{ packing, packed: [pack(row)] }])), row),
    ).toBe(0)
  })

  it('take less with a code that was learnt from rows like them, and much less where a row repeats itself', () => {
    const like = (seed: number) =>
      Uint8Array.from({ length: 400 }, (_, i) => Math.clz32(Math.imul(i + seed * 1000, 0x9e3779b1)) + 100)
    const learnt = createPacking(learnCode([1, 2, 3, 4].map(like)))
    // By hand: the number of leading zeros of evenly spread numbers has an entropy of two bits.
    expect(learnt.pack(like(9)).length).toBeLessThan((400 * 2.2) / 8)
    expect(learnt.pack(Uint8Array.from([...like(9), ...like(9)])).length).toBeLessThan(
      learnt.pack(like(9)).length + 12,
    )
  })

  it('have a code that has everything, and fits what is stored', () => {
    const code = learnCode([Uint8Array.of(1, 2, 3)])
    expect(codeSchema.parse(JSON.parse(JSON.stringify(code)))).toEqual(code)
  })

  it('that are cut, or anything else, are refused or are some other row: never the same, and never for ever', () => {
    const row = Uint8Array.from({ length: 200 }, (_, i) => i % 17)
    const { pack, unpack } = createPacking(learnCode([row]))
    const packed = pack(row)
    const other = (bytes: Uint8Array) => {
      try {
        expect(String(unpack(bytes))).not.toBe(String(row))
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }
    for (let length = 0; length < packed.length; length++) other(packed.slice(0, length))
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), other), { seed: 1 })
    expect(() => unpack(Uint8Array.of())).toThrow(RangeError)
    expect(() => unpack(Uint8Array.of(3, 0))).toThrow(RangeError)
  })
})
