/** How the arms of an experiment did: day by day, and against each other. */
import { dayOf } from '../../shared/clock.ts'
import type { KindredEvent } from '../../shared/event.ts'
import type { DeviceInfo } from '../../shared/release/device.ts'
import { armOf, type Experiment } from '../../shared/release/releases.ts'
import type { Store } from '../store/store.ts'
import {
  type Comparison,
  type Counts,
  createTally,
  type Figures,
  type Metric,
  type Tally,
} from './figures.ts'

export interface Measured {
  readonly dayMs: number
  /** Rising; each arm that there is, by name. */
  readonly days: readonly { readonly day: number; readonly arms: Readonly<Record<string, Figures>> }[]
  /** Over all days. */
  readonly total: Readonly<Record<string, Figures>>
  /** The arm that the others are compared with, and how they compare, over all days. */
  readonly baseline: string
  readonly against: Readonly<Record<string, Readonly<Record<Metric, Comparison>>>>
  /** Users who count in none, because their devices are in two arms. */
  readonly mixed: number
}

export interface MeasureOptions {
  readonly dayMs: number
  /** ms: what happened later is left out. */
  readonly now: number
  /** By default the first arm without a task of its own: a control, or the holdout. */
  readonly baseline?: string
}

/** Reads the events of everybody in an arm, from the experiment's begin to its end, or to now. */
export async function measure(
  store: Pick<Store, 'users' | 'events' | 'deviceFacts'>,
  experiment: Experiment,
  { dayMs, now, baseline = baselineOf(experiment) }: MeasureOptions,
): Promise<Measured> {
  const { from, until = now, ended = now } = experiment
  const window = { from, until: Math.min(until, ended, now), dayMs }
  const days = new Map<number, Map<string, Tally>>()
  const total = talliesOf(experiment)
  let mixed = 0
  for (const user of await store.users.devices()) {
    const arms = await armsOf(store, experiment, user)
    if (arms.size > 1) mixed++
    const [arm] = arms
    if (arm === undefined || arms.size > 1) continue
    let [exposures, clicks] = [0, 0]
    for (const [day, counts] of countByDay(await store.events.of(user), window)) {
      if (!days.has(day)) days.set(day, talliesOf(experiment))
      days.get(day)!.get(arm)!.add(counts)
      exposures += counts.exposures
      clicks += counts.clicks
    }
    total.get(arm)!.add({ exposures, clicks })
  }
  const others = [...total].filter(([name]) => name !== baseline)
  return {
    dayMs,
    days: [...days].sort(([a], [b]) => a - b).map(([day, arms]) => ({ day, arms: figuresOf(arms) })),
    total: figuresOf(total),
    baseline,
    against: Object.fromEntries(others.map(([name, tally]) => [name, tally.against(total.get(baseline)!)])),
    mixed,
  }
}

export const baselineOf = ({ arms }: Experiment): string => arms.find(({ task }) => task === null)!.name

/**
 * What of a user's exposures fell on each day, and which of them were clicked: a click counts on the day of its exposure, once,
 * whenever it came.
 */
export function countByDay(
  events: readonly KindredEvent[],
  { from, until, dayMs }: { from: number; until: number; dayMs: number },
): Map<number, Counts> {
  const clicked = new Set(
    events.flatMap((event) => (event.type === 'click' && event.at < until ? [event.exposure] : [])),
  )
  const found = new Map<number, Counts>()
  for (const event of events) {
    if (event.type !== 'exposure' || event.at < from || event.at >= until) continue
    const day = dayOf(event.at, dayMs)
    const { exposures, clicks } = found.get(day) ?? { exposures: 0, clicks: 0 }
    found.set(day, { exposures: exposures + 1, clicks: clicks + (clicked.has(event.id) ? 1 : 0) })
  }
  return found
}

/** Of the devices of a user that have told of themselves. */
async function armsOf(
  { users, deviceFacts }: Pick<Store, 'users' | 'deviceFacts'>,
  experiment: Experiment,
  user: number,
): Promise<Set<string>> {
  const infos = await Promise.all((await users.devicesOf(user)).map((device) => deviceFacts.of(device)))
  const placed = infos.flatMap((info: DeviceInfo | undefined) => (info && armOf(experiment, info)) ?? [])
  return new Set(placed.map(({ name }) => name))
}

const talliesOf = ({ arms }: Experiment): Map<string, Tally> =>
  new Map(arms.map(({ name }) => [name, createTally()]))

const figuresOf = (tallies: ReadonlyMap<string, Tally>): Record<string, Figures> =>
  Object.fromEntries([...tallies].map(([name, tally]) => [name, tally.figures()]))
