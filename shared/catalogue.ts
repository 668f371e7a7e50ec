/** What can be ranked. One JSON artifact, read by the server (features), the device (candidates) and the page (titles). */
import * as z from 'zod'

export { itemIndex } from './items.ts'

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

/**
 * In every vocabulary 0 is padding, this is “unknown”, and the first value has `FIRST_ID`. Unknown is whatever has no row:
 * an item that few have seen, one that came into the catalogue after the vocabulary was made (`valueId`), and on a device
 * one whose row has not been downloaded yet (`model/local.ts`). Its row is trained like any other, by what is unknown.
 */
export const UNKNOWN_ID = 1
export const FIRST_ID = 2

/** Id of the value at `position` in a vocabulary of `size` ids; none beyond it. */
export const valueId = (position: number, size: number): number =>
  position >= 0 && FIRST_ID + position < size ? FIRST_ID + position : UNKNOWN_ID
