import { describe, expect, it } from 'vitest'
import { schemaSchema } from './schema.ts'

const schema = {
  name: 'small',
  version: 1,
  vocabularies: { item: { size: 4, dim: 2, values: ['a', 'b'] } },
  features: [
    { kind: 'categorical', name: 'target', vocabulary: 'item', from: 'item' },
    { kind: 'sequence', name: 'clicks', vocabulary: 'item', length: 3, attends: 'target', from: 'clicks' },
    { kind: 'dense', name: 'taste', size: 1, from: 'taste' },
  ],
  userVector: 'taste',
}
type Schema = typeof schema
const refused = (change: (schema: Schema) => void) => {
  const changed = structuredClone(schema)
  change(changed)
  return schemaSchema.safeParse(changed).error?.issues[0]?.message
}

describe('a feature schema', () => {
  it('is taken when it holds together', () => {
    expect(schemaSchema.parse(schema)).toEqual(schema)
  })

  it('may have a vocabulary of nothing but padding and unknown', () => {
    expect(refused((s) => Object.assign(s.vocabularies.item, { size: 2, values: [] }))).toBeUndefined()
    expect(refused((s) => Object.assign(s.vocabularies.item, { size: 1, values: [] }))).toBeDefined()
  })

  it.each<[string, (schema: Schema) => void, RegExp]>([
    ['more values than ids', (s) => s.vocabularies.item.values.push('c'), /more values/],
    ['two features of one name', (s) => (s.features[1]!.name = 'target'), /same name/],
    ['a vocabulary that is not there', (s) => (s.features[0]!.vocabulary = 'other'), /does not exist/],
    ['a query that is not there', (s) => (s.features[1]!.attends = 'other'), /attend/],
    ['a user vector that is not dense', (s) => (s.userVector = 'clicks'), /dense/],
  ])('is refused with %s', (_, change, message) => {
    expect(refused(change)).toMatch(message)
  })
})
