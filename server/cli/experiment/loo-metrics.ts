/** The figures of `kindred experiment loo`. */
import type { Judge } from '../../experiment/loo/leave-one-out.ts'
import type { LooOutcome } from '../../experiment/loo/loo.ts'
import type { Among } from '../../experiment/loo/results.ts'
import type { RankedFindings } from '../../experiment/statistics/ranked.ts'
import type { Metric } from '../report.ts'

type All = Readonly<Record<Among, readonly RankedFindings[]>>
const MEASURES = ['hr1', 'hr5', 'hr10', 'ndcg5', 'ndcg10'] as const
const TOLD = 'kindred'

/** Of the arm `kindred`; the detail has all arms and measures. */
export function looMetrics(
  findings: All,
  { judge, negatives, models }: Pick<LooOutcome, 'negatives' | 'models'> & { judge: Judge },
): Metric[] {
  const figure = (metric: string, target: string, measure: 'hr10' | 'ndcg10'): Metric => {
    const about = {
      metric,
      unit: measure === 'hr10' ? 'HR@10' : 'NDCG@10',
      target,
      rival: 'DCCL, SASRec, BERT4Rec',
    }
    const arms = {
      uniform: told(findings.uniform),
      popular: told(findings.popular),
      full: told(findings.full),
    }
    const kindred = findings.uniform.find(({ arm }) => arm === TOLD)
    const detail = { judge, arms, negatives, models }
    if (!kindred)
      return { ...about, value: null, detail: { why: `There are no results of the arm ${TOLD}.`, ...detail } }
    const { a, relativePct } = kindred[measure]
    const vsCloud = relativePct && { pct: relativePct.value, ci95: relativePct.ci95 }
    return { ...about, value: a.value, detail: { ci95: a.ci95, users: a.users, vsCloud, ...detail } }
  }
  return [figure('loo.hr10', '>=0.83', 'hr10'), figure('loo.ndcg10', '>=0.61', 'ndcg10')]
}

const told = (arms: readonly RankedFindings[]) =>
  Object.fromEntries(
    arms.map((found) => [
      found.arm,
      Object.fromEntries(
        MEASURES.map((measure) => {
          const { value, ci95 } = found[measure].a
          return [measure, { value, ci95 }]
        }),
      ),
    ]),
  )

/** A heading, then a line an arm. */
export function looTable(title: string, arms: readonly RankedFindings[]): string[] {
  const head = ['arm', 'users', ...MEASURES.map((name) => name.replace(/\d/, '@$&').toUpperCase())]
  const lines = arms.map((found) => [
    found.arm,
    `${found.users}`,
    ...MEASURES.map((measure) => found[measure].a.value.toFixed(4)),
  ])
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i]!.length)))
  return [
    title,
    ...[head, ...lines].map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    ),
  ]
}
