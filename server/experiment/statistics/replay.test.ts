import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { replay, together } from './replay.ts'

/** By trying every order that the scores allow: the first k are shown. */
function byOrders(scores: number[], labels: number[], k: number) {
  const orders = permutations(scores.map((score, i) => ({ score, label: labels[i]! }))).filter((order) =>
    order.every(({ score }, i) => i === 0 || order[i - 1]!.score >= score),
  )
  const clicks = orders.map((order) => order.slice(0, k).reduce((sum, { label }) => sum + label, 0))
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return { clicks: mean(clicks), clicked: mean(clicks.map((n) => (n > 0 ? 1 : 0))) }
}

function permutations<T>(items: T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}

describe('replay', () => {
  it('by hand: the two best of four', () => {
    expect(replay([0.2, 0.9, 0.4, 0.6], [1, 0, 1, 1], 2)).toEqual({ shown: 2, clicks: 1, clicked: 1 })
    expect(replay([0.2, 0.9, 0.4, 0.6], [1, 0, 1, 0], 2)).toEqual({ shown: 2, clicks: 0, clicked: 0 })
  })

  it('shows all there is, where that is less than k', () => {
    expect(replay([0.2, 0.1], [0, 1], 10)).toEqual({ shown: 2, clicks: 1, clicked: 1 })
    expect(replay([], [], 10)).toEqual({ shown: 0, clicks: 0, clicked: 0 })
  })

  it('is the mean over all orders of what is tied', () => {
    const candidate = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom(0, 1))
    fc.assert(
      fc.property(
        fc.array(candidate, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 7 }),
        (candidates, k) => {
          const scores = candidates.map(([score]) => score)
          const labels = candidates.map(([, label]) => label)
          const { clicks, clicked, shown } = replay(scores, labels, k)
          const expected = byOrders(scores, labels, k)
          expect(shown).toBe(Math.min(k, candidates.length))
          expect(clicks).toBeCloseTo(expected.clicks, 12)
          expect(clicked).toBeCloseTo(expected.clicked, 12)
        },
      ),
      { seed: 8, numRuns: 150 },
    )
  })

  it('a model without an opinion gets the CTR that there is', () => {
    const { shown, clicks } = replay([0.5, 0.5, 0.5, 0.5, 0.5], [1, 0, 0, 1, 0], 2)
    expect(clicks / shown).toBeCloseTo(0.4, 12)
  })

  it('refuses what is no score', () => {
    expect(() => replay([0.5, Number.NaN], [1, 0], 1)).toThrow(RangeError)
  })
})

describe('days together', () => {
  it('add up, and anybody who clicked on one has clicked', () => {
    const days = [
      { shown: 3, clicks: 0.5, clicked: 0.5 },
      { shown: 2, clicks: 0.4, clicked: 0.4 },
    ]
    expect(together(days)).toEqual({ shown: 5, clicks: 0.9, clicked: 0.7 })
    expect(together([{ shown: 1, clicks: 1, clicked: 1 }, ...days]).clicked).toBe(1)
  })
})
