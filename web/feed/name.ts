/** What an item is called. */
import type { Catalogue, Item } from '../../shared/catalogue.ts'
import { t } from '../strings/index.ts'

/** Its title; where it has none, what it is and its key. */
export const nameOf = ({ title, key }: Item, { noun }: Catalogue): string =>
  title.trim() || t.card.unnamed(noun, key)

/** The names of items by their keys; what the catalogue lacks is called by its key. */
export function namesOf(catalogue: Catalogue): (key: string) => string {
  const items = new Map(catalogue.items.map((item) => [item.key, item]))
  return (key) => {
    const item = items.get(key)
    return item ? nameOf(item, catalogue) : key
  }
}
