/** How the order of the same items differs between two models. */
import type { CallOutput } from '../../shared/protocol.ts'

type Order = CallOutput<'compare'>['now']

export interface Move {
  readonly item: string
  /** Places, counted from 1, among all items. */
  readonly now: number
  readonly before: number
  /** Where it was among those that are shown, counted from 0 at the top. */
  readonly from: number
}

/** The first `count` items of now, in their order, and where each was before. Both orders are of the same items. */
export function movesOf(now: Order, before: Order, count: number): Move[] {
  const places = new Map(before.map(({ item }, i) => [item, i + 1]))
  const shown = now.slice(0, count).map(({ item }, i) => ({ item, now: i + 1, before: places.get(item)! }))
  const from = [...shown].sort((a, b) => a.before - b.before)
  return shown.map((move) => ({ ...move, from: from.indexOf(move) }))
}
