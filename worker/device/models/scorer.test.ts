import { beforeAll, describe, expect, test } from 'vitest'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { partOf, writeLocal } from '../../../shared/model/local.ts'
import { din, type ModelSpec } from '../../../shared/model/spec.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import { seeded } from '../../../shared/random.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import { createWorld, samplesOf } from '../../testing/world.ts'
import { openScorer } from './scorer.ts'

const DIM = 8
let spec: ModelSpec
let weights: Weights
/** The delivered model: of its items it has padding and unknown only. */
let sliced: Uint8Array
let batch: Batch

beforeAll(async () => {
  const { manifest, context, model, weights: whole } = await createWorld({ vocabulary: 9000 })
  spec = din(manifest.schema, manifest.ranking)
  weights = whole
  sliced = model
  batch = pack(context.layout, samplesOf(context, 2, 20, seeded(1)))
})

/** What the engine itself makes of the whole model. */
async function expected(of: Weights): Promise<Float32Array> {
  const model = await createPlainEngine().load(spec, of)
  return model.predict(batch)
}
const rowOf = (_: string, id: number) => weights['embedding.item']!.data.slice(id * DIM, (id + 1) * DIM)

/** The whole model in which every item but padding is unknown. */
function allUnknown(): Weights {
  const { shape, data } = weights['embedding.item']!
  const same = data.map((value, i) => (i < 2 * DIM ? value : data[DIM + (i % DIM)]!))
  return { ...weights, 'embedding.item': { shape, data: same } }
}

describe('a scorer', () => {
  test('of a whole model says what the engine says of its weights, and needs no rows', async () => {
    const scorer = await openScorer(createPlainEngine(), spec, writeLocal({ ids: {}, weights }))
    await scorer.grow(batch, () => Promise.reject(new Error('asked for rows')))
    expect(await scorer.score(batch)).toEqual(await expected(weights))
  })

  test('of a part takes items for unknown whose rows are not here, and the rows that come in as they are', async () => {
    const scorer = await openScorer(createPlainEngine(), spec, sliced)
    expect(await scorer.score(batch)).toEqual(await expected(allUnknown()))
    const asked: Record<string, number[]>[] = []
    const grow = () =>
      scorer.grow(batch, async (missing) => {
        asked.push(missing)
        return rowOf
      })
    await grow()
    expect(await scorer.score(batch)).toEqual(await expected(weights))
    await grow()
    expect(
      asked.map((ids) => Object.keys(ids)),
      'asked once',
    ).toEqual([['item']])
  })

  test('stays as it is where no row is found', async () => {
    const scorer = await openScorer(createPlainEngine(), spec, sliced)
    await scorer.grow(batch, async () => () => undefined)
    expect(await scorer.score(batch)).toEqual(await expected(allUnknown()))
  })

  test('gives back what it holds, also when it grows at that moment', async () => {
    const engine = createPlainEngine()
    const scorer = await openScorer(engine, spec, sliced)
    await scorer.grow(batch, async () => {
      scorer.dispose()
      return rowOf
    })
    const other = await openScorer(engine, spec, sliced)
    await other.grow(batch, async () => rowOf)
    other.dispose()
    expect(engine.held()).toBe(0)
  })

  test('refuses what is no model of the task', async () => {
    const other = writeLocal(
      partOf({ ids: {}, weights: { ...weights, extra: { shape: [1], data: new Float32Array(1) } } }, {}),
    )
    await expect(openScorer(createPlainEngine(), spec, other)).rejects.toMatchObject({ code: 'bad-artifact' })
  })
})
