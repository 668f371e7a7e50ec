/**
 * What a replay says of its arms. Users of different arms are different people, so each arm is first compared with the global
 * model of last night on the very clicks of its own users; arms are then compared by what they gained over that.
 */
import { DAY_MS } from '../../../shared/clock.ts'
import type { ArmOfDay, FreshReport } from '../report/findings.ts'
import { type Bootstrap, bootstrap, type Estimate, type Part, type Parts } from '../statistics/bootstrap.ts'
import { type RankedFindings, rankedFindings } from '../statistics/ranked.ts'
import { hitRate, type Place } from '../statistics/ranking.ts'
import type { FreshRow, Places } from './results.ts'

/** How the other articles were drawn. */
export type Drawn = 'read' | 'any'
export type Age = keyof typeof AGES
export const AGES = {
  young: (row: FreshRow) => row.age < DAY_MS,
  old: (row: FreshRow) => row.age >= DAY_MS,
  all: () => true,
}

/** An arm's device against another model on the same clicks. */
export function pairedWith(
  rows: readonly FreshRow[],
  arm: string,
  reference: 'cloud' | 'hourly',
  drawn: Drawn,
): RankedFindings | undefined {
  const own = rows.filter((row) => row.arm === arm)
  if (own.length === 0) return undefined
  const level = `${reference}, on the same clicks`
  const judged = own.flatMap((row) => {
    const { arm: device, [reference]: other } = row[drawn]
    return [
      { arm, seed: 0, user: row.user, ...device },
      { arm: level, seed: 0, user: row.user, ...other },
    ]
  })
  return rankedFindings(judged, { reference: level })[0]
}

export interface Gain {
  /** By how many percent of the other arm's HR@10 the one gained more over last night's model. */
  readonly pct: number
  readonly ci95: readonly [number, number] | null
  readonly hr10: readonly [number, number]
  readonly users: readonly [number, number]
  readonly clicks: readonly [number, number]
}

/** One arm against another, whose users are others. Undefined where one of them has no clicks. */
export function gainOver(
  rows: readonly FreshRow[],
  [one, other]: readonly [string, string],
  drawn: Drawn,
  boot: Bootstrap = bootstrap(),
): Gain | undefined {
  const groups = [one, other].map((arm) => rows.filter((row) => row.arm === arm))
  if (groups.some((group) => group.length === 0)) return undefined
  const [a, b] = groups.map((group) => summed(group, (row) => gainOf(row[drawn])))
  const [hrA, hrB] = groups.map((group) => meanOf(group, (row) => hitRate(row[drawn].arm, 10)))
  const { difference } = boot.buckets(a!, b!)
  const percent = (value: number) => (100 * value) / hrB!
  return {
    pct: percent(difference.value),
    ci95: difference.ci95 && [percent(difference.ci95[0]), percent(difference.ci95[1])],
    hr10: [hrA!, hrB!],
    users: [a!.size, b!.size],
    clicks: [groups[0]!.length, groups[1]!.length],
  }
}

const gainOf = ({ arm, cloud }: Places): number => hitRate(arm, 10) - hitRate(cloud, 10)

const meanOf = (rows: readonly FreshRow[], measure: (row: FreshRow) => number): number =>
  rows.reduce((sum, row) => sum + measure(row), 0) / rows.length

function summed(rows: readonly FreshRow[], measure: (row: FreshRow) => number): Parts {
  const parts = new Map<string, Part>()
  for (const row of rows) {
    const { sum, weight } = parts.get(row.user) ?? { sum: 0, weight: 0 }
    parts.set(row.user, { sum: sum + measure(row), weight: weight + 1 })
  }
  return parts
}

type Tables = Pick<FreshReport, 'reference' | 'arms' | 'ages' | 'days'>

/** Tables of the report; among articles drawn as often as they were read. */
export function tablesOf(rows: readonly FreshRow[]): Tables {
  const arms = [...new Set(rows.map(({ arm }) => arm))]
  const of = (some: readonly FreshRow[]) =>
    arms.flatMap((arm) => pairedWith(some, arm, 'cloud', 'read') ?? [])
  const days = [...new Set(rows.map(({ day }) => day))].sort((a, b) => a - b)
  return {
    reference: 'cloud, on the same clicks',
    arms: of(rows),
    ages: [
      { title: 'Articles younger than a day', arms: of(rows.filter(AGES.young)) },
      { title: 'Older articles', arms: of(rows.filter(AGES.old)) },
    ],
    days: days.map((day) => ({ day, arms: arms.flatMap((arm) => dayOfArm(rows, arm, day)) })),
  }
}

function dayOfArm(rows: readonly FreshRow[], arm: string, day: number): ArmOfDay[] {
  const own = rows.filter((row) => row.arm === arm && row.day === day)
  if (own.length === 0) return []
  const hr10: Estimate = bootstrap().ratio(summed(own, (row) => hitAt10(row.read.arm)))
  return [{ arm, hr10 }]
}

const hitAt10 = (place: Place): number => hitRate(place, 10)
