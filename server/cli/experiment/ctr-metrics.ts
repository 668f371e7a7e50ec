/** The figures of `kindred experiment ctr`. */
import { cpus } from 'node:os'
import type { CtrOutcome } from '../../experiment/ctr.ts'
import type { Comparison, Estimate } from '../../experiment/statistics/bootstrap.ts'
import { type ArmFindings, compareAuc } from '../../experiment/statistics/ctr.ts'
import type { Metric } from '../report.ts'

interface Against {
  readonly metric: string
  readonly arm: string
  /** An arm; absent: the best of all others. */
  readonly rival?: string
  readonly target?: string
}

/** The margins that the paper reports of its arms are those of clicks online. */
const MARGINS: readonly Against[] = [
  { metric: 'ctr.coda_vs_cloud_pct', arm: 'coda', rival: 'cloud' },
  { metric: 'ctr.coda_vs_local_pct', arm: 'coda', rival: 'local' },
  { metric: 'ctr.kindred_vs_cloud_pct', arm: 'kindred', rival: 'cloud', target: '>=4' },
  { metric: 'ctr.kindred_vs_best_pct', arm: 'kindred', target: '>=0.5' },
]

export function ctrMetrics(
  { rows, minutes, all }: CtrOutcome,
  findings: readonly ArmFindings[],
  { threads }: { threads: number },
): Metric[] {
  const there = new Map(findings.map((one) => [one.arm, one]))
  const margin = ({ metric, arm, rival = bestBut(arm, findings), target }: Against): Metric => {
    const about = { metric, unit: '%', ...(target && { target }), ...(rival && { rival }) }
    const missing = [arm, rival ?? 'another'].find((name) => !there.has(name))
    if (missing !== undefined)
      return { ...about, value: null, detail: { why: `There are no results of the arm ${missing}.` } }
    const compared = compareAuc(rows, arm, rival!)
    const { relativePct } = compared
    return { ...about, value: relativePct?.value ?? null, detail: { ...detailOf(compared), arm, rival } }
  }
  return [...MARGINS.map(margin), worse(there.get('kindred')), took(minutes, all, threads)]
}

const bestBut = (arm: string, findings: readonly ArmFindings[]): string | undefined =>
  findings.filter((one) => one.arm !== arm).sort((a, b) => b.auc.a.value - a.auc.a.value)[0]?.arm

const detailOf = ({ a, b, difference, relativePct }: Comparison) => ({
  ci95: relativePct?.ci95 ?? null,
  users: difference.users,
  auc: a.value,
  rivalAuc: b.value,
  difference: told(difference),
})

const told = ({ value, ci95 }: Estimate) => ({ value, ci95 })

function worse(kindred: ArmFindings | undefined): Metric {
  const about = {
    metric: 'ctr.kindred_worse_share',
    unit: 'of users',
    target: '<=0.05',
    rival: 'cloud of another seed',
  }
  const harm = kindred?.harm
  if (!harm?.beyond || !harm.placebo) {
    const why = harm ? 'A placebo takes two seeds.' : 'There are no results of the arm kindred.'
    return { ...about, value: null, detail: { why, ...(harm && { worse: told(harm.worse) }) } }
  }
  const { beyond, worse, better, placebo } = harm
  const parts = { worse: told(worse), better: told(better), placebo: told(placebo) }
  return { ...about, value: beyond.value, detail: { ci95: beyond.ci95, users: beyond.users, ...parts } }
}

const took = (minutes: CtrOutcome['minutes'], rows: number, threads: number): Metric => ({
  metric: 'ctr.minutes',
  value: minutes.cloud + minutes.training + minutes.arms,
  unit: 'minutes',
  target: '<=15',
  detail: { ...minutes, rows, threads, cores: cpus().length },
})
