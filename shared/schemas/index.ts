/** The feature schemas that ship with Kindred, each built for a catalogue. Another app writes its own as JSON. */
import { type Catalogue, FIRST_ID } from '../catalogue.ts'
import { type FeatureSchema, schemaSchema } from '../schema.ts'

/**
 * A feed of titled items: the target and its categories, the last clicks attended to, taste by category. Nothing tells
 * how active a user is: it would not change the order of their feed, and it would let the classifier tell a newcomer's
 * samples by it alone.
 */
const titled =
  (name: string, { topics, clicks }: { topics: { name: string; length: number }; clicks: number }) =>
  (catalogue: Catalogue): FeatureSchema =>
    schemaSchema.parse({
      name,
      version: 1,
      vocabularies: {
        item: { size: catalogue.items.length + FIRST_ID, dim: 8 },
        category: { size: catalogue.categories.length + FIRST_ID, dim: 4 },
      },
      features: [
        { kind: 'categorical', name: 'target', vocabulary: 'item', from: 'item' },
        { kind: 'sequence', ...topics, vocabulary: 'category', from: 'categories' },
        {
          kind: 'sequence',
          name: 'clicks',
          vocabulary: 'item',
          length: clicks,
          attends: 'target',
          from: 'clicks',
        },
        { kind: 'dense', name: 'taste', size: catalogue.categories.length, from: 'taste' },
        { kind: 'dense', name: 'affinity', size: 2, from: 'affinity' },
      ],
      userVector: 'taste',
    })

/** Films have up to six genres. */
const movielens = titled('movielens', { topics: { name: 'genres', length: 6 }, clicks: 50 })

/** The generated population's stories have one or two topics, and its people a shorter history. */
const demo = titled('demo', { topics: { name: 'topics', length: 3 }, clicks: 30 })

/** Size of a sketch: two unlike readers' overlap is told to about 1/√64. */
const SKETCH = 64

/**
 * News (Globo.com's log): articles without a category to tell tastes by, short histories, the kind of device; how much an
 * article is read at the moment, and how old it is. Taste for what is a day old tells nobody of what is new; so readers are
 * matched by where they stand: by what they read last, with those who read the same before they clicked on.
 */
function globo(catalogue: Catalogue): FeatureSchema {
  return schemaSchema.parse({
    name: 'globo',
    version: 1,
    vocabularies: {
      item: { size: catalogue.items.length + FIRST_ID, dim: 8 },
      device: { size: FIRST_ID + 5, dim: 2, values: ['1', '2', '3', '4', '5'] },
    },
    features: [
      { kind: 'categorical', name: 'target', vocabulary: 'item', from: 'item' },
      { kind: 'categorical', name: 'device', vocabulary: 'device', from: 'profile' },
      { kind: 'sequence', name: 'clicks', vocabulary: 'item', length: 20, attends: 'target', from: 'clicks' },
      { kind: 'dense', name: 'state', size: SKETCH, from: 'sketch', halfLife: 1 },
      { kind: 'dense', name: 'moment', size: 2, from: 'context' },
    ],
    userVector: 'state',
    vectorOf: 'latest',
  })
}

/** How many of the last clicks each list of the sequences' schema holds. */
const WINDOWS = { last: 1, recent: 4, clicks: 16 }

/**
 * Sequences of items of which nothing else is known. What comes next hangs on what came last far more than on what came
 * before that, and an activation unit does not see the order: so the same clicks are attended to in windows of rising
 * length. Items are told apart by more dimensions, as they have nothing else.
 */
function sequences(catalogue: Catalogue): FeatureSchema {
  const windows = Object.entries(WINDOWS).map(([name, length]) => ({
    kind: 'sequence',
    name,
    vocabulary: 'item',
    length,
    attends: 'target',
    from: 'clicks',
  }))
  return schemaSchema.parse({
    name: 'sequences',
    version: 1,
    vocabularies: { item: { size: catalogue.items.length + FIRST_ID, dim: 48 } },
    features: [
      { kind: 'categorical', name: 'target', vocabulary: 'item', from: 'item' },
      ...windows,
      { kind: 'dense', name: 'sketch', size: SKETCH, from: 'sketch' },
    ],
    userVector: 'sketch',
  })
}

/** Page behaviours of the paper's shape, by name. */
const BEHAVIOURS = Array.from({ length: 20 }, (_, i) => `behaviour-${i + 1}`)

/**
 * The layout of the paper's Table 2: target icon, animation type, profile, 7-day click sequence, 7-day statistics,
 * 512 behaviours, 1-day behaviour statistics; embedding dimension 3.
 */
function paper(catalogue: Catalogue): FeatureSchema {
  return schemaSchema.parse({
    name: 'paper',
    version: 1,
    vocabularies: {
      item: { size: catalogue.items.length + FIRST_ID, dim: 3 },
      category: { size: catalogue.categories.length + FIRST_ID, dim: 3 },
      profile: { size: FIRST_ID + 8, dim: 3, values: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] },
      behaviour: { size: FIRST_ID + BEHAVIOURS.length, dim: 3, values: BEHAVIOURS },
    },
    features: [
      { kind: 'categorical', name: 'icon', vocabulary: 'item', from: 'item' },
      { kind: 'categorical', name: 'animation', vocabulary: 'category', from: 'category' },
      { kind: 'categorical', name: 'profile', vocabulary: 'profile', from: 'profile' },
      { kind: 'sequence', name: 'clicks', vocabulary: 'item', length: 28, attends: 'icon', from: 'clicks' },
      { kind: 'dense', name: 'taste', size: catalogue.categories.length, from: 'taste' },
      { kind: 'dense', name: 'statistics', size: 3, from: 'activity' },
      { kind: 'sequence', name: 'behaviours', vocabulary: 'behaviour', length: 512, from: 'behaviours' },
      { kind: 'dense', name: 'behaviour-statistics', size: BEHAVIOURS.length, from: 'behaviour-counts' },
    ],
    userVector: 'taste',
  })
}

export const schemas = { movielens, demo, globo, sequences, paper } satisfies Record<
  string,
  (catalogue: Catalogue) => FeatureSchema
>
export type SchemaName = keyof typeof schemas
