import { describe, expect, it } from 'vitest'
import { seeded } from '../../../shared/random.ts'
import { averaged, bootstrap, type Parts } from './bootstrap.ts'

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
/** As parts of a mean. */
const means = (values: readonly number[]): Parts =>
  new Map(values.map((value, i) => [`u${i}`, { sum: value, weight: 1 }]))

/** The smallest value that at least so much of the whole does not exceed. */
const quantile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!

/** All ways to draw `n` of `n`, each equally likely. */
function allDraws(n: number): number[][] {
  let draws: number[][] = [[]]
  for (let i = 0; i < n; i++)
    draws = draws.flatMap((one) => Array.from({ length: n }, (_, user) => [...one, user]))
  return draws
}

describe('an interval', () => {
  it('is that of all 3,125 resamples of five users', () => {
    const clicks = [1, 0, 4, 2, 9]
    const shown = [3, 7, 5, 6, 10]
    const exact = allDraws(5).map(
      (draw) => mean(draw.map((user) => clicks[user]!)) / mean(draw.map((user) => shown[user]!)),
    )
    const parts: Parts = new Map(clicks.map((sum, i) => [`u${i}`, { sum, weight: shown[i]! }]))
    const { value, ci95, users } = bootstrap({ resamples: 60_000 }).ratio(parts)
    expect(value).toBeCloseTo(16 / 31, 12)
    expect(users).toBe(5)
    expect(ci95![0]).toBeCloseTo(quantile(exact, 0.025), 2)
    expect(ci95![1]).toBeCloseTo(quantile(exact, 0.975), 2)
  })

  it('is the normal one for a mean of many', () => {
    const random = seeded(11)
    const values = Array.from({ length: 900 }, () => 3 + 2 * random.normal())
    const middle = mean(values)
    const error = Math.sqrt(mean(values.map((value) => (value - middle) ** 2)) / values.length)
    const { ci95 } = bootstrap({ resamples: 20_000 }).ratio(means(values))
    // Of 20,000 resamples a percentile is known to about a fiftieth of the standard error.
    expect(Math.abs(ci95![0] - (middle - 1.96 * error))).toBeLessThan(0.06 * error)
    expect(Math.abs(ci95![1] - (middle + 1.96 * error))).toBeLessThan(0.06 * error)
  })

  it('holds the truth about 95 times of 100', () => {
    const random = seeded(12)
    const held = Array.from({ length: 400 }, (_, seed) => {
      const values = Array.from({ length: 60 }, () => random.normal())
      const [low, high] = bootstrap({ resamples: 400, seed }).ratio(means(values)).ci95!
      return low <= 0 && 0 <= high ? 1 : 0
    })
    expect(mean(held)).toBeGreaterThan(0.91)
    expect(mean(held)).toBeLessThan(0.98)
  })

  it('is the same for the same seed, and another for another', () => {
    const values = [0.3, 0.9, 0.2, 0.8, 0.5, 0.1]
    const of = (seed: number) => bootstrap({ seed }).ratio(means(values)).ci95
    expect(of(4)).toEqual(of(4))
    expect(of(4)).not.toEqual(of(5))
  })

  it('does not depend on the order in which users came', () => {
    const parts = means([0.3, 0.9, 0.2, 0.8, 0.5, 0.1])
    expect(bootstrap().ratio(new Map([...parts].reverse()))).toEqual(bootstrap().ratio(parts))
  })

  it('is not there for one user, who tells nothing of others', () => {
    expect(bootstrap().ratio(means([0.7]))).toEqual({ value: 0.7, ci95: null, users: 1 })
    expect(() => bootstrap().ratio(new Map())).toThrow('there are no users')
  })
})

describe('a comparison', () => {
  const random = seeded(13)
  const level = Array.from({ length: 300 }, () => 0.5 + 0.2 * random.normal())
  const better = level.map((value) => value + 0.01 + 0.005 * random.normal())

  it('of the same users is of their differences, not of two clouds', () => {
    const { a, b, difference, relativePct } = bootstrap().paired(means(better), means(level))
    const own = bootstrap().ratio(means(better.map((value, i) => value - level[i]!)))
    expect(difference.value).toBeCloseTo(own.value, 12)
    expect(difference.ci95![0]).toBeCloseTo(own.ci95![0], 12)
    expect(difference.ci95![1]).toBeCloseTo(own.ci95![1], 12)
    expect(difference.ci95![0]).toBeGreaterThan(0)
    expect(a.ci95![0]).toBeLessThan(b.ci95![1])
    expect(relativePct!.value).toBeCloseTo(100 * (mean(better) / mean(level) - 1), 10)
    expect(relativePct!.ci95![0]).toBeGreaterThan(0)
  })

  it('of the same users leaves out who is in one only', () => {
    const one = new Map([...means(better), ['visitor', { sum: 99, weight: 1 }]])
    expect(bootstrap().paired(one, means(level))).toEqual(bootstrap().paired(means(better), means(level)))
  })

  it('of buckets does not see who is who: the same figures are then told apart less', () => {
    const { a, b, difference } = bootstrap().buckets(means(better), means(level))
    const variance = (values: readonly number[]) =>
      mean(values.map((value) => (value - mean(values)) ** 2)) / values.length
    const error = Math.sqrt(variance(better) + variance(level))
    expect(difference.value).toBeCloseTo(mean(better) - mean(level), 12)
    expect([a.users, b.users, difference.users]).toEqual([300, 300, 600])
    expect((difference.ci95![1] - difference.ci95![0]) / (2 * 1.96 * error)).toBeCloseTo(1, 1)
    expect(difference.ci95![0]).toBeLessThan(0)
  })

  it('of something with itself is zero, with an interval of no width', () => {
    const { difference, relativePct } = bootstrap().paired(means(level), means(level))
    expect(difference).toMatchObject({ value: 0, ci95: [0, 0] })
    expect(relativePct).toMatchObject({ value: 0, ci95: [0, 0] })
  })

  it('with nothing has no percentage; with almost nothing no interval of it', () => {
    const { paired } = bootstrap()
    expect(paired(means([1, 2, 3]), means([0, 0, 0])).relativePct).toBeNull()
    const thin = paired(means([1, 1, 1]), means([0, 0, 1])).relativePct!
    expect(thin.value).toBeCloseTo(200, 10)
    expect(thin.ci95).toBeNull()
  })
})

describe('averaged', () => {
  it('is the mean of each user over the seeds, of who is in all of them', () => {
    const ofSeeds = [
      new Map([
        ['a', { sum: 1, weight: 2 }],
        ['b', { sum: 5, weight: 1 }],
      ]),
      new Map([['a', { sum: 4, weight: 3 }]]),
    ]
    expect(averaged(ofSeeds)).toEqual(new Map([['a', { sum: 2.5, weight: 2.5 }]]))
    expect(averaged([])).toEqual(new Map())
  })
})
