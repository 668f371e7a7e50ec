/** What a page has noted of itself (`watch.js`), and what follows from it. */
import { quantile } from '../../../../worker/bench/measure.ts'

export interface Seen {
  /** Of the layout, without input before them: `value` as the browser scores it. */
  readonly shifts: readonly { at: number; value: number; what: readonly string[] }[]
  /** Of more than 50 ms. */
  readonly tasks: readonly { at: number; ms: number }[]
  /** Events of interactions, from the input until the next frame: of 16 ms and more, in steps of 8. */
  readonly inputs: readonly { id: number; name: string; at: number; ms: number }[]
  /** When a round ran; `to` is null while it does. */
  readonly busy: readonly { from: number; to: number | null }[]
}

/** Cumulative layout shift: the worst window of shifts that are less than a second apart, and five seconds in all. */
export function cumulativeShift(shifts: readonly Pick<Seen['shifts'][number], 'at' | 'value'>[]): number {
  let worst = 0
  let sum = 0
  let began = Number.NEGATIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const { at, value } of shifts) {
    if (at - last >= 1000 || at - began >= 5000) {
      began = at
      sum = 0
    }
    last = at
    sum += value
    worst = Math.max(worst, sum)
  }
  return worst
}

/** The feed is ranked anew when a round has ended. */
export const AFTER_MS = 500

/** The longest event of each interaction that began while a round ran, or soon after, ms. */
export function duringRounds({ inputs, busy }: Pick<Seen, 'inputs' | 'busy'>): number[] {
  const longest = new Map<number, number>()
  for (const { id, at, ms } of inputs)
    if (busy.some(({ from, to }) => at >= from && at <= (to ?? Number.POSITIVE_INFINITY) + AFTER_MS))
      longest.set(id, Math.max(ms, longest.get(id) ?? 0))
  return [...longest.values()]
}

/** What 98 % of interactions do not exceed. */
export const nextPaint = (ms: readonly number[]): number => quantile(ms, 0.98)
