/** How the versions of tasks do on devices: what is taken of what devices report, and what the operator is told of it. */
import type { RunHealth } from '../../../shared/admin.ts'
import type { Reported, ReportsRequest } from '../../../shared/api.ts'
import { type Clock, dayOf } from '../../../shared/clock.ts'
import { type Report, RUN_OUTCOMES } from '../../../shared/tasks/report.ts'
import type { Store } from '../../store/store.ts'
import type { Version } from '../repository.ts'
import { alarmsOf } from './alarms.ts'
import { ACCURACY, quantile, type Sketch } from './sketch.ts'
import { deviationOf } from './spread.ts'
import { emptyTally, joinTally, PARTS, sharesOf, type Tally, tally, tallyFrom } from './tally.ts'

/** Days that are told where nobody says how many. */
const DAYS = 14

/** A device that reports. */
export interface Teller {
  readonly id: string
  /** Whether one report more of it counts … */
  mayReport(): boolean
  /** … and a name that no device has told today. */
  mayName(): boolean
}

export interface Range {
  /** The last day: by default, today. */
  readonly to?: number | undefined
  /** The first one; by default as many days before as make up `days`, which are fourteen by default. */
  readonly from?: number | undefined
  readonly days?: number | undefined
  readonly task?: string | undefined
}

export interface Health {
  /** On disk when it resolves. What is told of a version that never was counts for nothing. */
  take(upload: ReportsRequest, teller: Teller): Promise<Reported>
  tell(range?: Range): Promise<RunHealth>
}

export interface HealthOptions {
  readonly store: Pick<Store, 'sums' | 'deviceFacts'>
  /** All versions of all tasks. */
  versions(): Promise<readonly Version[]>
  readonly clock: Clock
  readonly dayMs: number
}

export function createHealth({ store, versions, clock, dayMs }: HealthOptions): Health {
  let known: ReadonlySet<string> = new Set()

  /** Looks again where one is told of that was not there yet. */
  async function knownWith(names: readonly string[]): Promise<ReadonlySet<string>> {
    if (!names.every((name) => known.has(name)))
      known = new Set((await versions()).map((one) => nameOf(one.name, one.version)))
    return known
  }

  return {
    async take({ id, reports }, teller) {
      const there = await knownWith(reports.map(nameIn))
      const counting = reports.filter((one) => there.has(nameIn(one)) && teller.mayReport())
      const platform = (await store.deviceFacts.of(teller.id))?.platform
      const changes = [...groupsOf(counting).values()].map((group) => ({
        ...versionOf(group[0]!),
        add(sum: unknown) {
          const into = tallyFrom(sum)
          for (const report of group) tally(into, report, platform, teller.mayName)
          return into
        },
      }))
      const isNew = await store.sums.add(dayOf(clock.now(), dayMs), id, changes)
      const accepted = isNew ? counting.length : 0
      return { accepted, ignored: reports.length - accepted }
    },

    async tell({
      days = DAYS,
      to = dayOf(clock.now(), dayMs),
      from = Math.max(0, to - days + 1),
      task,
    } = {}) {
      const rows = (await store.sums.read(from, to))
        .filter((row) => task === undefined || row.task === task)
        .map(({ sum, ...row }) => ({ ...row, tally: tallyFrom(sum) }))
      const all = inAll(rows)
      return {
        ...{ dayMs, from, to, accuracy: ACCURACY },
        rows: rows.map(({ day, tally, ...of }) => ({ day, ...of, ...shown(tally) })),
        versions: all.map(({ tally, ...of }) => ({ ...of, ...shown(tally) })),
        alarms: alarmsOf(all.map(({ tally, ...of }) => ({ ...of, shares: sharesOf(tally) }))),
      }
    },
  }
}

interface Of {
  readonly task: string
  readonly version: number
}

const versionOf = ({ task, version }: Report): Of => ({ task, version })
const nameOf = (task: string, version: number): string => `${task} ${version}`
const nameIn = ({ task, version }: Of): string => nameOf(task, version)

function groupsOf(reports: readonly Report[]): Map<string, Report[]> {
  const groups = new Map<string, Report[]>()
  for (const report of reports) {
    const name = nameIn(report)
    groups.set(name, [...(groups.get(name) ?? []), report])
  }
  return groups
}

/** Each version once, over all days; by task, then version. */
function inAll(rows: readonly (Of & { readonly tally: Tally })[]): (Of & { readonly tally: Tally })[] {
  const found = new Map<string, Of & { readonly tally: Tally }>()
  for (const { task, version, tally } of rows) {
    const name = nameOf(task, version)
    if (!found.has(name)) found.set(name, { task, version, tally: emptyTally() })
    joinTally(found.get(name)!.tally, tally)
  }
  return [...found.values()].sort((a, b) =>
    a.task < b.task ? -1 : a.task > b.task ? 1 : a.version - b.version,
  )
}

function shown(tally: Tally): Omit<RunHealth['versions'][number], keyof Of> {
  const { outcomes, failures, ms, bytes, values } = tally
  return {
    runs: sharesOf(tally).runs,
    outcomes: Object.fromEntries(
      RUN_OUTCOMES.map((name) => [name, outcomes[name] ?? 0]),
    ) as RunHealth['versions'][number]['outcomes'],
    failures,
    ms: quantiles(ms),
    bytes: quantiles(bytes),
    by: Object.fromEntries(PARTS.map((part) => [part, tally[part]])),
    values: Object.entries(values).map(([name, spread]) => ({
      name,
      count: spread.count,
      mean: spread.mean,
      deviation: deviationOf(spread),
      min: spread.min,
      max: spread.max,
    })),
  }
}

function quantiles(sketch: Sketch): { median: number; p95: number } | null {
  const [median, p95] = [quantile(sketch, 0.5), quantile(sketch, 0.95)]
  return median === null || p95 === null ? null : { median, p95 }
}
