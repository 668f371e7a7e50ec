import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auc, logLoss } from './metrics.ts'

/** The definition: the share of (positive, negative) pairs in the right order, ties counting half. */
function pairs(scores: number[], labels: number[]): number {
  let right = 0
  let all = 0
  for (const [i, a] of scores.entries())
    for (const [j, b] of scores.entries())
      if (labels[i] === 1 && labels[j] === 0) {
        all++
        right += a > b ? 1 : a === b ? 0.5 : 0
      }
  return right / all
}

describe('auc', () => {
  it('is the share of pairs in the right order, on any scores with ties', () => {
    const row = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom(0, 1))
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 40 }), (rows) => {
        const scores = rows.map(([score]) => score / 6)
        const labels = rows.map(([, label]) => label)
        fc.pre(labels.includes(0) && labels.includes(1))
        expect(auc(scores, labels)).toBeCloseTo(pairs(scores, labels), 12)
      }),
      { seed: 3 },
    )
  })
  it('is undefined where one class is absent', () => {
    expect(auc([0.1, 0.9], [1, 1])).toBeUndefined()
    expect(auc([], [])).toBeUndefined()
  })
})

describe('logLoss', () => {
  it('is the mean of −ln p of what happened', () => {
    expect(logLoss([0.5, 0.25], [1, 0])).toBeCloseTo((Math.log(2) - Math.log(0.75)) / 2, 12)
  })
  it('stays finite for a certainty that was wrong', () => {
    expect(logLoss([0], [1])).toBeCloseTo(7 * Math.log(10), 6)
  })
})
