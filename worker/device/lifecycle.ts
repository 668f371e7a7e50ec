/**
 * The life of samples on the device (CoDA, Figure 5): its rules, without the storage (`samples.ts`).
 *
 *     local    made ──▶ validation ──(older than t)──▶ training ──(older than t′)──▶ gone
 *
 *     matched  pulled ──▶ unscored ──▶ classifying ──(has trained the classifier)──▶ gone
 *                            ├──(score < σ)──▶ gone
 *                            └──(score ≥ σ)──▶ filtered ──(a finished training has used it)──▶ gone
 *
 * Without a classifier (the filter `none`) all that are pulled are filtered, with no score.
 *
 * A table beyond its limit is cut to half at once: local by age, matched by score, where unscored counts 0. The paper
 * does not tell clicks from what was passed over there, nor do we: whoever passes over 200 items loses older clicks.
 */
import { DAY_MS } from '../../shared/clock.ts'
import type { Hyper } from '../../shared/hyper.ts'
import type { MatchedSample } from '../../shared/sample.ts'

/** What a local sample serves for. */
export type LocalUse = 'validation' | 'training' | 'none'

/** Where a matched sample stands. */
export type MatchedState =
  | { readonly state: 'unscored' }
  | { readonly state: 'classifying' }
  | { readonly state: 'filtered'; readonly score: number | null }

/** `order` is that in which they came in. */
export type Matched = MatchedSample & { readonly order: number } & MatchedState

/** Validation in [0, t] days, training in (t, t′], nothing after. */
export function useOf(age: number, { localValidationDays, localTrainingDays }: Hyper): LocalUse {
  if (age <= localValidationDays * DAY_MS) return 'validation'
  return age <= localTrainingDays * DAY_MS ? 'training' : 'none'
}

/** How many of `total` matched samples, scored ones not counted, train the classifier: of two at least one, of one none. */
export const classifierShare = (total: number, hyper: Hyper): number =>
  total < 2 ? 0 : Math.max(1, Math.round(total * hyper.classifierShare))

/** What becomes of a candidate that got this score; null where it goes. */
export const judged = (score: number, { sigma }: Hyper): (MatchedState & { state: 'filtered' }) | null =>
  score >= sigma ? { state: 'filtered', score } : null

/** So little weight is as good as none; none at all might leave a mini-batch without any. */
const LEAST = 1e-3

/** How much a filtered sample counts in training, where one of the user's own counts 1. */
export function weightOf(row: MatchedState, { filter, ranking }: Hyper): number {
  const { augmentedWeight, oddsCap } = ranking
  if (filter !== 'odds' || row.state !== 'filtered' || row.score === null) return augmentedWeight
  return augmentedWeight * Math.min(oddsCap, Math.max(LEAST, row.score / (1 - row.score)))
}

/** The forced clean-up: what must go of a table, which is nothing up to its limit, else all but the first half of it. */
export function excess<T>(rows: readonly T[], limit: number, first: (a: T, b: T) => number): T[] {
  return rows.length <= limit ? [] : [...rows].sort(first).slice(Math.floor(limit / 2))
}

/** Of local samples the youngest stay. By id: ids keep the order of what happened, whatever was done to the clock. */
export const youngestFirst = (a: { exposure: string }, b: { exposure: string }): number =>
  a.exposure < b.exposure ? 1 : -1

const scoreOf = (row: MatchedState): number => (row.state === 'filtered' ? (row.score ?? 0) : 0)

/** Of matched samples those with the highest score stay, of equal ones the newest. */
export const bestFirst = (a: Matched, b: Matched): number => scoreOf(b) - scoreOf(a) || b.order - a.order
