/** Finding items in a catalogue: without schemas, so that a page need not load any. */
import type { Catalogue } from './catalogue.ts'

/** Position of an item in the catalogue by its key. */
export function itemIndex(catalogue: Catalogue): ReadonlyMap<string, number> {
  return new Map(catalogue.items.map((item, index) => [item.key, index]))
}
