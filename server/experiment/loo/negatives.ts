/**
 * What a clicked item is ranked among: items that the user never clicks, neither before nor after. Which they are follows from
 * the catalogue's order, a seed and the user's number alone, so that anybody can draw the same ones:
 *
 *   chance = xoshiro128**, its state filled by splitmix32 from (seed · 1,000,003 + number) mod 2³²   (shared/random.ts)
 *   uniform: below(items) is drawn until 100 different ones are there that the user never clicks;
 *   popular: then below(clicks) of all clicks that the cloud knows, sorted by item, until there are 100 likewise.
 */
import type { Catalogue } from '../../../shared/catalogue.ts'
import { seeded } from '../../../shared/random.ts'

/** Negatives of each kind, as the papers have it; fewer where there are no more. */
export const DRAWN = 100
/** A list that is drawn by popularity is complete with what was found in so many draws an item. */
const PATIENCE = 100

/** Positions in the catalogue, in the order in which they were drawn. */
export interface Negatives {
  readonly uniform: Int32Array
  readonly popular: Int32Array
}

export interface NegativesOptions {
  readonly catalogue: Pick<Catalogue, 'items'>
  /** [items]: clicks on each that the cloud knows. */
  readonly clicks: ArrayLike<number>
  readonly seed: number
}

/** Draws for user `number`, who has clicked `own` (positions). */
export function negativesOf({ catalogue, clicks, seed }: NegativesOptions) {
  const { length } = catalogue.items
  const upTo = Float64Array.from(clicks)
  for (let i = 1; i < length; i++) upTo[i]! += upTo[i - 1]!
  const all = upTo[length - 1] ?? 0
  return (number: number, own: ReadonlySet<number>): Negatives => {
    const random = seeded(seed * 1_000_003 + number)
    const due = Math.min(DRAWN, length - own.size)
    const draw = (next: () => number): Int32Array => {
      const drawn = new Set<number>()
      for (let left = PATIENCE * length; drawn.size < due && left > 0; left--) {
        const item = next()
        if (!own.has(item)) drawn.add(item)
      }
      return Int32Array.from(drawn)
    }
    return {
      uniform: draw(() => random.below(length)),
      popular: all === 0 ? new Int32Array() : draw(() => firstAbove(upTo, random.below(all))),
    }
  }
}

/** The first i with sums[i] > value; the sums do not fall. */
function firstAbove(sums: Float64Array, value: number): number {
  let [from, to] = [0, sums.length - 1]
  while (from < to) {
    const middle = (from + to) >> 1
    if (sums[middle]! > value) to = middle
    else from = middle + 1
  }
  return from
}

/** The line that is published of a user: their name, the clicked item, then the keys of the negatives. */
export const lineOf = (
  { items }: Pick<Catalogue, 'items'>,
  user: string,
  item: string,
  negatives: Int32Array,
): string => `${[user, item, ...Array.from(negatives, (i) => items[i]!.key)].join(' ')}\n`
