/** What can be ranked. One JSON artifact, read by the server (features), the device (candidates) and the page (titles). */
import * as z from 'zod'

export const itemSchema = z.strictObject({
  /** Stable key, unique in the catalogue; events name items by it. */
  key: z.string().min(1).max(200),
  title: z.string().max(500),
  /** Indices into `categories`. */
  categories: z.array(z.int().min(0)).max(16),
})

export const catalogueSchema = z
  .strictObject({
    name: z.string().min(1).max(80),
    /** What one calls an item: “film”, “story”. */
    noun: z.string().min(1).max(40),
    categories: z.array(z.string().min(1).max(80)).min(1).max(1000),
    items: z.array(itemSchema).min(1),
  })
  .refine((c) => c.items.every((item) => item.categories.every((i) => i < c.categories.length)), {
    message: 'an item names a category that does not exist',
  })

export type Item = z.infer<typeof itemSchema>
export type Catalogue = z.infer<typeof catalogueSchema>

/** In every vocabulary 0 is padding, this is “unknown”, … */
export const UNKNOWN_ID = 1
/** … and the first value has this id. */
export const FIRST_ID = 2

/** Position of an item in the catalogue by its key. */
export function itemIndex(catalogue: Catalogue): ReadonlyMap<string, number> {
  return new Map(catalogue.items.map((item, index) => [item.key, index]))
}
