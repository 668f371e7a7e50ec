import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KindredEvent } from '../../shared/event.ts'
import { seeded } from '../../shared/random.ts'
import { bucketOf } from '../../shared/release/bucket.ts'
import { apply, EMPTY, type Experiment } from '../../shared/release/releases.ts'
import { bootstrap, type Parts } from '../experiment/statistics/bootstrap.ts'
import { uuid } from '../store/contract-kit.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { countByDay, measure } from './experiments.ts'
import { type Counts, createTally, type Metric, type Tally, wilson } from './figures.ts'

const DAY = 86_400_000
const START = 20_000 * DAY

/** Users of whom some see much and click often: what one of them does is no independent draw for each impression. */
function people(count: number, seed: number, lift = 1): Counts[] {
  const random = seeded(seed)
  return Array.from({ length: count }, () => {
    const exposures = 1 + Math.floor(Math.exp(1.5 + random.normal()))
    const appetite = Math.min(1, lift * (0.05 + 0.4 * random.next() ** 3))
    let clicks = 0
    for (let i = 0; i < exposures; i++) if (random.next() < appetite) clicks++
    return { exposures, clicks }
  })
}
function tallied(users: readonly Counts[]): Tally {
  const tally = createTally()
  for (const user of users) tally.add(user)
  return tally
}
const partsOf = (users: readonly Counts[], metric: Metric): Parts =>
  new Map(
    users.map(({ exposures, clicks }, i) => [
      `u${i}`,
      {
        sum: metric === 'clickerShare' ? Number(clicks > 0) : clicks,
        weight: metric === 'ctr' ? exposures : 1,
      },
    ]),
  )
const metrics = ['ctr', 'clicksPerUser', 'clickerShare'] as const

describe('the three metrics', () => {
  it('by hand: three users', () => {
    const { ctr, clicksPerUser, clickerShare, ...counts } = tallied([
      { exposures: 10, clicks: 2 },
      { exposures: 20, clicks: 4 },
      { exposures: 10, clicks: 0 },
      { exposures: 0, clicks: 0 },
    ]).figures()
    expect(counts).toEqual({ users: 3, exposures: 40, clicks: 6, clickers: 2 })
    expect([ctr.value, clicksPerUser.value, clickerShare.value]).toEqual([0.15, 2, 2 / 3])
    // Residuals x − 0.15·y are 0.5, 1 and −1.5: s² = 1.75; the error is √(1.75/3) over the mean of y, 40/3.
    const half = (1.959964 * Math.sqrt(1.75 / 3)) / (40 / 3)
    expect(ctr.ci95![0]).toBeCloseTo(0.15 - half, 9)
    expect(ctr.ci95![1]).toBeCloseTo(0.15 + half, 9)
    // Values 2, 4 and 0: s² = 4.
    expect(clicksPerUser.ci95![1]).toBeCloseTo(2 + 1.959964 * Math.sqrt(4 / 3), 9)
  })

  it('have Wilson’s interval for shares, as it is published for small samples', () => {
    const interval = (some: number, all: number) =>
      wilson(some, all).ci95!.map((one) => Math.round(one * 1e4) / 1e4)
    expect(interval(0, 10)).toEqual([0, 0.2775])
    expect(interval(5, 10)).toEqual([0.2366, 0.7634])
    expect(interval(81, 263)).toEqual([0.2553, 0.3662])
    expect(wilson(1, 1).ci95).toBeNull()
    expect(wilson(0, 0).value).toBeNull()
  })

  it.each(metrics)('%s: the interval is that of resampling users', (metric) => {
    const users = people(800, 3)
    const own = tallied(users).figures()[metric]
    const { value, ci95 } = bootstrap({ resamples: 4000 }).ratio(partsOf(users, metric))
    const width = ci95![1] - ci95![0]
    expect(own.value).toBeCloseTo(value, 12)
    expect(Math.abs(own.ci95![0] - ci95![0]) / width).toBeLessThan(0.08)
    expect(Math.abs(own.ci95![1] - ci95![1]) / width).toBeLessThan(0.08)
  })

  it.each(metrics)('%s: a comparison of arms is that of resampling each', (metric) => {
    const [a, b] = [people(700, 4, 1.2), people(900, 5)]
    const own = tallied(a).against(tallied(b))[metric]
    const due = bootstrap({ resamples: 4000 }).buckets(partsOf(a, metric), partsOf(b, metric))
    for (const [mine, theirs] of [
      [own.difference, due.difference],
      [own.percent, due.relativePct!],
    ] as const) {
      const width = theirs.ci95![1] - theirs.ci95![0]
      expect(mine.value).toBeCloseTo(theirs.value, 9)
      expect(Math.abs(mine.ci95![0] - theirs.ci95![0]) / width).toBeLessThan(0.1)
      expect(Math.abs(mine.ci95![1] - theirs.ci95![1]) / width).toBeLessThan(0.1)
    }
  })

  it('of two arms that are the same differ about 5 times of 100, where impressions alone would say far more often', () => {
    const rates = (independent: boolean) =>
      Array.from({ length: 400 }, (_, i): number => {
        const [a, b] = [people(150, 1000 + i), people(150, 5000 + i)]
        if (!independent) {
          const [low, high] = tallied(a).against(tallied(b)).ctr.difference.ci95!
          return low > 0 || high < 0 ? 1 : 0
        }
        const [p, q] = [a, b].map((users) => {
          const { exposures, clicks } = tallied(users).figures()
          return { r: clicks / exposures, v: ((clicks / exposures) * (1 - clicks / exposures)) / exposures }
        })
        return Math.abs(p!.r - q!.r) > 1.96 * Math.sqrt(p!.v + q!.v) ? 1 : 0
      }).reduce((sum, one) => sum + one, 0) / 400
    expect(rates(false)).toBeGreaterThan(0.025)
    expect(rates(false)).toBeLessThan(0.085)
    expect(rates(true)).toBeGreaterThan(0.12)
  })

  it('say nothing where there is nobody, or one, or nothing to be a percentage of', () => {
    const [none, one, idle] = [
      tallied([]),
      tallied([{ exposures: 4, clicks: 1 }]),
      tallied([
        { exposures: 4, clicks: 0 },
        { exposures: 2, clicks: 0 },
      ]),
    ]
    expect(none.figures().ctr).toEqual({ value: null, ci95: null })
    expect(one.figures().ctr).toEqual({ value: 0.25, ci95: null })
    expect(one.against(idle).ctr).toEqual({
      difference: { value: 0.25, ci95: null },
      percent: { value: null, ci95: null },
    })
    expect(one.against(none).ctr.difference.value).toBeNull()
  })
})

describe('what a user did', () => {
  const exposure = (at: number, n: number): KindredEvent => ({
    type: 'exposure',
    id: uuid(at, n),
    at,
    item: 'a',
  })
  const click = (at: number, n: number, of: string): KindredEvent => ({
    type: 'click',
    id: uuid(at, n),
    at,
    item: 'a',
    exposure: of,
  })
  it('counts on the day of the exposure, also if it was clicked after midnight, and once', () => {
    const late = START + DAY - 1000
    const events = [
      exposure(START - 1, 1),
      exposure(late, 2),
      exposure(START + DAY, 3),
      click(START + DAY, 4, uuid(late, 2)),
      click(START + DAY + 1, 5, uuid(late, 2)),
      click(START + DAY + 2, 6, uuid(START - 1, 1)),
      click(START + 3 * DAY, 7, uuid(START + DAY, 3)),
    ]
    expect([...countByDay(events, { from: START, until: START + 2 * DAY, dayMs: DAY })]).toEqual([
      [20_000, { exposures: 1, clicks: 1 }],
      [20_001, { exposures: 1, clicks: 0 }],
    ])
  })
})

describe('an experiment that is measured', () => {
  let folder: string
  let store: Store
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kindred-experiment-'))
    store = openStore(folder)
  })
  afterEach(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })

  const [experiment] = apply(EMPTY, {
    n: 1,
    at: START - DAY,
    change: {
      type: 'experiment',
      task: 'rank',
      rule: { everyone: true },
      seed: 'seed',
      arms: [
        { name: 'v2', task: { version: 2, manifest: 'a'.repeat(64) }, percent: 40 },
        { name: 'control', task: null, percent: 40 },
      ],
      holdout: 20,
      from: START,
    },
  }).experiments as [Experiment]

  /** Shows each user so many items on a day, of which they click some. */
  async function act(user: number, day: number, exposures: number, clicks: number): Promise<void> {
    const at = START + day * DAY + 1000
    const shown = Array.from({ length: exposures }, (_, i) => uuid(at + i, user))
    await store.events.append(user, [
      ...shown.map((id, i): KindredEvent => ({ type: 'exposure', id, at: at + i, item: `i${i}` })),
      ...shown.slice(0, clicks).map(
        (exposure, i): KindredEvent => ({
          type: 'click',
          id: uuid(at + 500 + i, user),
          at: at + 500 + i,
          item: `i${i}`,
          exposure,
        }),
      ),
    ])
  }

  it('tells each arm’s figures by day and in all, as a plain count has them, and leaves out who is in two', async () => {
    const due: Record<string, [number, number, number][]> = { v2: [], control: [], holdout: [] }
    for (let i = 0; i < 60; i++) {
      const id = `device-${i}`
      const user = await store.users.register(id, Buffer.alloc(32, i), 0)
      await store.deviceFacts.put({ id })
      const at = bucketOf(id, 'seed')
      const [first, second] = [i % 4, (i * 7) % 5]
      await act(user, 0, 5, first)
      if (second > 0) await act(user, 1, 2 * second, second)
      await act(user, -1, 9, 9)
      due[at < 40 ? 'v2' : at < 80 ? 'control' : 'holdout']!.push([first, second, i])
    }
    const ids = Array.from({ length: 40 }, (_, i) => `extra-${i}`)
    const two = [ids.find((id) => bucketOf(id, 'seed') < 40)!, ids.find((id) => bucketOf(id, 'seed') > 80)!]
    for (const [i, id] of two.entries()) {
      const user = await store.users.register(id, Buffer.alloc(32, 100 + i), 0, 'the same person')
      await store.deviceFacts.put({ id })
      if (i === 1) await act(user, 0, 5, 5)
    }
    const { days, total, baseline, against, mixed } = await measure(store, experiment, {
      dayMs: DAY,
      now: START + 2 * DAY,
    })
    expect([mixed, baseline, days.map(({ day }) => day)]).toEqual([1, 'control', [20_000, 20_001]])
    for (const [arm, users] of Object.entries(due)) {
      const sum = (of: (one: [number, number, number]) => number) =>
        users.reduce((all, one) => all + of(one), 0)
      expect(days[0]!.arms[arm]).toMatchObject({
        users: users.length,
        exposures: 5 * users.length,
        clicks: sum(([first]) => first),
        clickers: users.filter(([first]) => first > 0).length,
      })
      expect(days[1]!.arms[arm]).toMatchObject({
        users: users.filter(([, second]) => second > 0).length,
        exposures: sum(([, second]) => 2 * second),
      })
      expect(total[arm]!.ctr.value).toBeCloseTo(
        sum(([first, second]) => first + second) / sum(([, second]) => 5 + 2 * second),
        12,
      )
    }
    expect(Object.keys(against)).toEqual(['v2', 'holdout'])
    expect(against.v2!.ctr.difference.value).toBeCloseTo(total.v2!.ctr.value! - total.control!.ctr.value!, 12)
  })
})
