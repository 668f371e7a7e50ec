/** What the rows of an experiment say about its arms, each against the reference. */
import { AppError } from '../../../shared/failure.ts'
import { auc, logLoss } from '../../../shared/metrics.ts'
import type { Row } from '../results.ts'
import { type ActivityGroup, activityGroups } from './activity.ts'
import { averaged, type Bootstrap, bootstrap, type Comparison, type Parts } from './bootstrap.ts'
import { costOf, type RoundCost } from './cost.ts'
import { type Harm, harmOf } from './harm.ts'
import { byArm, compareBy, type Measure, type Pair, pairUp, partsOf, type Seeds } from './pairs.ts'
import { type Replayed, replay, together } from './replay.ts'

export interface CtrSettings {
  /** The arm that the others are compared with. */
  readonly reference?: string
  /** How many of a day's candidates are shown in the replay. */
  readonly top?: number
  /** Into how many groups users are divided by their activity. */
  readonly groups?: number
  readonly bootstrap?: Bootstrap
}

/** In comparisons `a` is the arm and `b` the reference; users are resampled, each one's seeds having been averaged. */
export interface ArmFindings {
  readonly arm: string
  /** Those that arm and reference have in common. */
  readonly seeds: readonly number[]
  /** With a row of both under each of these seeds, … */
  readonly users: number
  /** … and without: of those nothing is said. */
  readonly leftOut: number
  /** Share of rows with a model of the user's own. */
  readonly trained: number
  /** Mean over users of each one's AUC; who clicked all or nothing has none. */
  readonly auc: Comparison
  /** By how many percent that is more than the reference’s, seed by seed: how far apart they lie no interval tells. */
  readonly aucPctBySeed: readonly number[]
  /** The same, weighted by exposures. */
  readonly gauc: Comparison
  /** Mean over exposures; less is better. */
  readonly logLoss: Comparison
  readonly replay: ReplayFindings
  readonly days: readonly (ReplayFindings & { readonly day: number })[]
  readonly activity: readonly (Omit<ActivityGroup, 'members'> & { readonly auc: Comparison })[]
  /** null for the reference itself. */
  readonly harm: Harm | null
  /** Each user's AUC less that under the reference, rising. */
  readonly gains: readonly number[]
  readonly cost: RoundCost
}

/** The figures of the CoDA paper's Tables 3 and 4. */
export interface ReplayFindings {
  /** Clicks over what was shown. */
  readonly ctr: Comparison
  readonly clicksPerUser: Comparison
  /** Share of users who clicked anything. */
  readonly clickers: Comparison
}

/** Arms in the order in which they first appear. Throws `bad-input` for rows that cannot be compared (`pairUp`). */
export function ctrFindings(rows: readonly Row[], settings: CtrSettings = {}): ArmFindings[] {
  const { reference = 'cloud', top = 10, groups = 5, bootstrap: boot = bootstrap() } = settings
  const arms = byArm(rows)
  const level = seedsOf(arms, reference)
  const placebo = [...level.values()].map((users) => partsOf(users, macroAuc))
  const onDay = replays(top)
  return [...arms].map(([arm, seeds]) => {
    const pair = pairUp(seeds, level)
    const own = pair.a.flatMap((users) => [...users.values()])
    const a = pair.a.map((users) => partsOf(users, macroAuc))
    const b = pair.b.map((users) => partsOf(users, macroAuc))
    const mean = { a: averaged(a), b: averaged(b) }
    const days = [...new Set(own.flatMap((row) => row.days))].sort((one, other) => one - other)
    return {
      arm,
      seeds: pair.seeds,
      users: pair.users,
      leftOut: pair.leftOut,
      trained: own.filter(({ trained }) => trained).length / own.length,
      auc: boot.paired(mean.a, mean.b),
      aucPctBySeed: a.map((parts, s) => 100 * (meanOf(parts) / meanOf(b[s]!) - 1)),
      gauc: compareBy(pair, weightedAuc, boot),
      logLoss: compareBy(pair, loss, boot),
      replay: replayFindings(pair, onDay(undefined), boot),
      days: days.map((day) => ({ day, ...replayFindings(pair, onDay(day), boot) })),
      activity: byActivity(pair, mean, groups, boot),
      harm: arm === reference ? null : harmOf(a, b, placebo, boot),
      gains: [...mean.a].map(([user, { sum }]) => sum - mean.b.get(user)!.sum).sort((x, y) => x - y),
      cost: costOf(own),
    }
  })
}

/** The macro AUC of one arm against another's. Throws as `ctrFindings` does. */
export function compareAuc(
  rows: readonly Row[],
  arm: string,
  against: string,
  boot = bootstrap(),
): Comparison {
  const arms = byArm(rows)
  return compareBy(pairUp(seedsOf(arms, arm), seedsOf(arms, against)), macroAuc, boot)
}

function seedsOf(arms: ReadonlyMap<string, Seeds>, arm: string): Seeds {
  const seeds = arms.get(arm)
  if (!seeds) throw new AppError('bad-input', `There are no results of the arm “${arm}”`)
  return seeds
}

const meanOf = (parts: Parts): number =>
  [...parts.values()].reduce((sum, part) => sum + part.sum, 0) / parts.size

const macroAuc: Measure = ({ scores, labels }) => {
  const sum = auc(scores, labels)
  return sum === undefined ? undefined : { sum, weight: 1 }
}
const weightedAuc: Measure = (row) => {
  const part = macroAuc(row)
  return part && { sum: part.sum * row.labels.length, weight: row.labels.length }
}
const loss: Measure = ({ scores, labels }) => ({
  sum: logLoss(scores, labels) * labels.length,
  weight: labels.length,
})

function byActivity(
  { a }: Pair,
  mean: { readonly a: Parts; readonly b: Parts },
  groups: number,
  { paired }: Bootstrap,
): ArmFindings['activity'] {
  const judged = [...a[0]!.values()].filter(({ user }) => mean.a.has(user))
  return activityGroups(judged, groups).map(({ members, from, to }) => {
    const within = (parts: Parts) => new Map([...parts].filter(([user]) => members.has(user)))
    return { from, to, auc: paired(within(mean.a), within(mean.b)) }
  })
}

/** What a row's replay comes to on one day, or on all; undefined where it has nothing on that day. */
type Replays = (row: Row) => Replayed | undefined

function replayFindings(pair: Pair, replayed: Replays, boot: Bootstrap): ReplayFindings {
  const compare = (measure: (of: Replayed) => ReturnType<Measure>) =>
    compareBy(
      pair,
      (row) => {
        const of = replayed(row)
        return of && measure(of)
      },
      boot,
    )
  return {
    ctr: compare(({ clicks, shown }) => ({ sum: clicks, weight: shown })),
    clicksPerUser: compare(({ clicks }) => ({ sum: clicks, weight: 1 })),
    clickers: compare(({ clicked }) => ({ sum: clicked, weight: 1 })),
  }
}

/** Each row is replayed once. */
function replays(top: number): (day: number | undefined) => Replays {
  const known = new Map<Row, ReadonlyMap<number | undefined, Replayed>>()
  const of = (row: Row) => {
    const days = known.get(row) ?? replayDays(row, top)
    known.set(row, days)
    return days
  }
  return (day) => (row) => of(row).get(day)
}

function replayDays({ scores, labels, days }: Row, top: number): Map<number | undefined, Replayed> {
  const byDay = new Map<number | undefined, Replayed>()
  for (let start = 0; start < days.length; ) {
    const day = days[start]!
    let end = start + 1
    while (days[end] === day) end++
    byDay.set(day, replay(scores.slice(start, end), labels.slice(start, end), top))
    start = end
  }
  return byDay.set(undefined, together([...byDay.values()]))
}
