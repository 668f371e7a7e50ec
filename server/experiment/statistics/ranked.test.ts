import { describe, expect, it } from 'vitest'
import { seeded } from '../../../shared/random.ts'
import { bootstrap } from './bootstrap.ts'
import { type Judged, rankedFindings } from './ranked.ts'

const boot = bootstrap({ resamples: 400 })
const random = seeded(31)
/** Three positives of each of 40 users under two seeds; the better arm has fewer negatives above. */
const rows: Judged[] = ['cloud', 'kindred'].flatMap((arm) =>
  [1, 2].flatMap((seed) =>
    Array.from({ length: 120 }, (_, i) => ({
      arm,
      seed,
      user: `user-${i % 40}`,
      above: random.below(arm === 'kindred' ? 20 : 50),
      tied: 0,
    })),
  ),
)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const placesOf = (arm: string) => rows.filter((row) => row.arm === arm).map(({ above }) => above + 1)

describe('arms by the places of positives', () => {
  it('are the means over positives, by a second implementation', () => {
    const [cloud, kindred] = rankedFindings(rows, { reference: 'cloud', bootstrap: boot })
    const share = (arm: string, k: number) => mean(placesOf(arm).map((place) => (place <= k ? 1 : 0)))
    const gain = (arm: string, k: number) =>
      mean(placesOf(arm).map((place) => (place <= k ? Math.LN2 / Math.log(place + 1) : 0)))
    expect(kindred).toMatchObject({ arm: 'kindred', seeds: [1, 2], users: 40, judged: 240 })
    expect(kindred!.hr1.a.value).toBeCloseTo(share('kindred', 1), 12)
    expect(kindred!.hr5.a.value).toBeCloseTo(share('kindred', 5), 12)
    expect(kindred!.hr10.a.value).toBeCloseTo(share('kindred', 10), 12)
    expect(kindred!.ndcg5.a.value).toBeCloseTo(gain('kindred', 5), 12)
    expect(kindred!.ndcg10.a.value).toBeCloseTo(gain('kindred', 10), 12)
    expect(kindred!.hr10.b).toEqual(cloud!.hr10.a)
    expect(kindred!.hr10.relativePct!.value).toBeCloseTo(
      100 * (share('kindred', 10) / share('cloud', 10) - 1),
      9,
    )
    expect(cloud!.hr10.difference).toMatchObject({ value: 0, ci95: [0, 0] })
  })

  it('in buckets each has users of its own', () => {
    const apart = rows.filter(({ arm, user }) => (arm === 'cloud') === user.endsWith('1'))
    const [cloud, kindred] = rankedFindings(apart, {
      reference: 'cloud',
      buckets: true,
      bootstrap: boot,
    })
    expect([cloud!.users, kindred!.users]).toEqual([4, 36])
    const own = apart.filter(({ arm }) => arm === 'kindred')
    expect(kindred!.hr5.a.value).toBeCloseTo(mean(own.map(({ above }) => (above < 5 ? 1 : 0))), 12)
  })

  it('whoever has more positives counts more, and is drawn with all of them', () => {
    const one = (user: string, above: number): Judged => ({ arm: 'cloud', seed: 1, user, above, tied: 0 })
    const [cloud] = rankedFindings([one('a', 0), one('a', 0), one('a', 30), one('b', 30)], {
      reference: 'cloud',
    })
    expect(cloud!.hr10.a.value).toBe(0.5)
    // Of four equally likely draws, one has user a twice and one user b twice.
    expect(cloud!.hr10.a.ci95![0]).toBe(0)
    expect(cloud!.hr10.a.ci95![1]).toBeCloseTo(2 / 3, 12)
  })

  it('refuses what cannot be compared', () => {
    expect(() => rankedFindings(rows, { reference: 'coda' })).toThrow('no results of the arm “coda”')
    expect(() => rankedFindings(rows.slice(0, -1), { reference: 'cloud' })).toThrow('not judged on as much')
    const late = rows.map((row) => (row.arm === 'kindred' ? { ...row, seed: row.seed + 2 } : row))
    expect(() => rankedFindings(late, { reference: 'cloud' })).toThrow('no seed in common')
  })
})
