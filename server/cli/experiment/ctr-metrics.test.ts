import { expect, it } from 'vitest'
import { auc } from '../../../shared/metrics.ts'
import { seeded } from '../../../shared/random.ts'
import type { CtrOutcome } from '../../experiment/ctr.ts'
import { ctrFindings } from '../../experiment/statistics/ctr.ts'
import { madeUpRows } from '../../experiment/statistics/kit.ts'
import { ctrMetrics } from './ctr-metrics.ts'
import { ctrTable } from './ctr-table.ts'

const minutes = { cloud: 1, training: 2, arms: 3.5 }

function metricsOf(skill: Record<string, number>, seeds = [1, 2]) {
  const rows = madeUpRows({ users: 60, seeds, skill }, seeded(1))
  const outcome: CtrOutcome = { rows, models: [], minutes, all: rows.length }
  const metrics = ctrMetrics(outcome, ctrFindings(rows), { threads: 2 })
  return { rows, by: new Map(metrics.map((metric) => [metric.metric, metric])) }
}

const SKILL = { cloud: 1, local: 0.6, coda: 1.2, kindred: 2 }

it('are relative margins of the mean over users of their AUC, with intervals', () => {
  const { rows, by } = metricsOf(SKILL)
  const mean = (arm: string) => {
    const users = new Map<string, number[]>()
    for (const row of rows.filter((row) => row.arm === arm)) {
      const one = auc(row.scores, row.labels)
      if (one !== undefined) users.set(row.user, [...(users.get(row.user) ?? []), one])
    }
    const ofUsers = [...users.values()].map((all) => all.reduce((sum, one) => sum + one, 0) / all.length)
    return ofUsers.reduce((sum, one) => sum + one, 0) / ofUsers.length
  }
  const pct = (arm: string, rival: string) => 100 * (mean(arm) / mean(rival) - 1)
  expect(by.get('ctr.coda_vs_cloud_pct')!.value).toBeCloseTo(pct('coda', 'cloud'), 9)
  expect(by.get('ctr.coda_vs_local_pct')!.value).toBeCloseTo(pct('coda', 'local'), 9)
  expect(by.get('ctr.kindred_vs_cloud_pct')!.value).toBeCloseTo(pct('kindred', 'cloud'), 9)
  // The best of the others is the one of the greatest skill.
  expect(by.get('ctr.kindred_vs_best_pct')).toMatchObject({ rival: 'coda', target: '>=0.5' })
  expect(by.get('ctr.kindred_vs_best_pct')!.value).toBeCloseTo(pct('kindred', 'coda'), 9)
  for (const [name, { value, detail }] of by) {
    if (name === 'ctr.minutes') continue
    const [low, high] = detail!.ci95 as [number, number]
    expect(low).toBeLessThan(value!)
    expect(high).toBeGreaterThan(value!)
  }
})

it('say why there is no figure', () => {
  const { by } = metricsOf({ cloud: 1, coda: 2 })
  expect(by.get('ctr.coda_vs_cloud_pct')!.value).toBeGreaterThan(0)
  expect(by.get('ctr.coda_vs_local_pct')).toMatchObject({
    value: null,
    detail: { why: expect.stringContaining('arm local') },
  })
  expect(by.get('ctr.kindred_vs_best_pct')).toMatchObject({
    value: null,
    detail: { why: expect.stringContaining('arm kindred') },
  })
  expect(metricsOf(SKILL, [1]).by.get('ctr.kindred_worse_share')).toMatchObject({
    value: null,
    detail: { why: 'A placebo takes two seeds.' },
  })
})

it('tell the time of everything, and for how many rows', () => {
  const { rows, by } = metricsOf(SKILL)
  expect(by.get('ctr.minutes')).toMatchObject({
    value: 6.5,
    detail: { ...minutes, rows: rows.length, threads: 2 },
  })
})

it('stand in a table with a line an arm', () => {
  const { rows } = metricsOf(SKILL)
  const [titles, ...lines] = ctrTable(ctrFindings(rows), 2)
  expect(titles).toMatch(/^arm +users +AUC/)
  expect(lines.map((line) => line.split(' ')[0])).toEqual(Object.keys(SKILL))
})
