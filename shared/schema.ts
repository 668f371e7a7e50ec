/**
 * The feature schema: the one description from which samples, codecs and models are built.
 * It is JSON inside a task, so nothing is hard-wired to films or news.
 */
import * as z from 'zod'
import { FIRST_ID } from './catalogue.ts'

const name = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'a name of lower-case letters, digits and dashes')

const vocabularySchema = z.strictObject({
  /** Ids 0 … size − 1; 0 is padding and 1 is “unknown”, which is also what lies beyond. */
  size: z.int().min(FIRST_ID).max(50_000_000),
  /** Width of the embedding (the paper uses 3). */
  dim: z.int().min(1).max(256),
  /** The values of ids 2, 3, … where they are not the catalogue's items or categories. */
  values: z.array(z.string()).optional(),
})

export const featureSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('categorical'),
    name,
    vocabulary: name,
    /** `item`: the target · `category`: its first category · `profile`: what the user said under this feature's name */
    from: z.enum(['item', 'category', 'profile']),
  }),
  z.strictObject({
    kind: z.literal('sequence'),
    name,
    vocabulary: name,
    length: z.int().min(1).max(4096),
    /** The categorical feature that queries this sequence; without it the sequence is mean-pooled. */
    attends: name.optional(),
    /** `clicks`: items clicked, newest first · `categories`: of the target · `behaviours`: newest first */
    from: z.enum(['clicks', 'categories', 'behaviours']),
  }),
  z.strictObject({
    kind: z.literal('dense'),
    name,
    size: z.int().min(1).max(4096),
    /**
     * `taste`: share of the recent clicks in each category · `affinity`: [mean, max] taste for the target's
     * categories · `activity`: [ln(1 + exposures), ln(1 + clicks), click rate] of the recent days, roughly ·
     * `behaviour-counts`: ln(1 + count) of each behaviour of the last day, roughly · `sketch`: the recent clicks as a unit
     * vector that overlaps with those of who clicked the same (`sketch.ts`) · `context`: what the app said of the item at
     * that moment, 0 where it said nothing
     */
    from: z.enum(['taste', 'affinity', 'activity', 'behaviour-counts', 'sketch', 'context']),
    /** Of a sketch: the number of later clicks by which a click counts half. Without it all count alike. */
    halfLife: z.number().positive().max(1000).optional(),
  }),
])
export type Feature = z.infer<typeof featureSchema>

export const schemaSchema = z
  .strictObject({
    name,
    version: z.int().positive(),
    vocabularies: z.record(name, vocabularySchema),
    features: z.array(featureSchema).min(1),
    /** The dense feature that the user vector is made of, … */
    userVector: name,
    /**
     * … of which samples. `all`, as in the paper: the mean over all of a user's. `latest`, ours: as it was before their latest
     * click, so that whoever looks for neighbours finds those who lately stood where they stand now, and what these did next.
     */
    vectorOf: z.enum(['all', 'latest']).optional(),
  })
  .superRefine((schema, context) => {
    const complain = (message: string) => context.addIssue({ code: 'custom', message })
    const named = new Map(schema.features.map((feature) => [feature.name, feature]))
    if (named.size !== schema.features.length) complain('two features have the same name')
    for (const [name, { size, values = [] }] of Object.entries(schema.vocabularies))
      if (values.length > size - FIRST_ID)
        complain(`the vocabulary ${name} lists more values than it has ids`)
    for (const feature of schema.features) {
      if (feature.kind !== 'dense' && !schema.vocabularies[feature.vocabulary])
        complain(`feature ${feature.name} names the vocabulary ${feature.vocabulary}, which does not exist`)
      if (feature.kind === 'dense' && feature.halfLife !== undefined && feature.from !== 'sketch')
        complain(`feature ${feature.name} is no sketch, and has no half-life`)
      if (feature.kind === 'sequence' && feature.attends !== undefined) {
        const target = named.get(feature.attends)
        if (target?.kind !== 'categorical' || target.vocabulary !== feature.vocabulary)
          complain(`feature ${feature.name} must attend to a categorical feature of its own vocabulary`)
      }
    }
    if (named.get(schema.userVector)?.kind !== 'dense') complain('userVector must name a dense feature')
  })
export type FeatureSchema = z.infer<typeof schemaSchema>

/** Where a feature lies in a packed sample: `at` in `ids`, or in `dense` for a dense feature. */
export interface Slot {
  readonly feature: Feature
  readonly at: number
  readonly width: number
}

/** The packed form of every sample of a schema: `ids` holds categoricals and padded sequences, `dense` the rest. */
export interface Layout {
  readonly slots: readonly Slot[]
  readonly idWidth: number
  readonly denseWidth: number
}

export function layoutOf(schema: FeatureSchema): Layout {
  let idWidth = 0
  let denseWidth = 0
  const slots = schema.features.map((feature): Slot => {
    if (feature.kind === 'dense') {
      denseWidth += feature.size
      return { feature, at: denseWidth - feature.size, width: feature.size }
    }
    const width = feature.kind === 'sequence' ? feature.length : 1
    idWidth += width
    return { feature, at: idWidth - width, width }
  })
  return { slots, idWidth, denseWidth }
}

/** The slot of a feature by its name. */
export function slotOf(layout: Layout, name: string): Slot {
  const slot = layout.slots.find(({ feature }) => feature.name === name)
  if (!slot) throw new RangeError(`no feature is named ${name}`)
  return slot
}

/** Where a packed sample names its target, and in which vocabulary; undefined where no feature does. */
export function itemColumn({ slots }: Layout): { at: number; vocabulary: string } | undefined {
  for (const { feature, at } of slots)
    if (feature.kind === 'categorical' && feature.from === 'item')
      return { at, vocabulary: feature.vocabulary }
  return undefined
}
