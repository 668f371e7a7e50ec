/** What is like an item, as far as the catalogue tells. */
import type { Catalogue, Item } from '../../shared/catalogue.ts'
import { seeded } from '../../shared/random.ts'
import { seedOf } from '../feed/drawing.ts'

/** Items that are asked about, of which the first few are shown. */
const ASKED = 60

/** Whether the catalogue tells one item from another by more than its title. */
export const tellsApart = ({ categories }: Catalogue, item: Item): boolean =>
  categories.length > 1 && item.categories.length > 0

/**
 * Keys of the `count` others that share the most categories with the item, by Jaccard's index; which of equal ones is drawn by
 * the item's key, so that it is the same each time. Without categories all are equal.
 */
export function similarTo(catalogue: Catalogue, item: Item, count = ASKED): string[] {
  const own = new Set(item.categories)
  const likeness = ({ categories }: Item): number => {
    const common = categories.filter((category) => own.has(category)).length
    return common / (own.size + categories.length - common || 1)
  }
  const compares = tellsApart(catalogue, item)
  const others = catalogue.items.filter(({ key }) => key !== item.key)
  return seeded(seedOf(item.key))
    .shuffle(others.map((other) => ({ key: other.key, likeness: compares ? likeness(other) : 0 })))
    .sort((a, b) => b.likeness - a.likeness)
    .slice(0, count)
    .map(({ key }) => key)
}
