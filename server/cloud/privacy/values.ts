/**
 * The values that k is asked of: whatever a sample can name. They are numbered, catalogue positions first, so that the
 * store counts who has shown each as it counts the viewers of items.
 */
import { type Catalogue, FIRST_ID, itemIndex } from '../../../shared/catalogue.ts'
import type { KindredEvent } from '../../../shared/event.ts'
import type { Discretion } from '../../../shared/generate.ts'
import type { FeatureSchema } from '../../../shared/schema.ts'

export interface Values {
  /** Numbers are below this. */
  readonly count: number
  /** The number of a category, and of a listed value of a vocabulary, by its id. */
  category(category: number): number
  value(vocabulary: string, id: number): number
  /**
   * What a user's events show. A click alone shows nothing: who sends one for an item that they were never shown does not
   * help it to a name.
   */
  of(events: readonly KindredEvent[]): Set<number>
}

export function createValues(schema: FeatureSchema, catalogue: Catalogue): Values {
  const index = itemIndex(catalogue)
  const firstCategory = catalogue.items.length
  let count = firstCategory + catalogue.categories.length
  const firsts = new Map<string, number>()
  for (const [name, { values = [] }] of Object.entries(schema.vocabularies)) {
    firsts.set(name, count)
    count += values.length
  }
  const value = (vocabulary: string, id: number) => (firsts.get(vocabulary) ?? count) + id - FIRST_ID
  const shown = listed(schema, value)
  const category = (category: number) => firstCategory + category
  return {
    count,
    category,
    value,
    of(events) {
      const found = new Set<number>()
      for (const event of events) {
        if (event.type === 'exposure') {
          const item = index.get(event.item)
          if (item === undefined) continue
          found.add(item)
          for (const one of catalogue.items[item]!.categories) found.add(category(one))
        } else if (event.type !== 'click') for (const number of shown(event)) found.add(number)
      }
      return found
    },
  }
}

type Said = Extract<KindredEvent, { type: 'behaviour' | 'profile' }>

/** The listed values that an event says, in each vocabulary that a feature takes them from. */
function listed(schema: FeatureSchema, number: Values['value']): (event: Said) => readonly number[] {
  const known = new Map<string, number[]>()
  const learn = (said: string, vocabulary: string) =>
    schema.vocabularies[vocabulary]?.values?.forEach((value, i) => {
      const key = `${said}=${value}`
      known.set(key, [...(known.get(key) ?? []), number(vocabulary, FIRST_ID + i)])
    })
  for (const feature of schema.features)
    if (feature.kind !== 'dense' && feature.from === 'profile')
      learn(`profile ${feature.name}`, feature.vocabulary)
  const behaviours = schema.features.flatMap((feature) => {
    if (feature.kind !== 'dense') return feature.from === 'behaviours' ? [feature.vocabulary] : []
    return feature.from === 'behaviour-counts' ? ['behaviour'] : []
  })
  for (const vocabulary of new Set(behaviours)) learn('behaviour', vocabulary)
  return (event) =>
    known.get(
      event.type === 'profile' ? `profile ${event.name}=${event.value}` : `behaviour=${event.name}`,
    ) ?? []
}

/** Tells what at least `k` users have shown; `viewers` [values.count, or less] says how many have, by number. */
export function createDiscretion(values: Values, viewers: ArrayLike<number>, k: number): Discretion {
  const known = (number: number) => (viewers[number] ?? 0) >= k
  return {
    item: known,
    category: (category) => known(values.category(category)),
    value: (vocabulary, id) => known(values.value(vocabulary, id)),
  }
}
