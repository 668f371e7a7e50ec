/** The arms side by side, for people. */
import type { Estimate } from '../../experiment/statistics/bootstrap.ts'
import type { ArmFindings } from '../../experiment/statistics/ctr.ts'

type Column = readonly [title: string, cell: (of: ArmFindings) => string]

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`
const interval = (estimate: Estimate | null): string =>
  estimate === null
    ? ''
    : `${signed(estimate.value)} %${estimate.ci95 ? ` (${estimate.ci95.map(signed).join(' … ')})` : ''}`

const columns = (top: number): readonly Column[] => [
  ['arm', ({ arm }) => arm],
  ['users', ({ users }) => `${users}`],
  ['AUC', ({ auc }) => auc.a.value.toFixed(4)],
  ['against the reference', ({ auc }) => interval(auc.relativePct)],
  ['GAUC', ({ gauc }) => gauc.a.value.toFixed(4)],
  ['log-loss', ({ logLoss }) => logLoss.a.value.toFixed(4)],
  [`CTR@${top}`, ({ replay }) => percent(replay.ctr.a.value)],
  ['worse', ({ harm }) => (harm ? percent(harm.worse.value) : '')],
  ['placebo', ({ harm }) => (harm?.placebo ? percent(harm.placebo.value) : '')],
  ['trained', ({ trained }) => percent(trained)],
  ['ms a round', ({ cost }) => (cost.medianMs === null ? '' : cost.medianMs.toFixed(0))],
]

/** A line of titles, then a line an arm. */
export function ctrTable(findings: readonly ArmFindings[], top: number): string[] {
  const all = columns(top)
  const cells = [all.map(([title]) => title), ...findings.map((of) => all.map(([, cell]) => cell(of)))]
  const widths = all.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)))
  return cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
}
