/** What samples of one population are made by, whosever they are. */
import { type Catalogue, FIRST_ID, itemIndex } from '../catalogue.ts'
import { type FeatureSchema, type Layout, layoutOf } from '../schema.ts'

export interface Context {
  readonly schema: FeatureSchema
  readonly layout: Layout
  readonly catalogue: Catalogue
  readonly index: ReadonlyMap<string, number>
  /** Ids of vocabularies that list their values. */
  readonly valueIds: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly clickDays: number
  readonly settleMs: number
  readonly discretion: Discretion
}

/** What a sample may tell: the server leaves out what fewer than k users have shown. */
export interface Discretion {
  /** By position in the catalogue; it is called unknown otherwise. */
  item(item: number): boolean
  /** Likewise; otherwise no taste for it is told either. */
  category(category: number): boolean
  /** A listed value of a vocabulary, by its id; a behaviour is then not counted either. */
  value(vocabulary: string, id: number): boolean
}

/** Everything may be told: to the user's own device. */
const OPEN: Discretion = { item: () => true, category: () => true, value: () => true }

export function createContext(
  schema: FeatureSchema,
  catalogue: Catalogue,
  { clickDays, settleMs }: { clickDays: number; settleMs: number },
  discretion = OPEN,
): Context {
  const valueIds = new Map(
    Object.entries(schema.vocabularies).map(([name, { values = [] }]) => [
      name,
      new Map(values.map((value, i) => [value, FIRST_ID + i])),
    ]),
  )
  const layout = layoutOf(schema)
  return { schema, layout, catalogue, index: itemIndex(catalogue), valueIds, clickDays, settleMs, discretion }
}
