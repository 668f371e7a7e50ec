/** What each click did to an item's odds, as bars on either side of 0. */
import type { CallOutput } from '../../shared/protocol.ts'

type Click = CallOutput<'why'>['items'][number]['clicks'][number]

export interface Bar {
  readonly item: string
  readonly weight: number
  /** The odds with the click over those without, less 1: 0.25 is a quarter more. */
  readonly change: number
  /** Where it begins and how long it is, as shares of the room for all bars. */
  readonly from: number
  readonly length: number
  readonly side: 'for' | 'against'
}

/**
 * The `count` clicks that did the most, those that spoke for the item first. Lengths are in proportion to the effects; 0 is at
 * the same place for all, so that the longest bars on both sides fill the room.
 */
export function attentionBars(clicks: readonly Click[], count: number): Bar[] {
  const shown = clicks
    .map((click) => ({ ...click, effect: click.effect ?? 0 }))
    .sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect))
    .slice(0, count)
    .sort((a, b) => b.effect - a.effect)
  const most = Math.max(0, ...shown.map(({ effect }) => effect))
  const least = Math.min(0, ...shown.map(({ effect }) => effect))
  const room = most - least || 1
  return shown.map(({ item, weight, effect }) => ({
    item,
    weight,
    change: Math.expm1(effect),
    from: (Math.min(0, effect) - least) / room,
    length: Math.abs(effect) / room,
    side: effect < 0 ? 'against' : 'for',
  }))
}
