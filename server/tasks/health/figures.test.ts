/** What is told of many values by few numbers, against the values themselves; and alarms against published figures. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alarmsOf, differenceOf, rateOf } from './alarms.ts'
import { ACCURACY, emptySketch, joinSketch, quantile, sketch, sketchSchema } from './sketch.ts'
import { deviationOf, joined, spreadOf } from './spread.ts'

describe('a sketch', () => {
  const amounts = fc.array(
    fc.oneof(fc.nat(10), fc.nat(600_000), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
    { minLength: 1, maxLength: 200 },
  )

  it('tells every quantile to within five percent of itself, also when it is one of two joined', () => {
    fc.assert(
      fc.property(
        amounts,
        amounts,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (one, other, q) => {
          const [into, second] = [emptySketch(), emptySketch()]
          for (const value of one) sketch(into, value)
          for (const value of other) sketch(second, value)
          joinSketch(into, JSON.parse(JSON.stringify(second)))
          const all = [...one, ...other].sort((a, b) => a - b)
          const due = all[Math.floor(q * (all.length - 1))]!
          // Doubles near 2⁵³ and the logarithm round.
          expect(Math.abs(quantile(into, q)! - due)).toBeLessThanOrEqual(ACCURACY * due * (1 + 1e-9))
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })

  it('has few buckets, whatever comes, and none of nothing', () => {
    const into = emptySketch()
    for (let value = 1; value < Number.MAX_SAFE_INTEGER; value *= 1.01) sketch(into, value)
    sketch(into, Number.MAX_SAFE_INTEGER)
    expect(Object.keys(sketchSchema.parse(into).buckets).length).toBeLessThan(400)
    expect(quantile(emptySketch(), 0.5)).toBeNull()
  })
})

describe('a spread', () => {
  it('is that of all values, however they are put together', () => {
    const values = fc.array(fc.double({ min: -1000, max: 1000, noNaN: true }), {
      minLength: 2,
      maxLength: 40,
    })
    fc.assert(
      fc.property(values, fc.nat(), (all, at) => {
        const cut = 1 + (at % (all.length - 1))
        const [left, right] = [all.slice(0, cut), all.slice(cut)].map((part) =>
          part.map(spreadOf).reduce(joined),
        )
        const told = joined(left!, right!)
        const mean = all.reduce((sum, value) => sum + value, 0) / all.length
        const squares = all.reduce((sum, value) => sum + (value - mean) ** 2, 0)
        expect(told.mean).toBeCloseTo(mean, 8)
        expect(deviationOf(told)!).toBeCloseTo(Math.sqrt(squares / (all.length - 1)), 6)
        expect([told.count, told.min, told.max]).toEqual([all.length, Math.min(...all), Math.max(...all)])
      }),
      { seed: 1 },
    )
  })

  it('keeps what a sum of squares would lose: small differences of large values', () => {
    const told = [1e15, 1e15 + 2].map(spreadOf).reduce(joined)
    expect(deviationOf(told)).toBe(Math.SQRT2)
    expect(deviationOf(spreadOf(3))).toBeNull()
  })
})

describe('an alarm', () => {
  // Newcombe 1998, table II, method 10.
  it.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [6, 7, 2, 7, 0.0582, 0.8062],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
    [10, 10, 0, 20, 0.6791, 1],
  ])('goes by the published interval: %i of %i against %i of %i', (a, m, b, n, low, high) => {
    const [one, other] = [rateOf({ failed: a, runs: m })!, rateOf({ failed: b, runs: n })!]
    const { value, ci95 } = differenceOf(one, other)
    expect(value).toBeCloseTo(a / m - b / n, 12)
    expect(ci95[0]).toBeCloseTo(low, 4)
    expect(ci95[1]).toBeCloseTo(high, 4)
  })

  const of = (version: number, failed: number, runs: number, task = 'rank') => ({
    task,
    version,
    shares: { failed, runs },
  })

  it('is raised for a version that fails more often than the one before it, and for no other', () => {
    const found = alarmsOf([
      of(3, 56, 70),
      of(2, 48, 80),
      // As often as before, but for chance: 5 of 56 against none of 29.
      of(1, 0, 29, 'train'),
      of(2, 5, 56, 'train'),
      // Less often than before.
      of(1, 9, 10, 'filter'),
      of(4, 3, 10, 'filter'),
    ])
    expect(found).toEqual([
      expect.objectContaining({
        task: 'rank',
        version: 3,
        against: 2,
        failed: expect.objectContaining({ share: 0.8 }),
      }),
    ])
  })

  it('compares with the last version that ran, and not by a single run', () => {
    expect(alarmsOf([of(1, 0, 100), of(2, 0, 0), of(3, 1, 1), of(5, 40, 100)])).toMatchObject([
      { version: 5, against: 1 },
    ])
    expect(alarmsOf([])).toEqual([])
  })
})
