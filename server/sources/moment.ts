/** What is being read at the moment: the distinct items of the clicks of the last while, one drawn as easily as another. */
import type { Random } from '../../shared/random.ts'

export interface Moment {
  /** Takes in a click; times (ms) must not fall. */
  add(at: number, item: number): void
  /**
   * Up to `count` different items, each of those clicked since `at` − span and not `refused` as likely as any other.
   * Times must not fall here either.
   */
  draw(at: number, count: number, random: Random, refused: (item: number) => boolean): number[]
  /** The same, but an item is as likely as it is clicked often: where few items are left to find, there may be fewer. */
  drawRead(at: number, count: number, random: Random, refused: (item: number) => boolean): number[]
  /** How often an item was clicked since `at` − span. Nor may times fall here. */
  clicks(at: number, item: number): number
}

/** Clicks that are looked at for each item to be drawn. */
const LOOKS = 20

/** `span` in ms. Memory holds the clicks of one span. */
export function createMoment(span: number): Moment {
  let clicks: { at: number; item: number }[] = []
  let head = 0
  const items: number[] = []
  /** How often an item was clicked within the span, and where it stands in `items`. */
  const known = new Map<number, { clicks: number; place: number }>()

  function forget(since: number): void {
    for (; head < clicks.length && clicks[head]!.at < since; head++) {
      const { item } = clicks[head]!
      const entry = known.get(item)!
      if (--entry.clicks > 0) continue
      swap(entry.place, items.length - 1)
      items.pop()
      known.delete(item)
    }
    if (head * 2 <= clicks.length) return
    clicks = clicks.slice(head)
    head = 0
  }

  function swap(a: number, b: number): void {
    const [left, right] = [items[a]!, items[b]!]
    items[a] = right
    items[b] = left
    known.get(right)!.place = a
    known.get(left)!.place = b
  }

  return {
    add(at, item) {
      forget(at - span)
      clicks.push({ at, item })
      const entry = known.get(item)
      if (entry) entry.clicks++
      else known.set(item, { clicks: 1, place: items.push(item) - 1 })
    },
    draw(at, count, random, refused) {
      forget(at - span)
      const drawn: number[] = []
      for (let left = items.length; left > 0 && drawn.length < count; left--) {
        swap(random.below(left), left - 1)
        const item = items[left - 1]!
        if (!refused(item)) drawn.push(item)
      }
      return drawn
    },
    drawRead(at, count, random, refused) {
      forget(at - span)
      const drawn = new Set<number>()
      const there = clicks.length - head
      for (let looks = LOOKS * count; there > 0 && looks > 0 && drawn.size < count; looks--) {
        const { item } = clicks[head + random.below(there)]!
        if (!refused(item)) drawn.add(item)
      }
      return [...drawn]
    },
    clicks(at, item) {
      forget(at - span)
      return known.get(item)?.clicks ?? 0
    },
  }
}
