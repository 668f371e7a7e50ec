/**
 * What a ranking would have brought: of a day's candidates of one user the k with the highest scores are “shown”, and those
 * of them that were clicked in truth are the clicks (the replay behind the CoDA paper's Figures 9 and 10, which asks the
 * real service). Equal scores at the edge of the k are in no order: chance decides, and what counts is the expectation.
 */

export interface Replayed {
  readonly shown: number
  /** Expected. */
  readonly clicks: number
  /** The chance that anything shown was clicked. */
  readonly clicked: number
}

/** One user's one day. Throws `RangeError` for a score that is not finite. */
export function replay(scores: ArrayLike<number>, labels: ArrayLike<number>, k: number): Replayed {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!)
  const shown = Math.min(k, order.length)
  const edge = shown > 0 ? scores[order[shown - 1]!]! : 0
  let surely = 0
  let clickedAbove = 0
  let tied = 0
  let clickedTied = 0
  for (const i of order) {
    const score = scores[i]!
    if (!Number.isFinite(score)) throw new RangeError(`score ${i} is ${score}`)
    if (score > edge) {
      surely++
      clickedAbove += labels[i]!
    } else if (score === edge) {
      tied++
      clickedTied += labels[i]!
    }
  }
  const room = shown - surely
  const clicks = clickedAbove + (tied === 0 ? 0 : (room * clickedTied) / tied)
  return { shown, clicks, clicked: clickedAbove > 0 ? 1 : 1 - noneOf(clickedTied, tied, room) }
}

/** The chance that of `all` things, `marked` of them marked, none of `drawn` that are drawn is. */
function noneOf(marked: number, all: number, drawn: number): number {
  let chance = 1
  for (let i = 0; i < drawn; i++) chance *= Math.max(0, all - marked - i) / (all - i)
  return chance
}

/** One user's days together; chance decides anew on each. */
export const together = (days: readonly Replayed[]): Replayed => ({
  shown: days.reduce((sum, { shown }) => sum + shown, 0),
  clicks: days.reduce((sum, { clicks }) => sum + clicks, 0),
  clicked: 1 - days.reduce((none, { clicked }) => none * (1 - clicked), 1),
})
