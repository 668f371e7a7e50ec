import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeLengths, codesOf, decodingTable } from './huffman.ts'

const cost = (weights: readonly number[], lengths: Iterable<number>): number =>
  [...lengths].reduce((sum, length, i) => sum + length * weights[i]!, 0)
const kraft = (lengths: Iterable<number>): number =>
  [...lengths].reduce((sum, length) => sum + 2 ** -length, 0)

/** The least cost of any prefix code within the limit, by trying all lengths. */
function cheapest(weights: readonly number[], limit: number): number {
  let best = Number.POSITIVE_INFINITY
  const lengths: number[] = []
  const go = () => {
    if (kraft(lengths) > 1) return
    if (lengths.length === weights.length) {
      best = Math.min(best, cost(weights, lengths))
      return
    }
    for (let length = 1; length <= limit; length++) {
      lengths.push(length)
      go()
      lengths.pop()
    }
  }
  go()
  return best
}

describe('a prefix code', () => {
  it('is the cheapest of all within its limit, and complete', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(weights, fc.integer({ min: 3, max: 5 }), (weights, limit) => {
        const lengths = codeLengths(weights, limit)
        expect(Math.max(...lengths)).toBeLessThanOrEqual(limit)
        expect(kraft(lengths)).toBe(1)
        expect(cost(weights, lengths)).toBe(cheapest(weights, limit))
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('keeps its limit where the weights differ by far more', () => {
    const weights = Array.from({ length: 286 }, (_, i) => 2 ** Math.min(i, 60))
    const lengths = codeLengths(weights, 15)
    expect(Math.max(...lengths)).toBe(15)
    expect(kraft(lengths)).toBe(1)
  })

  it('cannot have more codes than its limit has bits for', () => {
    expect(() => codeLengths(new Uint8Array(9).fill(1), 3)).toThrow(RangeError)
  })

  it('is the example of RFC 1951, 3.2.2: lengths 3 3 3 3 3 2 4 4, codes 010 … 1111', () => {
    const lengths = Uint8Array.of(3, 3, 3, 3, 3, 2, 4, 4)
    const written = [...codesOf(lengths)].map((code, i) =>
      [...code.toString(2).padStart(lengths[i]!, '0')].reverse().join(''),
    )
    expect(written).toEqual(['010', '011', '100', '101', '110', '00', '1110', '1111'])
    const table = decodingTable(lengths)
    for (const [symbol, code] of codesOf(lengths).entries())
      for (const beyond of [0, 1, 77])
        expect(table[code | (beyond << lengths[symbol]!)]).toBe(symbol * 16 + lengths[symbol]!)
  })
})
