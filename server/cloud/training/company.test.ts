import { expect, test } from 'vitest'
import { din, initialWeights } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import type { Batch } from '../../../shared/sample.ts'
import { schemaSchema } from '../../../shared/schema.ts'
import { companyOf } from './company.ts'
import type { Course } from './course.ts'

const schema = schemaSchema.parse({
  name: 'small',
  version: 1,
  vocabularies: { item: { size: 7, dim: 6 }, topic: { size: 4, dim: 2 } },
  features: [
    { kind: 'categorical', name: 'target', vocabulary: 'item', from: 'item' },
    { kind: 'sequence', name: 'last', vocabulary: 'item', length: 1, from: 'clicks' },
    { kind: 'sequence', name: 'clicks', vocabulary: 'item', length: 3, attends: 'target', from: 'clicks' },
    { kind: 'sequence', name: 'topics', vocabulary: 'topic', length: 1, from: 'categories' },
    { kind: 'dense', name: 'taste', size: 1, from: 'taste' },
  ],
  userVector: 'taste',
})

interface Told {
  target: number
  clicks: number[]
  label: 0 | 1
}
/** The first sample is held out. */
const told: Told[] = [
  { target: 6, clicks: [5, 5, 5], label: 1 },
  { target: 3, clicks: [2, 4, 0], label: 1 },
  { target: 2, clicks: [3, 0, 0], label: 1 },
  { target: 5, clicks: [2, 3, 4], label: 0 },
  { target: 4, clicks: [1, 0, 0], label: 1 },
]

const numbers = { maxSamples: 100, epochs: 1, patience: 0, batchSize: 8, learningRate: 0.01, seed: 4 }
const samples = new SharedArrayBuffer(4 * told.length)
new Int32Array(samples).set([...told.keys()])
const course: Course = { schema, dayMs: 1, numbers, samples, heldOut: 1 }
const watch = { progress: () => {}, signal: new AbortController().signal }

async function read(ids: Int32Array): Promise<Batch> {
  const some = Array.from(ids, (id) => told[id]!)
  return {
    size: some.length,
    ids: Int32Array.from(some.flatMap(({ target, clicks }) => [target, clicks[0]!, ...clicks, 0])),
    dense: new Float32Array(some.length),
    labels: Float32Array.from(some, ({ label }) => label),
    weights: new Float32Array(some.length).fill(1),
  }
}

test('products of embeddings are the lifts of their items, at half the scale; the others are as they are drawn', async () => {
  const given = await companyOf(course, read, watch)
  const drawn = initialWeights(din(schema), seeded(numbers.seed))
  expect(Object.keys(given)).toEqual(['embedding.item'])
  const { data } = given['embedding.item']!
  const row = (id: number, of = data) => of.subarray(id * 6, (id + 1) * 6)
  const product = (one: number, other: number) =>
    row(one).reduce((sum, value, i) => sum + value * row(other)[i]!, 0)

  // 3 follows 2 at once, and 4 one click later (0.8); 2 follows 3 at once. Nothing else that was clicked follows an item.
  const pairs = { '2,3': 2, '3,4': 0.8 }
  const [two, three, four] = [2, 2.8, 0.8]
  const total = two + three + four
  const lift = (count: number, a: number, b: number) => Math.log1p(count / ((a * b) / total + 0.5))
  const a = lift(pairs['2,3'], two, three)
  const b = lift(pairs['3,4'], three, four)
  // [[0, a, 0], [a, 0, b], [0, b, 0]] has one positive eigenvalue, √(a² + b²), on (a, √(a² + b²), b) / √2 / √(a² + b²).
  const value = Math.hypot(a, b)
  const vector = [a, value, b].map((x) => x / (Math.SQRT2 * value))
  for (const [i, one] of [2, 3, 4].entries())
    for (const [j, other] of [2, 3, 4].entries())
      expect(product(one, other)).toBeCloseTo(0.25 * value * vector[i]! * vector[j]!, 5)
  for (const id of [0, 1, 5, 6]) expect(row(id)).toEqual(row(id, drawn['embedding.item']!.data))
})
