/**
 * Whom an arm makes worse off. Of the AUC of a few dozen exposures much is noise: so the same is counted for a placebo,
 * the reference trained from another seed, which is neither better nor worse than the reference for anybody.
 */
import { averaged, type Bootstrap, type Estimate, type Parts } from './bootstrap.ts'

/** One AUC point. */
const POINT = 0.01
/** AUCs are ratios of counts: what differs by just a point is not to be tipped over by rounding. */
const ROUNDING = 1e-9

/** Shares of users, each user counting by the share of seeds in which it is so. */
export interface Harm {
  /** Worse by more than one AUC point. */
  readonly worse: Estimate
  readonly better: Estimate
  /** Share made worse by the placebo, over all ordered pairs of seeds of the reference; null with one seed only. */
  readonly placebo: Estimate | null
  /** `worse` less `placebo`, the same users being drawn for both. */
  readonly beyond: Estimate | null
}

/**
 * `arm` and `reference` are the AUCs by seed, of the same seeds; `all` those of all seeds that the reference has. Users of
 * whom one class is absent are in none of them.
 */
export function harmOf(
  arm: readonly Parts[],
  reference: readonly Parts[],
  all: readonly Parts[],
  { ratio, paired }: Bootstrap,
): Harm {
  const worse = averaged(arm.map((aucs, s) => sharesOf(aucs, reference[s]!, isWorse)))
  const better = averaged(arm.map((aucs, s) => sharesOf(aucs, reference[s]!, isBetter)))
  const others = all.flatMap((level, s) =>
    all.flatMap((other, t) => (s === t ? [] : [sharesOf(other, level, isWorse)])),
  )
  const placebo = new Map([...averaged(others)].filter(([user]) => worse.has(user)))
  const against = placebo.size === 0 ? undefined : paired(worse, placebo)
  return {
    worse: ratio(worse),
    better: ratio(better),
    placebo: against?.b ?? null,
    beyond: against?.difference ?? null,
  }
}

const isWorse = (gain: number): boolean => gain < -POINT - ROUNDING
const isBetter = (gain: number): boolean => gain > POINT + ROUNDING

const sharesOf = (aucs: Parts, reference: Parts, is: (gain: number) => boolean): Parts =>
  new Map(
    [...aucs].flatMap(([user, { sum }]) => {
      const level = reference.get(user)
      return level ? [[user, { sum: is(sum - level.sum) ? 1 : 0, weight: 1 }] as const] : []
    }),
  )
