/** How rows are put: mappings in bits, samples in blocks, events and numbers. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addToBlock, rowIn, rowsIn, withoutRows } from './blocks.ts'
import { allIn, batchesIn, batchIn, decodeMatches, encodeMatches, samplesIn } from './matches-row.ts'

const seed = { seed: 1 }

describe('a mapping in bits', () => {
  const number = fc.oneof(fc.nat(40), fc.nat(100_000), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
  const batch = fc.uniqueArray(number, { maxLength: 40 }).map((ids) => Uint32Array.from(ids).sort())
  const matches = fc.record({
    batches: fc.array(batch, { maxLength: 14 }),
    until: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  })

  it('gives back any batches as they were, whole and one by one', () => {
    fc.assert(
      fc.property(matches, (given) => {
        const row = encodeMatches(given)
        expect(decodeMatches(row)).toEqual(given)
        expect(batchesIn(row)).toBe(given.batches.length)
        for (const [n, batch] of given.batches.entries()) expect(batchIn(row, n)).toEqual(batch)
        expect(batchIn(row, given.batches.length)).toBeUndefined()
        const all = given.batches.flatMap((batch) => [...batch])
        expect(samplesIn(row)).toBe(all.length)
        expect([...allIn(row)]).toEqual(all.sort((a, b) => a - b))
      }),
      seed,
    )
  })

  it('takes, by hand: 8 bytes, and for the numbers 5, 6, 7, 1000 in two batches 4 × 1 + 6 + 1 + 1 + 2 + 10 bits or less', () => {
    const row = encodeMatches({ batches: [Uint32Array.of(5, 7), Uint32Array.of(6, 1000)], until: 9 })
    // 993 − 17 = 976 by 2⁹: quotient 1 in two bits and nine bits more.
    expect(row.length).toBe(8 + Math.ceil((4 + 6 + 1 + 1 + 2 + 2 + 9) / 8))
  })

  it('takes less than 14 bits for a sample of a day’s worth among millions', () => {
    const ids = Array.from({ length: 100 }, (_, i) => i * 54_000 + ((i * 7919) % 50_000)).flatMap((id) => [
      id,
      id + 1,
    ])
    const batches = Array.from({ length: 8 }, (_, n) => Uint32Array.from(ids.filter((_, i) => i % 8 === n)))
    expect((8 * encodeMatches({ batches, until: 1 }).length) / ids.length).toBeLessThan(14)
  })
})

describe('rows in a block', () => {
  const row = fc.uint8Array({ minLength: 1, maxLength: 300 })

  it('are those of a plain list, whatever was added and taken out', () => {
    const steps = fc.array(fc.oneof(fc.array(row, { maxLength: 3 }), fc.nat(12)), { maxLength: 10 })
    fc.assert(
      fc.property(steps, (steps) => {
        let block: Buffer | undefined
        const list: (Uint8Array | undefined)[] = []
        for (const step of steps)
          if (typeof step !== 'number') {
            block = addToBlock(block, step)
            list.push(...step)
          } else if (block) {
            block = withoutRows(block, new Set([step]))
            if (step < list.length) list[step] = undefined
          }
        if (!block) return
        expect(rowsIn(block)).toHaveLength(list.length)
        for (const [place, row] of [...list, undefined].entries())
          expect(rowIn(block, place)).toEqual(row && Buffer.from(row))
      }),
      seed,
    )
  })
})
