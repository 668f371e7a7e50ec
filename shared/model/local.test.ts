import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Engine, Training } from '../engine/engine.ts'
import { createFusedEngine } from '../engine/fused/engine.ts'
import { createPlainEngine } from '../engine/plain/engine.ts'
import { seeded } from '../random.ts'
import { writeSafetensors } from '../safetensors.ts'
import type { Batch } from '../sample.ts'
import { type FeatureSchema, layoutOf, schemaSchema } from '../schema.ts'
import { type SchemaName, schemas } from '../schemas/index.ts'
import {
  type LocalModel,
  localBatch,
  localSchema,
  localSpec,
  missingIds,
  partOf,
  readLocal,
  touchedIds,
  withTrained,
  writeLocal,
} from './local.ts'
import { checkWeights, din, initialWeights, type ModelSpec, prunedDin } from './spec.ts'
import type { Tensor, Weights } from './weights.ts'

const WIDTHS = { attention: 4, mlp: [5] }

const schemaOf = (items: number): FeatureSchema =>
  schemaSchema.parse({
    name: 'small',
    version: 1,
    vocabularies: { item: { size: items, dim: 4 }, topic: { size: 9, dim: 2 } },
    features: [
      { kind: 'categorical', name: 'target', vocabulary: 'item', from: 'item' },
      { kind: 'sequence', name: 'topics', vocabulary: 'topic', length: 2, from: 'categories' },
      { kind: 'sequence', name: 'clicks', vocabulary: 'item', length: 5, attends: 'target', from: 'clicks' },
      { kind: 'dense', name: 'affinity', size: 2, from: 'affinity' },
    ],
    userVector: 'affinity',
  })

/** Samples of targets and clicks drawn from few items of many, histories of different lengths. */
function batchOf(items: number, size: number, seed: number): Batch {
  const random = seeded(seed)
  const ids = Array.from({ length: size }, () => {
    const clicks = random.below(6)
    return [
      1 + random.below(items - 1),
      ...Array.from({ length: 2 }, () => random.below(9)),
      ...Array.from({ length: 5 }, (_, i) => (i < clicks ? 1 + random.below(items - 1) : 0)),
    ]
  })
  return {
    size,
    ids: Int32Array.from(ids.flat()),
    dense: Float32Array.from({ length: size * 2 }, () => random.next()),
    labels: Float32Array.from({ length: size }, () => random.below(2)),
    weights: new Float32Array(size).fill(1),
  }
}

const whole = (spec: ModelSpec, seed: number): LocalModel => ({
  ids: {},
  weights: initialWeights(spec, seeded(seed)),
})
const bits = (weights: Weights) =>
  Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      { shape, bits: [...new Uint32Array(data.buffer)] },
    ]),
  )
const rowOf = ({ ids, weights }: LocalModel, id: number) => {
  const { data, shape } = weights['embedding.item']!
  const at = ids.item ? ids.item.indexOf(id) : id
  return [...data.subarray(at * shape[1]!, (at + 1) * shape[1]!)]
}

const engines: Record<string, () => Promise<Engine>> = {
  plain: async () => createPlainEngine(),
  'fused-wasm': () => createFusedEngine(),
}

describe.each(Object.entries(engines))('training a part on %s', (_, create) => {
  it.each([
    ['the ranking model', din],
    ['the classifier', prunedDin],
  ])('gives %s bit by bit what training the whole gives', async (_, build) => {
    const engine = await create()
    const cases = fc.record({
      items: fc.integer({ min: 3, max: 80 }),
      sizes: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
      seed: fc.nat(),
      optimizer: fc.constantFrom<NonNullable<Training['optimizer']>>('adam', 'sgd', 'adagrad'),
      pull: fc.constantFrom(0, 0.05),
    })
    const check = async ({
      items,
      sizes,
      seed,
      ...training
    }: typeof cases extends fc.Arbitrary<infer T> ? T : never) => {
      const schema = schemaOf(items)
      const spec = build(schema, WIDTHS)
      const batches = sizes.map((size, i) => batchOf(items, size, seed + i))
      const ids = touchedIds(spec, batches)
      const base = whole(spec, seed)
      const part = partOf(base, ids)
      const ofPart = build(localSchema(schema, ids), WIDTHS)
      expect(ofPart).toEqual(localSpec(spec, ids))

      const full = await engine.load(spec, base.weights, training)
      const small = await engine.load(ofPart, part.weights, training)
      for (const batch of batches) {
        const local = localBatch(spec, ids, batch)
        expect(await small.step(local, 0.05)).toBe(await full.step(batch, 0.05))
        expect(await small.predict(local)).toEqual(await full.predict(batch))
      }
      const trained = withTrained(base, part, await small.save(), Number.POSITIVE_INFINITY)
      expect(bits(trained.weights)).toEqual(bits(await full.save()))
      full.dispose()
      small.dispose()
    }
    await fc.assert(fc.asyncProperty(cases, check), { seed: 7, numRuns: 25 })
    await engine.dispose()
  })
})

/** As many items as MovieLens-1M has films, and as Globo.com's log has articles. */
const ITEMS = { movielens: 3706, demo: 300, globo: 46_033, sequences: 3416, paper: 1000 }

it.each(Object.keys(schemas) as SchemaName[])('so it is with the schema %s', async (name) => {
  const items = Array.from({ length: ITEMS[name] }, (_, i) => ({
    key: `${i}`,
    title: '',
    categories: [i % 7],
  }))
  const categories = Array.from({ length: 7 }, (_, i) => `${i}`)
  const schema = schemas[name]({ name, noun: 'item', categories, items })
  const spec = din(schema, WIDTHS)
  const random = seeded(4)
  const ids = new Int32Array(3 * spec.idWidth)
  for (const { feature, at, width } of layoutOf(schema).slots)
    for (let i = 0; feature.kind !== 'dense' && i < width * 3; i++)
      ids[Math.floor(i / width) * spec.idWidth + at + (i % width)] =
        1 + random.below(schema.vocabularies[feature.vocabulary]!.size - 1)
  const dense = Float32Array.from({ length: 3 * spec.denseWidth }, () => random.next())
  const batch = { size: 3, ids, dense, labels: Float32Array.of(0, 1, 1), weights: Float32Array.of(1, 1, 1) }

  const here = touchedIds(spec, [batch])
  const base = whole(spec, 1)
  const part = partOf(base, here)
  expect(part.weights['embedding.item']!.shape[0]).toBeLessThan(200)
  const engine = createPlainEngine()
  const full = await engine.load(spec, base.weights)
  const small = await engine.load(din(localSchema(schema, here), WIDTHS), part.weights)
  expect(await small.step(localBatch(spec, here, batch), 0.1)).toBe(await full.step(batch, 0.1))
  const trained = withTrained(base, part, await small.save(), Number.POSITIVE_INFINITY)
  for (const [name, { data }] of Object.entries(await full.save())) {
    const { data: own } = trained.weights[name]!
    expect(own.length === data.length && data.every((value, i) => Object.is(value, own[i]))).toBe(true)
  }
  await engine.dispose()
})

describe('the ids of batches', () => {
  const spec = din(schemaOf(100), WIDTHS)
  it('are listed by table, ascending, padding and unknown first, each once', () => {
    const ids = Int32Array.from([40, 3, 0, 7, 40, 9, 0, 0])
    expect(touchedIds(spec, [{ size: 1, ids }])).toEqual({
      item: Int32Array.of(0, 1, 7, 9, 40),
      topic: Int32Array.of(0, 1, 3),
    })
    expect(touchedIds(spec, [])).toEqual({ item: Int32Array.of(0, 1), topic: Int32Array.of(0, 1) })
  })

  it('leave out what lies outside its table', () => {
    const ids = Int32Array.from([100, -1, 9, 99, 0, 0, 0, 0])
    expect(touchedIds(spec, [{ size: 1, ids }])).toEqual({
      item: Int32Array.of(0, 1, 99),
      topic: Int32Array.of(0, 1),
    })
  })

  it('become rows; an id that is not here becomes unknown', () => {
    const batch = { ...batchOf(100, 1, 1), ids: Int32Array.from([40, 3, 5, 7, 40, 9, 0, 1]) }
    const here = { item: Int32Array.of(0, 1, 9, 40), topic: Int32Array.of(0, 1, 5) }
    expect([...localBatch(spec, here, batch).ids]).toEqual([3, 1, 2, 1, 3, 2, 0, 1])
    expect([...localBatch(spec, {}, batch).ids]).toEqual([...batch.ids])
  })

  it('that are missing are told; a whole table lacks none', () => {
    const wanted = { item: Int32Array.of(0, 1, 7, 40), topic: Int32Array.of(0, 1, 3) }
    expect(missingIds(wanted, { item: Int32Array.of(0, 1, 40) })).toEqual({ item: [7] })
    expect(missingIds(wanted, {})).toEqual({})
  })
})

describe('a part', () => {
  const spec = din(schemaOf(100), WIDTHS)
  const base = whole(spec, 3)

  it('takes rows from the model, then from elsewhere, and does without the others', () => {
    const core = partOf(base, { item: Int32Array.of(0, 1, 5) })
    const other = Float32Array.of(1, 2, 3, 4)
    const part = partOf(core, { item: Int32Array.of(0, 1, 5, 6, 7) }, (table, id) =>
      table === 'item' && (id === 6 || id === 5) ? other : undefined,
    )
    expect(part.ids).toEqual({ item: Int32Array.of(0, 1, 5, 6) })
    expect(rowOf(part, 5)).toEqual(rowOf(base, 5))
    expect(rowOf(part, 6)).toEqual([1, 2, 3, 4])
    expect(part.weights['out.w']).toBe(base.weights['out.w'])
    checkWeights(localSpec(spec, part.ids), part.weights)
  })

  it('that was trained leaves in a model that is not whole only what it changed', () => {
    const core = partOf(base, { item: Int32Array.of(0, 1, 5) })
    const before = partOf(core, { item: Int32Array.of(0, 1, 6, 7) }, () => Float32Array.of(1, 2, 3, 4))
    const after: Record<string, Tensor> = {
      ...before.weights,
      'out.b': { shape: [1], data: Float32Array.of(9) },
    }
    after['embedding.item'] = {
      shape: [4, 4],
      data: before.weights['embedding.item']!.data.map((value, i) => (i === 3 * 4 ? 5 : value)),
    }
    const trained = withTrained(core, before, after, 100)
    expect(trained.ids).toEqual({ item: Int32Array.of(0, 1, 5, 7) })
    expect(rowOf(trained, 7)).toEqual([5, 2, 3, 4])
    expect(rowOf(trained, 5)).toEqual(rowOf(base, 5))
    expect([...trained.weights['out.b']!.data]).toEqual([9])
    expect(Object.keys(trained.weights)).toEqual(Object.keys(base.weights))
  })

  it('keeps a model within a number of rows: those not touched go first', () => {
    const held = partOf(base, { item: Int32Array.of(0, 1, 2, 3, 4, 5) })
    const before = partOf(held, { item: Int32Array.of(0, 1, 2, 9) }, () => Float32Array.of(1, 2, 3, 4))
    const after = {
      ...before.weights,
      'embedding.item': {
        shape: [4, 4],
        data: before.weights['embedding.item']!.data.map((value) => value + 1),
      },
    }
    expect([...withTrained(held, before, after, 5).ids.item!]).toEqual([0, 1, 2, 5, 9])
  })

  it('is read as it was written', () => {
    const part = partOf(base, { item: Int32Array.of(0, 1, 5, 99) })
    expect(readLocal(spec, writeLocal(part))).toEqual(part)
    expect(readLocal(spec, writeSafetensors(base.weights))).toEqual(base)
  })

  const ids = (...data: number[]) => ({ shape: [data.length], data: Int32Array.from(data) })
  const part = partOf(base, { item: Int32Array.of(0, 1, 5) })
  it.each([
    ['ids of no table', { 'ids.nothing': ids(0, 1) }],
    ['ids that do not begin with padding and unknown', { 'ids.item': ids(0, 2, 5) }],
    ['ids that are not ascending', { 'ids.item': ids(0, 1, 1) }],
    ['ids beyond the vocabulary', { 'ids.item': ids(0, 1, 100) }],
    ['more ids than rows', { 'ids.item': ids(0, 1, 5, 6) }],
    ['ids in two dimensions', { 'ids.item': { shape: [3, 1], data: Int32Array.of(0, 1, 5) } }],
    ['a tensor too many', { more: ids(0, 1) }],
  ])('is refused with %s', (_, tensors) => {
    const bytes = writeSafetensors({ ...part.weights, ...tensors })
    expect(() => readLocal(spec, bytes)).toThrow(expect.objectContaining({ code: 'bad-artifact' }))
  })
})
