import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { auc, logLoss } from '../../../shared/metrics.ts'
import { createJudge, isBetter } from './judge.ts'

/** Few different scores, so that there are ties, 0 and the least float32 among them. */
const score = fc
  .oneof(fc.constantFrom(0, 1, 0.5, 1.4e-45), fc.float({ min: 0, max: 1, noNaN: true }))
  .map((value) => Math.fround(Math.abs(value)))
const judged = fc.array(fc.tuple(score, fc.constantFrom(0, 1)), { minLength: 1, maxLength: 60 })

describe('the judge', () => {
  test('says what shared/metrics.ts says, and the same again', () => {
    fc.assert(
      fc.property(judged, (rows) => {
        const scores = Float32Array.from(rows, ([value]) => value)
        const labels = Float32Array.from(rows, ([, label]) => label)
        const judge = createJudge(labels)
        const area = auc(scores, labels)
        if (area === undefined) {
          expect(judge).toBeUndefined()
          return
        }
        const due = { auc: area, loss: logLoss(scores, labels) }
        expect(judge!(scores)).toEqual(due)
        expect(judge!(new Float32Array(rows.length))).toMatchObject({ auc: 0.5 })
        expect(judge!(scores)).toEqual(due)
      }),
      { numRuns: 500, seed: 1 },
    )
  })

  test('tells neighbouring float32 apart', () => {
    const judge = createJudge(Float32Array.of(1, 0, 0))!
    expect(judge(Float32Array.of(0.9999985694885254, 0.9999986290931702, 0)).auc).toBe(0.5)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('a score of %s has no place in an order', (bad) => {
    const judge = createJudge(Float32Array.of(1, 0))!
    expect(() => judge(Float32Array.of(0.5, bad))).toThrow(expect.objectContaining({ code: 'diverged' }))
  })
})

test('`auc-then-loss` tells equal AUCs apart, `auc` does not', () => {
  const best = { auc: 0.6, loss: 0.5 }
  const cases = [
    [{ auc: 0.7, loss: 0.9 }, true, true],
    [{ auc: 0.6, loss: 0.4 }, true, false],
    [{ auc: 0.6, loss: 0.5 }, false, false],
    [{ auc: 0.5, loss: 0.1 }, false, false],
  ] as const
  for (const [now, byLoss, byAuc] of cases) {
    expect(isBetter(now, best, 'auc-then-loss')).toBe(byLoss)
    expect(isBetter(now, best, 'auc')).toBe(byAuc)
  }
})
