/**
 * The paper's three metrics with 95 % intervals. Devices were assigned to arms, not impressions, so the variance is that between users:
 * by the delta method for ratios (Deng, Knoblich, Lu 2018, §2), by Wilson's interval (1927) for shares.
 */

/** The normal distribution's 97.5 % point. */
const Z = 1.959964

/** What one user has seen and clicked; clicks are of these exposures, so there are no more of them. */
export interface Counts {
  readonly exposures: number
  readonly clicks: number
}

export interface Estimate {
  /** Null where there is nothing to divide by. */
  readonly value: number | null
  /** Null where there are fewer than two users. */
  readonly ci95: readonly [number, number] | null
}

export interface Figures {
  /** exp UV, exp PV, clk PV and clk UV. */
  readonly users: number
  readonly exposures: number
  readonly clicks: number
  readonly clickers: number
  /** clk PV / exp PV */
  readonly ctr: Estimate
  /** clk PV / exp UV */
  readonly clicksPerUser: Estimate
  /** clk UV / exp UV */
  readonly clickerShare: Estimate
}
export const METRICS = ['ctr', 'clicksPerUser', 'clickerShare'] as const
export type Metric = (typeof METRICS)[number]

/** How much more an arm has than another. */
export interface Comparison {
  readonly difference: Estimate
  /** Of the other's value; null where that is 0. */
  readonly percent: Estimate
}

/** Sums over users, which is all that has to be kept of them. */
export interface Tally {
  add(user: Counts): void
  figures(): Figures
  /** Against another arm's. */
  against(other: Tally): Record<Metric, Comparison>
  /** The value of a metric, and its standard error. */
  moments(metric: Metric): Moments
}
interface Moments {
  readonly value: number | null
  readonly error: number | null
}

export function createTally(): Tally {
  let [users, clickers, exposures, clicks] = [0, 0, 0, 0]
  let [exposures2, clicks2, both] = [0, 0, 0]

  /** Σx / Σy over users, and its standard error: that of the mean of x − r·y, over the mean of y. */
  function ratio(x: number, y: number, xx: number, yy: number, xy: number): Moments {
    if (y === 0) return { value: null, error: null }
    const r = x / y
    const squares = xx - 2 * r * xy + r * r * yy
    return { value: r, error: users < 2 ? null : Math.sqrt((Math.max(0, squares) * users) / (users - 1)) / y }
  }

  function moments(metric: Metric): Moments {
    if (metric === 'ctr') return ratio(clicks, exposures, clicks2, exposures2, both)
    if (metric === 'clicksPerUser') return ratio(clicks, users, clicks2, users, clicks)
    return ratio(clickers, users, clickers, users, clickers)
  }

  return {
    add({ exposures: seen, clicks: clicked }) {
      if (seen === 0) return
      users++
      if (clicked > 0) clickers++
      exposures += seen
      clicks += clicked
      exposures2 += seen * seen
      clicks2 += clicked * clicked
      both += seen * clicked
    },
    moments,
    figures: () => ({
      users,
      exposures,
      clicks,
      clickers,
      ctr: around(moments('ctr')),
      clicksPerUser: around(moments('clicksPerUser')),
      clickerShare: wilson(clickers, users),
    }),
    against(other) {
      const of = (metric: Metric) => comparison(moments(metric), other.moments(metric))
      return { ctr: of('ctr'), clicksPerUser: of('clicksPerUser'), clickerShare: of('clickerShare') }
    },
  }
}

function around({ value, error }: Moments): Estimate {
  return { value, ci95: value === null || error === null ? null : [value - Z * error, value + Z * error] }
}

/** Users of two arms are others, so variances add up. */
function comparison(one: Moments, other: Moments): Comparison {
  const none = { value: null, error: null }
  if (one.value === null || other.value === null) return { difference: around(none), percent: around(none) }
  const known = one.error !== null && other.error !== null
  const [a, b] = [one.error ?? 0, other.error ?? 0]
  const factor = one.value / other.value
  const relative = Math.hypot(a, factor * b) / other.value
  return {
    difference: around({ value: one.value - other.value, error: known ? Math.hypot(a, b) : null }),
    percent: around(
      other.value === 0 ? none : { value: 100 * (factor - 1), error: known ? 100 * relative : null },
    ),
  }
}

/** Also sensible where nobody or everybody does. */
export function wilson(some: number, all: number): Estimate {
  if (all === 0) return { value: null, ci95: null }
  const share = some / all
  if (all < 2) return { value: share, ci95: null }
  const z2 = (Z * Z) / all
  const middle = (share + z2 / 2) / (1 + z2)
  const half = (Z / (1 + z2)) * Math.sqrt((share * (1 - share)) / all + z2 / (4 * all))
  return { value: share, ci95: [Math.max(0, middle - half), Math.min(1, middle + half)] }
}
