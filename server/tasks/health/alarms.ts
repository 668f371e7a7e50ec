/**
 * Which versions fail more often than those they came after, beyond chance: by the interval of the difference of two shares that is made
 * of Wilson's (Newcombe 1998, Statistics in Medicine 17, method 10), which is also sensible where nothing has failed yet.
 */
import type { RunHealth } from '../../../shared/admin.ts'
import { wilson } from '../figures.ts'
import type { Share } from './tally.ts'

/** `against` is the newest version before it that ran in these days. */
export type Alarm = RunHealth['alarms'][number]
type Rate = Alarm['failed']

/** The share of runs that failed; undefined for fewer than two runs. */
export function rateOf({ runs, failed }: Share): Rate | undefined {
  const { value, ci95 } = wilson(failed, runs)
  return value === null || ci95 === null ? undefined : { share: value, ci95: [...ci95] }
}

/** How much larger the first share is than the second. */
export function differenceOf(one: Rate, other: Rate): Alarm['difference'] {
  const value = one.share - other.share
  const below = Math.hypot(one.share - one.ci95[0], other.ci95[1] - other.share)
  const above = Math.hypot(one.ci95[1] - one.share, other.share - other.ci95[0])
  return { value, ci95: [value - below, value + above] }
}

/** `versions` of one task or more, each once. */
export function alarmsOf(
  versions: readonly { readonly task: string; readonly version: number; readonly shares: Share }[],
): Alarm[] {
  const rated = versions
    .flatMap(({ task, version, shares }) => {
      const rate = rateOf(shares)
      return rate ? [{ task, version, rate }] : []
    })
    .sort((a, b) => (a.task < b.task ? -1 : a.task > b.task ? 1 : a.version - b.version))
  return rated.flatMap(({ task, version, rate }, i) => {
    const last = rated[i - 1]
    if (last?.task !== task) return []
    const difference = differenceOf(rate, last.rate)
    if (difference.ci95[0] <= 0) return []
    return [{ task, version, against: last.version, failed: rate, before: last.rate, difference }]
  })
}
