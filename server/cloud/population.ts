/** What a data folder is about: its catalogue and the schema that its samples are encoded by. Fixed at the import. */
import * as z from 'zod'
import { type Catalogue, catalogueSchema } from '../../shared/catalogue.ts'
import { AppError } from '../../shared/failure.ts'
import { type FeatureSchema, schemaSchema } from '../../shared/schema.ts'
import type { Store } from '../store/store.ts'

export const POPULATION = 'population'

const populationSchema = z.strictObject({
  source: z.string(),
  schema: schemaSchema,
  catalogue: catalogueSchema,
  /** Samples keep their time in days of this length. */
  dayMs: z.int().positive(),
})
export interface Population {
  readonly source: string
  readonly schema: FeatureSchema
  readonly catalogue: Catalogue
  readonly dayMs: number
}

export const loadPopulation = (store: Store): Promise<Population | undefined> =>
  store.meta.get(POPULATION, populationSchema)

/** Throws `not-ready` for an empty folder. */
export async function needPopulation(store: Store): Promise<Population> {
  const population = await loadPopulation(store)
  if (!population) throw new AppError('not-ready', 'The data folder is empty: import a source first.')
  return population
}
