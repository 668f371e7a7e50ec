/**
 * The life of samples on the device (CoDA, Figure 5): its rules, without the storage (`samples.ts`).
 *
 *     local    made ──▶ validation ──(older than t)──▶ training ──(older than t′)──▶ gone
 *
 *     matched  pulled ──▶ unscored ──(has trained the classifier, or does not fit the user)──▶ gone
 *                            └──(fits)──▶ filtered ──(a finished training has used it)──▶ gone
 *
 * Which fit, and how well, is said by a task, as well as which were used.
 *
 * A table beyond its limit is cut to half at once: local by age, matched by score, where unscored counts 0. The paper
 * does not tell clicks from what was passed over there, nor do we: whoever passes over 200 items loses older clicks.
 */
import { DAY_MS } from '../../../shared/clock.ts'
import type { Hyper } from '../../../shared/hyper.ts'
import type { MatchedRow, MatchedState } from '../storage/tables.ts'

/** What a local sample serves for. */
export type LocalUse = 'validation' | 'training' | 'none'

/** Whether matched samples are learnt from, by the data; else none are pulled, or they are remembered. */
export const teaches = ({ augment, evidence }: Hyper): boolean => augment && evidence.weight === 0

/** Validation in [0, t] days, training in (t, t′], nothing after. */
export function useOf(age: number, { localValidationDays, localTrainingDays }: Hyper): LocalUse {
  if (age <= localValidationDays * DAY_MS) return 'validation'
  return age <= localTrainingDays * DAY_MS ? 'training' : 'none'
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
export const bestFirst = (a: MatchedRow, b: MatchedRow): number =>
  scoreOf(b) - scoreOf(a) || b.order - a.order
