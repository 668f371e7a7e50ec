/** The figures of `kindred experiment fresh`. */
import { AGES, type Drawn, gainOver, pairedWith } from '../../experiment/fresh/findings.ts'
import type { FreshOutcome } from '../../experiment/fresh/fresh.ts'
import type { FreshRow } from '../../experiment/fresh/results.ts'
import type { Metric } from '../report.ts'

/**
 * HR@10 on articles younger than a day, among 50 drawn as often as they were read; the detail has the others. An arm is
 * compared with a global model on the clicks of its own users, with another arm by what both gain over last night's model.
 */
export function freshMetrics({ rows, ...how }: FreshOutcome): Metric[] {
  const young = rows.filter(AGES.young)
  const detail = { ...how, arms: armsOf(rows) }
  const paired = (reference: 'cloud' | 'hourly', target: string): Metric => {
    const found = pairedWith(young, 'kindred', reference, 'read')
    const metric = `fresh.kindred_vs_${reference}_pct`
    const about = { metric, unit: '%', target, rival: `${reference}, on the same clicks` }
    if (!found?.hr10.relativePct) return { ...about, value: null, detail: { why: NOBODY, ...detail } }
    const { a, b, relativePct } = found.hr10
    const told = { ci95: relativePct.ci95, hr10: [a.value, b.value], users: a.users, clicks: found.judged }
    return { ...about, value: relativePct.value, detail: { ...told, ...detail } }
  }
  const gained = (name: string, one: string, other: string): Metric => {
    const found = gainOver(young, [one, other], 'read')
    const about = { metric: `fresh.${name}_pct`, unit: '%', target: '>0', rival: `${other}, other users` }
    if (!found) return { ...about, value: null, detail: { why: NOBODY, ...detail } }
    const { pct, ...told } = found
    return { ...about, value: pct, detail: { ...told, ...detail } }
  }
  return [
    paired('cloud', '>=20'),
    paired('hourly', '>=5'),
    gained('coda_vs_local', 'coda', 'local'),
    gained('coda_vs_random', 'coda', 'coda-random'),
  ]
}

const NOBODY = 'Nobody of these arms clicked on an article younger than a day.'
const DRAWN: readonly Drawn[] = ['read', 'any']

/** Of each arm, by age of the article and by how the others were drawn. */
function armsOf(rows: readonly FreshRow[]) {
  const arms = [...new Set(rows.map(({ arm }) => arm))]
  return Object.fromEntries(
    arms.map((arm) => {
      const own = rows.filter((row) => row.arm === arm)
      const share = own.filter(({ own }) => own).length / own.length
      const ages = Object.entries(AGES).map(([age, isOf]) => [age, measured(own.filter(isOf), arm)])
      return [arm, { ownModel: share, ...Object.fromEntries(ages) }]
    }),
  )
}

function measured(rows: readonly FreshRow[], arm: string) {
  return Object.fromEntries(
    DRAWN.map((drawn) => {
      const cloud = pairedWith(rows, arm, 'cloud', drawn)
      const hourly = pairedWith(rows, arm, 'hourly', drawn)
      if (!cloud || !hourly) return [drawn, null]
      const told = (measure: 'hr10' | 'ndcg10') => ({
        arm: cloud[measure].a.value,
        cloud: cloud[measure].b.value,
        hourly: hourly[measure].b.value,
        vsCloudPct: cloud[measure].relativePct,
        vsHourlyPct: hourly[measure].relativePct,
      })
      return [drawn, { clicks: cloud.judged, users: cloud.users, hr10: told('hr10'), ndcg10: told('ndcg10') }]
    }),
  )
}

/** A heading, then a line an arm: HR@10 on young and old articles, with those of the global models on the same clicks. */
export function freshTable(rows: readonly FreshRow[]): string[] {
  const head = ['arm', 'clicks', 'own model', 'young', 'cloud', 'hourly', 'old', 'cloud', 'hourly']
  const arms = [...new Set(rows.map(({ arm }) => arm))]
  const lines = arms.map((arm) => {
    const own = rows.filter((row) => row.arm === arm)
    const figures = [AGES.young, AGES.old].flatMap((isOf) => {
      const [cloud, hourly] = (['cloud', 'hourly'] as const).map((reference) =>
        pairedWith(own.filter(isOf), arm, reference, 'read'),
      )
      return [cloud?.hr10.a, cloud?.hr10.b, hourly?.hr10.b].map((one) => one?.value.toFixed(4) ?? '–')
    })
    const trained = own.filter(({ own }) => own).length / own.length
    return [arm, `${own.length}`, `${Math.round(100 * trained)} %`, ...figures]
  })
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i]!.length)))
  return [head, ...lines].map((line) =>
    line
      .map((text, i) => text.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
}
