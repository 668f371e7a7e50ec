/** `kindred experiment ctr`: what came out, as tables and plots. */
import { html } from 'hono/html'
import type { ArmFindings } from '../statistics/ctr.ts'
import type { CtrReport } from './findings.ts'
import { type Column, colorOf, drawn, figure, table } from './parts.ts'
import { distribution, intervals, lines } from './plots.ts'
import {
  breakable,
  count,
  type Html,
  more,
  NONE,
  percent,
  plain,
  share,
  withInterval,
  write,
} from './words.ts'

export function ctrPart({ arms, reference, top }: CtrReport): Html {
  return html`
<h2>How well each arm ranks</h2>
<p>AUC is the mean over users of each one’s own (macro); GAUC weighs users by their exposures. Below a figure stands its 95 % interval,
from resampling users with all they have. Differences are in percent of ${reference}, on the same users.</p>
<div class="plots">${gainPlot(arms, reference)}${activityPlot(arms, reference)}</div>
${table(
  `Ranking, next to ${reference}`,
  [
    ['arm', ({ arm }: ArmFindings) => breakable(arm)],
    ['users', ({ users }) => count(users)],
    ['AUC', ({ auc }) => withInterval(auc.a, plain(4))],
    [`over ${reference}`, ({ auc }) => more(auc)],
    ['seed by seed', ({ arm, aucPctBySeed }) => (arm === reference ? NONE : spread(aucPctBySeed))],
    ['GAUC', ({ gauc }) => withInterval(gauc.a, plain(4))],
    [`over ${reference}`, ({ gauc }) => more(gauc)],
    ['log-loss', ({ logLoss }) => withInterval(logLoss.a, plain(4))],
  ],
  arms,
)}
<h2>Whom it helps, whom it harms</h2>
<p>A user is worse off who loses more than one AUC point. Much of that is the noise of few exposures: the placebo is ${reference}
trained from another seed, and only what goes beyond it is an arm’s doing.</p>
<div class="plots">${gainPlots(arms, reference)}</div>
${table(
  'Users by what they gain',
  [
    ['arm', ({ arm }: ArmFindings) => breakable(arm)],
    ['better by more than a point', ({ harm }) => withInterval(harm?.better ?? null, share)],
    ['worse by more than a point', ({ harm }) => withInterval(harm?.worse ?? null, share)],
    ['the placebo', ({ harm }) => withInterval(harm?.placebo ?? null, share)],
    ['worse beyond it', ({ harm }) => withInterval(harm?.beyond ?? null, share)],
    ['have a model of their own', ({ trained }) => write(trained, share)],
  ],
  arms.filter(({ arm }) => arm !== reference),
)}
${table(
  `AUC over ${reference}, by how much a user had been shown before`,
  [
    ['arm', ({ arm }: ArmFindings) => breakable(arm)],
    ...(arms[0]?.activity ?? []).map(
      ({ from, to, auc }, i) =>
        [
          `${count(from)} to ${count(to)} (${count(auc.a.users)} users)`,
          activityCell(i),
        ] as Column<ArmFindings>,
    ),
  ],
  arms.filter(({ arm }) => arm !== reference),
)}
<h2>Replayed click-through rate</h2>
<p>Of each user’s candidates of a day the ${count(top)} ranked best are shown; what of them was clicked in truth are the clicks. Equal
scores at the edge count with the chance that each has.</p>
<div class="plots">${dayPlot(arms, reference)}</div>
${table(
  `All days, the ${count(top)} best of each`,
  [
    ['arm', ({ arm }: ArmFindings) => breakable(arm)],
    ['CTR', ({ replay }) => withInterval(replay.ctr.a, share)],
    [`over ${reference}`, ({ replay }) => more(replay.ctr)],
    ['clicks a user', ({ replay }) => withInterval(replay.clicksPerUser.a, plain(3))],
    [`over ${reference}`, ({ replay }) => more(replay.clicksPerUser)],
    ['users who click', ({ replay }) => withInterval(replay.clickers.a, share)],
    [`over ${reference}`, ({ replay }) => more(replay.clickers)],
  ],
  arms,
)}
<h2>What it costs a device</h2>
${table(
  'Rounds as they ran, beside others on the same cores',
  [
    ['arm', ({ arm }: ArmFindings) => breakable(arm)],
    ['devices that trained', ({ cost }) => count(cost.devices)],
    ['round, median', ({ cost: { medianMs } }) => (medianMs === null ? NONE : `${count(medianMs)} ms`)],
    ['round, 95 %', ({ cost: { p95Ms } }) => (p95Ms === null ? NONE : `${count(p95Ms)} ms`)],
    ['matched samples pulled', ({ cost }) => `${(cost.downBytes / 1000).toFixed(1)} KB`],
    ['kept by the filter', ({ cost }) => cost.filtered.toFixed(1)],
  ],
  arms,
)}`
}

const range = (from: number, to: number): string =>
  from === to ? count(from) : `${count(from)}–${count(to)}`

/** Of the seeds the least and the most. */
const spread = (values: readonly number[]): string =>
  [...new Set([Math.min(...values), Math.max(...values)])].map((value) => write(value, percent)).join(' … ')

const activityCell =
  (place: number) =>
  ({ activity }: ArmFindings): Html => {
    const group = activity[place]
    return group ? more(group.auc) : NONE
  }

const others = (arms: readonly ArmFindings[], reference: string) =>
  arms.filter(({ arm }) => arm !== reference)

function gainPlot(arms: readonly ArmFindings[], reference: string) {
  const rows = others(arms, reference).flatMap(({ arm, auc: { relativePct } }, place) =>
    relativePct ? [{ name: arm, estimate: relativePct, color: colorOf(arm, place) }] : [],
  )
  if (rows.length === 0) return ''
  return figure(
    `AUC over ${reference}`,
    'macro, in percent, with 95 % intervals',
    intervals(rows, {
      label: `% over ${reference}`,
      alt: `AUC of each arm in percent over ${reference}; the table below has the figures`,
      marks: [{ value: 0 }],
    }),
  )
}

function activityPlot(arms: readonly ArmFindings[], reference: string) {
  const shown = drawn(arms, reference).filter(({ arm }) => arm !== reference)
  if (shown.length === 0) return ''
  const series = shown.map(({ arm, color, activity }) => ({
    arm,
    color,
    points: activity.flatMap(({ from, to, auc: { relativePct } }) =>
      relativePct ? [{ name: range(from, to), estimate: relativePct }] : [],
    ),
  }))
  return figure(
    'By activity',
    `AUC in percent over ${reference}, by exposures before`,
    lines(series, {
      label: `% over ${reference}`,
      xLabel: 'exposures before',
      alt: `Gain in AUC by how active users had been; the table below has the figures`,
      zero: true,
    }),
    shown,
  )
}

const gainPlots = (arms: readonly ArmFindings[], reference: string) =>
  drawn(arms, reference)
    .filter(({ arm, gains }) => arm !== reference && gains.length > 0)
    .map(({ arm, gains, color }) =>
      figure(
        arm,
        'AUC points gained, by user; red: more than a point lost',
        distribution(
          gains.map((gain) => 100 * gain),
          {
            label: 'AUC points',
            alt: `How many users gain and lose how many AUC points under ${arm}`,
            loss: 1,
            color,
          },
        ),
      ),
    )

function dayPlot(arms: readonly ArmFindings[], reference: string) {
  const shown = drawn(arms, reference)
  const series = shown.map(({ arm, color, days }) => ({
    arm,
    color,
    points: days.map(({ day, ctr }) => ({ name: String(day + 1), estimate: percentOf(ctr.a) })),
  }))
  return figure(
    'Day by day',
    'replayed CTR, in percent',
    lines(series, { label: '%', xLabel: 'day', alt: 'Replayed click-through rate of each arm, day by day' }),
    shown,
  )
}

const percentOf = ({ value, ci95, users }: ArmFindings['auc']['a']) => ({
  value: 100 * value,
  ci95: ci95 && ([100 * ci95[0], 100 * ci95[1]] as const),
  users,
})
