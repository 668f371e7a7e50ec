/** The findings as figures, one a line. */
import type { Findings } from './run.ts'

export interface Metric {
  readonly metric: string
  readonly value: number
  readonly unit: string
  readonly target?: string
  readonly detail: Record<string, unknown>
}

export function metrics(findings: Findings): Metric[] {
  const { deaths, people, sent, acknowledged, logged, lost, miscounted, halfModels } = findings
  const ready = deaths.map(({ readyMs }) => Math.round(readyMs)).sort((a, b) => a - b)
  return [
    {
      metric: 'kills.lost',
      value: lost.length,
      unit: 'acknowledged calls',
      target: '0',
      detail: {
        kills: deaths.length,
        of: tally(deaths.map(({ kill }) => kill)),
        during: tally(deaths.map(({ during }) => during)),
        found: tally(deaths.map(({ found }) => found)),
        profiles: people,
        sent,
        acknowledged,
        logged,
      },
    },
    { metric: 'kills.miscounted', value: miscounted.length, unit: 'calls', target: '0', detail: { logged } },
    {
      metric: 'kills.half_models',
      value: halfModels.length,
      unit: 'models',
      target: '0',
      detail: { looks: deaths.length },
    },
    {
      metric: 'kills.ready_ms',
      value: ready[ready.length >> 1]!,
      unit: 'ms',
      detail: { median: ready[ready.length >> 1], max: ready.at(-1), all: ready },
    },
  ]
}

export const sentence = ({ metric, value, unit, target, detail }: Metric): string =>
  `${metric}: ${value} ${unit}${target ? ` (target ${target})` : ''} ${JSON.stringify(detail)}`

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
