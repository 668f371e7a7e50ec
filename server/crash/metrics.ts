/** Findings as figures, by name. */
import { BREACHES, type Breach } from './findings.ts'
import type { CrashFindings } from './run.ts'

export function crashMetrics({ breaches, counts, kills, days, seconds }: CrashFindings) {
  const all = Object.values(kills).reduce((sum, times) => sum + times)
  const of = (breach: Breach) => {
    const found = breaches.filter((one) => one.breach === breach).map(({ what }) => what)
    return { value: found.length, detail: { promise: `never: ${BREACHES[breach]}`, kills: all, found } }
  }
  const lost = of('lost')
  return {
    'cloud.crash.lost': {
      ...lost,
      detail: { ...lost.detail, during: kills, simulatedDays: days, seconds: Math.round(seconds), ...counts },
    },
    'cloud.crash.doubled': of('doubled'),
    'cloud.crash.broken': of('broken'),
  }
}
