import { describe, expect, it } from 'vitest'
import { seeded } from '../../../shared/random.ts'
import type { Row } from '../results.ts'
import { bootstrap } from './bootstrap.ts'
import { compareAuc, ctrFindings } from './ctr.ts'
import { madeUpRows, rowOf } from './kit.ts'

const seeds = [1, 2, 3]
const rows = madeUpRows({ users: 60, seeds, skill: { cloud: 0.8, local: 1, kindred: 1.6 } }, seeded(21))
const boot = bootstrap({ resamples: 300 })
const found = ctrFindings(rows, { top: 5, bootstrap: boot })
const of = (arm: string) => found.find((one) => one.arm === arm)!

/** The second implementation: AUC by all pairs, everything else by loops over users and seeds. */
const byPairs = ({ scores, labels }: Row) => {
  let right = 0
  let all = 0
  for (let i = 0; i < scores.length; i++)
    for (let j = 0; j < scores.length; j++)
      if (labels[i] === 1 && labels[j] === 0) {
        all++
        if (scores[i]! > scores[j]!) right++
        if (scores[i]! === scores[j]!) right += 0.5
      }
  return all === 0 ? undefined : right / all
}
const users = [...new Set(rows.map(({ user }) => user))]
const rowAt = (arm: string, seed: number, user: string) =>
  rows.find((row) => row.arm === arm && row.seed === seed && row.user === user)!
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
/** Each judged user's figure, averaged over seeds. */
const perUser = (measure: (seed: number, user: string) => number | undefined) =>
  users.flatMap((user) => {
    const values = seeds.flatMap((seed) => measure(seed, user) ?? [])
    return values.length > 0 ? [mean(values)] : []
  })

describe('an arm, by a second implementation', () => {
  it('macro AUC is the mean over users of the mean over seeds', () => {
    for (const arm of ['cloud', 'local', 'kindred']) {
      const aucs = perUser((seed, user) => byPairs(rowAt(arm, seed, user)))
      expect(of(arm).auc.a.value).toBeCloseTo(mean(aucs), 12)
      expect(of(arm).auc.a.users).toBe(aucs.length)
    }
    const { a, b, difference, relativePct } = of('kindred').auc
    expect(b.value).toBe(of('cloud').auc.a.value)
    expect(difference.value).toBeCloseTo(a.value - b.value, 12)
    expect(relativePct!.value).toBeCloseTo((100 * (a.value - b.value)) / b.value, 10)
    expect(relativePct!.ci95![0]).toBeGreaterThan(0)
  })

  it('seed by seed it is what it is with that seed alone', () => {
    for (const [i, seed] of seeds.entries()) {
      const alone = ctrFindings(
        rows.filter((row) => row.seed === seed),
        { bootstrap: boot },
      ).find(({ arm }) => arm === 'kindred')!
      expect(of('kindred').aucPctBySeed[i]).toBeCloseTo(alone.auc.relativePct!.value, 9)
    }
  })

  it('GAUC weighs each user by exposures, log-loss is over exposures', () => {
    let weighted = 0
    let exposures = 0
    let judged = 0
    let lost = 0
    for (const user of users)
      for (const seed of seeds) {
        const row = rowAt('kindred', seed, user)
        const auc = byPairs(row)
        exposures += row.labels.length
        if (auc !== undefined) {
          weighted += auc * row.labels.length
          judged += row.labels.length
        }
        for (const [i, label] of row.labels.entries())
          lost -= Math.log(label === 1 ? row.scores[i]! : 1 - row.scores[i]!)
      }
    expect(of('kindred').gauc.a.value).toBeCloseTo(weighted / judged, 12)
    expect(of('kindred').logLoss.a.value).toBeCloseTo(lost / exposures, 12)
  })

  it('replay: the five best of each day, by sorting', () => {
    const shownOf = (row: Row, day: number) =>
      row.scores
        .map((score, i) => ({ score, label: row.labels[i]!, day: row.days[i]! }))
        .filter((one) => one.day === day)
        .sort((a, b) => b.score - a.score)
        .slice(0, 5)
    const all = (pick: readonly number[]) =>
      users.map((user) =>
        seeds.map((seed) => pick.flatMap((day) => shownOf(rowAt('local', seed, user), day))),
      )
    for (const [pick, { ctr, clicksPerUser, clickers }] of [
      [[0, 1], of('local').replay],
      [[1], of('local').days.find(({ day }) => day === 1)!],
    ] as const) {
      const shown = all(pick).flat(2)
      const clicks = shown.filter(({ label }) => label === 1).length
      expect(ctr.a.value).toBeCloseTo(clicks / shown.length, 12)
      expect(clicksPerUser.a.value).toBeCloseTo(clicks / seeds.length / users.length, 12)
      const clicked = all(pick)
        .flat()
        .map((list) => (list.some(({ label }) => label === 1) ? 1 : 0))
      expect(clickers.a.value).toBeCloseTo(mean(clicked), 12)
    }
    expect(of('local').days.map(({ day }) => day)).toEqual([0, 1])
  })

  it('harm: shares of users and seeds, and of ordered pairs of seeds for the placebo', () => {
    const shareOf = (gains: readonly (number | undefined)[]) =>
      gains.flatMap((gain) => (gain === undefined ? [] : [gain < -0.01 ? 1 : 0]))
    const gainOf = (user: string, a: readonly [string, number], b: readonly [string, number]) => {
      const [one, other] = [byPairs(rowAt(...a, user)), byPairs(rowAt(...b, user))]
      return one === undefined || other === undefined ? undefined : one - other
    }
    const worse = users.flatMap((user) =>
      shareOf(seeds.map((seed) => gainOf(user, ['local', seed], ['cloud', seed]))),
    )
    const placebo = users.flatMap((user) =>
      shareOf(
        seeds.flatMap((s) =>
          seeds.filter((t) => t !== s).map((t) => gainOf(user, ['cloud', t], ['cloud', s])),
        ),
      ),
    )
    const harm = of('local').harm!
    expect(harm.worse.value).toBeCloseTo(mean(worse), 12)
    expect(harm.placebo!.value).toBeCloseTo(mean(placebo), 12)
    expect(harm.beyond!.value).toBeCloseTo(mean(worse) - mean(placebo), 12)
    expect(of('kindred').harm!.worse.value).toBeLessThan(harm.worse.value)
    expect(of('kindred').harm!.better.value).toBeGreaterThan(harm.better.value)
    expect(of('cloud').harm).toBeNull()
  })

  it('groups by activity hold all judged users, and their AUCs are the means of theirs', () => {
    const { activity, auc } = of('kindred')
    expect(activity.reduce((sum, group) => sum + group.auc.a.users, 0)).toBe(auc.a.users)
    for (const { from, to, auc: compared } of activity) {
      const inside = users.filter((user) => {
        const { activity: own } = rowAt('cloud', 1, user)
        return own >= from && own <= to
      })
      const aucs = inside.flatMap((user) => {
        const values = seeds.flatMap((seed) => byPairs(rowAt('kindred', seed, user)) ?? [])
        return values.length > 0 ? [mean(values)] : []
      })
      expect(compared.a.value).toBeCloseTo(mean(aucs), 12)
    }
  })

  it('gains are those of the users, in rising order', () => {
    const gains = perUser((seed, user) => {
      const [own, level] = [byPairs(rowAt('kindred', seed, user)), byPairs(rowAt('cloud', seed, user))]
      return own === undefined ? undefined : own - level!
    })
    expect(of('kindred').gains).toHaveLength(gains.length)
    for (const [i, gain] of gains.sort((a, b) => a - b).entries())
      expect(of('kindred').gains[i]).toBeCloseTo(gain, 12)
  })
})

describe('what is compared', () => {
  it('the reference with itself is nothing at all', () => {
    const { auc, gauc, logLoss, replay } = of('cloud')
    for (const { difference } of [auc, gauc, logLoss, replay.ctr, replay.clickers])
      expect(difference).toMatchObject({ value: 0, ci95: [0, 0] })
  })

  it('does not depend on the order of rows', () => {
    const shuffled = seeded(4).shuffle(rows.slice())
    expect(compareAuc(shuffled, 'kindred', 'local', boot)).toEqual(compareAuc(rows, 'kindred', 'local', boot))
  })

  it('scores bent by a rising function change no AUC and no CTR, only the log-loss', () => {
    const bent = rows.map((row) => ({ ...row, scores: row.scores.map((p) => p ** 3) }))
    const [, , kindred] = ctrFindings(bent, { top: 5, bootstrap: boot })
    const { auc, gauc, replay, logLoss } = of('kindred')
    expect(kindred).toMatchObject({ auc, gauc, replay })
    expect(kindred!.logLoss.a.value).not.toBeCloseTo(logLoss.a.value, 2)
  })

  it('users without a row of both arms under every seed are left out, and counted', () => {
    const cut = rows.filter(
      ({ arm, seed, user }) => !(arm === 'local' && seed === 2 && (user === 'user-3' || user === 'user-4')),
    )
    const [, local] = ctrFindings(cut, { bootstrap: boot })
    expect(local).toMatchObject({ users: 58, leftOut: 2, seeds })
  })

  it('with a single seed there is no placebo, and nothing is said to be beyond it', () => {
    const [, local] = ctrFindings(
      rows.filter(({ seed }) => seed === 1),
      { bootstrap: boot },
    )
    expect(local!.harm).toMatchObject({ placebo: null, beyond: null })
  })

  it('who clicked all or nothing has no AUC but still a log-loss', () => {
    const all = [
      ...['a', 'b'].map((user) => rowOf({ user, labels: [1, 0], scores: [0.9, 0.2] })),
      rowOf({ user: 'c', labels: [1, 1], scores: [0.5, 0.5] }),
    ]
    const [cloud] = ctrFindings(all)
    expect(cloud!.auc.a).toMatchObject({ value: 1, users: 2 })
    expect(cloud!.logLoss.a.users).toBe(3)
  })

  it('the cost is that of devices that trained', () => {
    const times = rows.filter(({ arm }) => arm === 'kindred').map(({ roundMs }) => roundMs)
    times.sort((a, b) => a - b)
    expect(of('kindred').cost).toEqual({
      devices: 180,
      medianMs: times[89],
      p95Ms: times[170],
      downBytes: 4000,
      filtered: 0,
    })
    expect(of('cloud').cost).toMatchObject({ devices: 0, medianMs: null, p95Ms: null })
  })

  it('refuses what cannot be compared', () => {
    const other = rowOf({ arm: 'local', labels: [0, 1] })
    expect(() => ctrFindings([rowOf(), other])).toThrow('User u has different exposures under')
    expect(() => ctrFindings([rowOf(), rowOf({ arm: 'local', seed: 2 })])).toThrow(
      'without a seed and a user',
    )
    expect(() => ctrFindings([other])).toThrow('There are no results of the arm “cloud”')
  })
})
