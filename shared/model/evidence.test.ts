import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evidenceOf, withEvidence } from './evidence.ts'

const logit = (p: number) => Math.log(p / (1 - p))

describe('borrowed samples as evidence', () => {
  it('speak for the item that they name, each by the square of the cosine and by how far the model was off', () => {
    // Cosines with (3, 4): 0.6, 1, −1, 0.
    const witnesses = {
      items: [7, 7, 7, 8, 9],
      surprise: [0.9, -0.2, 0.5, 0.5, 0.8],
      vectors: Float32Array.of(2, 0, 6, 8, -3, -4, 4, -3, 0, 0),
    }
    const found = evidenceOf(witnesses, Float32Array.of(3, 4))
    expect(found.get(7)).toBeCloseTo(0.36 * 0.9 - 0.2, 6)
    expect(found.get(8) ?? 0).toBe(0)
    expect(found.get(9) ?? 0).toBe(0)
  })

  it('say nothing of what has no name, nor to who stands nowhere', () => {
    const witnesses = { items: [0, 1, 2], surprise: [1, 1, 1], vectors: Float32Array.of(1, 1, 1) }
    expect([...evidenceOf(witnesses, Float32Array.of(1)).keys()]).toEqual([2])
    expect(evidenceOf(witnesses, Float32Array.of(0)).size).toBe(0)
  })

  it('add weight · ln(1 + e) to the logit, and never take away', () => {
    const probability = fc.double({ min: 0.001, max: 0.999, noNaN: true })
    const amount = fc.double({ min: -10, max: 100, noNaN: true })
    fc.assert(
      fc.property(probability, amount, fc.double({ min: 0, max: 5, noNaN: true }), (p, e, weight) => {
        const after = withEvidence(p, e, weight)
        const expected = logit(p) + weight * Math.log1p(Math.max(0, e))
        expect(after).toBeCloseTo(1 / (1 + Math.exp(-expected)), 9)
        expect(after).toBeGreaterThanOrEqual(p - 1e-15)
      }),
      { seed: 5 },
    )
    expect(withEvidence(1, 3, 2)).toBe(1)
    expect(withEvidence(0, 3, 2)).toBe(0)
  })
})
