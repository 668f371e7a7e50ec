import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hitRate, ndcg, placeOf } from './ranking.ts'

/** The definitions, over every order that tied items could be in: those of a positive (true) among `negatives`. */
function byOrders(positive: number, negatives: number[], measure: (place: number) => number): number {
  const orders = permutations([
    { score: positive, own: true },
    ...negatives.map((score) => ({ score, own: false })),
  ])
    .filter((order) => order.every(({ score }, i) => i === 0 || order[i - 1]!.score >= score))
    .map((order) => measure(1 + order.findIndex(({ own }) => own)))
  return orders.reduce((sum, value) => sum + value, 0) / orders.length
}

function permutations<T>(items: T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}

const scores = (max: number, maxLength: number) =>
  fc.array(
    fc.integer({ min: 0, max }).map((n) => n / 7),
    { minLength: 1, maxLength },
  )

describe('a positive among negatives', () => {
  it('by hand: third of five', () => {
    const place = placeOf([0.5, 0.9, 0.1, 0.7, 0.2])
    expect(place).toEqual({ above: 2, tied: 0 })
    expect([1, 2, 3, 4].map((k) => hitRate(place, k))).toEqual([0, 0, 1, 1])
    expect(ndcg(place, 2)).toBe(0)
    expect(ndcg(place, 10)).toBe(0.5)
  })

  it('by hand: first and alone, wherever it lies in the array', () => {
    expect(placeOf([0.1, 0.2, 0.8], 2)).toEqual({ above: 0, tied: 0 })
    expect(ndcg({ above: 0, tied: 0 }, 1)).toBe(1)
  })

  it('agrees with the definitions over all orders of what is tied', () => {
    fc.assert(
      fc.property(scores(3, 6), fc.integer({ min: 1, max: 8 }), (values, k) => {
        const [positive, ...negatives] = values as [number, ...number[]]
        const place = placeOf(values)
        const hit = byOrders(positive, negatives, (rank) => (rank <= k ? 1 : 0))
        const gain = byOrders(positive, negatives, (rank) => (rank <= k ? Math.LN2 / Math.log(1 + rank) : 0))
        expect(hitRate(place, k)).toBeCloseTo(hit, 12)
        expect(ndcg(place, k)).toBeCloseTo(gain, 12)
      }),
      { seed: 5, numRuns: 150 },
    )
  })

  it('a model that gives everything one score is as good as chance, wherever the positive lies', () => {
    const flat = new Float32Array(101).fill(0.3)
    for (const positive of [0, 50, 100]) {
      expect(hitRate(placeOf(flat, positive), 10)).toBeCloseTo(10 / 101, 12)
      expect(hitRate(placeOf(flat, positive), 1)).toBeCloseTo(1 / 101, 12)
    }
  })

  it('rises with k, lies in [0, 1], and HR@1 is NDCG@1', () => {
    fc.assert(
      fc.property(scores(20, 40), fc.nat(), (values, at) => {
        const place = placeOf(values, at % values.length)
        const ks = Array.from({ length: 42 }, (_, i) => i + 1)
        for (const measure of [hitRate, ndcg]) {
          const by = ks.map((k) => measure(place, k))
          expect(by.every((value, i) => value >= 0 && value <= 1 && (i === 0 || value >= by[i - 1]!))).toBe(
            true,
          )
        }
        expect(hitRate(place, values.length)).toBe(1)
        expect(ndcg(place, 1)).toBe(hitRate(place, 1))
        expect(ks.every((k) => ndcg(place, k) <= hitRate(place, k))).toBe(true)
      }),
      { seed: 6 },
    )
  })

  it('knows only the order of scores', () => {
    fc.assert(
      fc.property(scores(9, 30), (values) => {
        const bent = values.map((score) => Math.exp(3 * score) - 40)
        expect(placeOf(bent)).toEqual(placeOf(values))
      }),
      { seed: 7 },
    )
  })

  it('refuses what is no score, and no positive', () => {
    expect(() => placeOf([Number.NaN, 0.1])).toThrow('score 0 is NaN')
    expect(() => placeOf([0.2, Number.POSITIVE_INFINITY])).toThrow(RangeError)
    expect(() => placeOf([0.2, 0.1], 2)).toThrow('there is no score 2 of 2')
  })
})
