/** What the visits of a simulation say, as metrics. */
import type { Round } from '../../shared/protocol.ts'
import type { Report } from './report.ts'

/** How one simulated visitor fared. */
export interface Visit {
  /** From the click that made it enough to the first round that trained, ms. */
  readonly ms: number
  readonly round: Round
  /** AUC of the ranking of items drawn at random by whether they are to the visitor's taste, before and after the round. */
  readonly taste: { readonly before: number | undefined; readonly after: number | undefined }
}

/** Items that a ranking is judged by. */
export const JUDGED = 300

/** The q-quantile (nearest rank) of `values`. */
function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!
}

export function reportVisits(
  report: Report,
  { clicks, atOnce }: { clicks: number; atOnce: number },
  visits: readonly Visit[],
): void {
  const rounds = visits.map(({ round }) => round)
  const committed = visits.filter(({ round }) => round.outcome === 'committed')
  const seconds = committed.map(({ ms }) => ms / 1000)
  const trained = rounds.filter(({ before, after }) => before !== null && after !== null)
  const mean = (pick: (round: Round) => number) =>
    rounds.reduce((sum, round) => sum + pick(round), 0) / rounds.length
  const tally: Record<string, number> = {}
  for (const { outcome } of rounds) tally[outcome] = (tally[outcome] ?? 0) + 1
  report.metric({
    metric: 'simulate.first_model_s',
    value: seconds.length === 0 ? null : quantile(seconds, 0.5),
    unit: 's',
    target: '<30',
    detail: {
      from: `click ${clicks} of a new visitor`,
      to: 'first committed personal model',
      ...(seconds.length === 0 && { why: 'no device committed a model' }),
      p95: seconds.length === 0 ? null : quantile(seconds, 0.95),
      max: seconds.length === 0 ? null : Math.max(...seconds),
      devices: visits.length,
      atOnce,
      outcomes: tally,
      engines: [...new Set(rounds.map(({ engine }) => engine))],
      roundMs: quantile(
        rounds.map(({ ms }) => ms),
        0.5,
      ),
    },
  })
  const tastes = visits.flatMap(({ taste: { before, after } }) =>
    before === undefined || after === undefined ? [] : [{ before, after }],
  )
  const meanTaste = (when: 'before' | 'after') =>
    tastes.reduce((sum, taste) => sum + taste[when], 0) / tastes.length
  report.metric({
    metric: 'simulate.taste_auc',
    value: tastes.length === 0 ? null : meanTaste('after'),
    unit: 'AUC',
    rival: 'the delivered model',
    detail:
      tastes.length === 0
        ? { why: 'no visitor’s taste divides the items' }
        : { before: meanTaste('before'), visitors: tastes.length, items: JUDGED },
  })
  report.metric({
    metric: 'simulate.committed_share',
    value: committed.length / visits.length,
    unit: 'of devices',
    detail: {
      failures: rounds.flatMap(({ failure }) => failure?.message ?? []),
      matched: mean(({ matched }) => matched),
      kept: mean(({ kept }) => kept),
      bytesDown: mean(({ bytes }) => bytes),
      aucBefore:
        trained.length === 0
          ? null
          : quantile(
              trained.map(({ before }) => before!),
              0.5,
            ),
      aucAfter:
        trained.length === 0
          ? null
          : quantile(
              trained.map(({ after }) => after!),
              0.5,
            ),
    },
  })
}
