/** What the model looks at, as bars on either side of 0. */
import type { CallOutput } from '../../shared/protocol.ts'

type Click = CallOutput<'why'>['items'][number]['clicks'][number]

export interface Bar {
  readonly item: string
  readonly weight: number
  /** Where it begins and how long it is, as shares of the room for all bars. */
  readonly from: number
  readonly length: number
  /** Beyond which side of 0 it lies. */
  readonly side: 'for' | 'against'
}

/**
 * The newest `count` clicks, the newest first, an item once, with all its clicks' weight. 0 is at the same place for all, so
 * that the longest bars on both sides fill the room.
 */
export function attentionBars(clicks: readonly Click[], count: number): Bar[] {
  const sums = new Map<string, number>()
  for (const { item, weight } of clicks) sums.set(item, (sums.get(item) ?? 0) + weight)
  const shown = [...sums].slice(0, count)
  const most = Math.max(0, ...shown.map(([, weight]) => weight))
  const least = Math.min(0, ...shown.map(([, weight]) => weight))
  const room = most - least || 1
  return shown.map(([item, weight]) => {
    const from = (Math.min(0, weight) - least) / room
    return { item, weight, from, length: Math.abs(weight) / room, side: weight < 0 ? 'against' : 'for' }
  })
}
