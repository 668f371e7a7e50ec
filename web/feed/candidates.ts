/** Which items a feed holds. */
import type { Item } from '../../shared/catalogue.ts'
import { seeded } from '../../shared/random.ts'

/** Cards in a feed. */
export const FEED_SIZE = 40

/**
 * `count` keys drawn uniformly and without replacement, in the order of the draw; the same seed and catalogue give
 * the same keys. Those in `except` are passed over, unless too few would be left.
 */
export function draw(
  items: readonly Item[],
  seed: number,
  count = FEED_SIZE,
  except: ReadonlySet<string> = new Set(),
): string[] {
  const fresh = items.filter((item) => !except.has(item.key))
  const pool = (fresh.length >= Math.min(count, items.length) ? fresh : items).map((item) => item.key)
  const random = seeded(seed)
  for (let i = 0; i < Math.min(count, pool.length); i++) {
    const j = i + random.below(pool.length - i)
    const held = pool[i]!
    pool[i] = pool[j]!
    pool[j] = held
  }
  return pool.slice(0, count)
}
