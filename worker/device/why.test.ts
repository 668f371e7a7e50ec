import { beforeAll, describe, expect, test } from 'vitest'
import { FIRST_ID, UNKNOWN_ID } from '../../shared/catalogue.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { UserState } from '../../shared/generate.ts'
import { writeLocal } from '../../shared/model/local.ts'
import { din } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { type Batch, pack } from '../../shared/sample.ts'
import { slotOf } from '../../shared/schema.ts'
import { catalogue, createWorld, key, NOON, type World } from '../testing/world.ts'
import { openScorer, type Scorer } from './scorer.ts'
import { reasonsFor } from './why.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})

/** Items that were clicked, oldest first, and those that are shown now. */
function shown(clicks: readonly number[], items: readonly number[]): { keys: string[]; batch: Batch } {
  const state = new UserState(world.context)
  clicks.forEach((item, i) => {
    const at = NOON - 1000 * (clicks.length - i)
    state.observe({ type: 'click', id: `c${i}`, at, item: key(item), exposure: `x${i}` })
  })
  return { keys: items.map(key), batch: pack(world.context.layout, state.samples(items, NOON)) }
}

/**
 * A model by hand: each click is attended to as `weights` has it, and raises the logit by `effects`; each tenth of affinity
 * raises it by `affinity`.
 */
function byHand(
  weights: Record<number, number>,
  effects: Record<number, number>,
  { affinity = 0, unknown = -1 }: { affinity?: number; unknown?: number } = {},
): Pick<Scorer, 'score' | 'attention'> {
  const { layout } = world.context
  const { at, width } = slotOf(layout, 'clicks')
  const clicksIn = ({ ids }: Pick<Batch, 'ids'>, row: number) =>
    [...ids.subarray(row * layout.idWidth + at, row * layout.idWidth + at + width)].map((id) => id - FIRST_ID)
  const affinityAt = slotOf(layout, 'affinity').at
  return {
    async score(batch) {
      return Float32Array.from({ length: batch.size }, (_, row) => {
        const logit = clicksIn(batch, row).reduce((sum, item) => sum + (effects[item] ?? 0), 0)
        const mean = batch.dense[row * layout.denseWidth + affinityAt]!
        return 1 / (1 + Math.exp(-logit - 10 * affinity * mean))
      })
    },
    attention(batch) {
      const all = Array.from({ length: batch.size }, (_, row) =>
        clicksIn(batch, row).map((item) => weights[item] ?? 0),
      )
      const known = (place: number) =>
        batch.ids[place]! > UNKNOWN_ID && batch.ids[place] !== unknown + FIRST_ID
      return {
        attention: [{ feature: 'clicks', at, length: width, weights: Float64Array.from(all.flat()) }],
        known,
      }
    },
  }
}
const reason = async (clicks: readonly number[], scorer: Pick<Scorer, 'score' | 'attention'>, item = 0) => {
  const { keys, batch } = shown(clicks, [item])
  return (await reasonsFor({ catalogue, context: world.context }, scorer, keys, batch))[0]!
}

describe('an item is there because of', () => {
  test('the click without which its odds would fall the most, of those that are attended to most', async () => {
    const scorer = byHand({ 7: 3, 8: 2.5, 9: 0.1, 10: 0.1 }, { 7: 0.2, 8: 0.5, 9: 4 })
    const { because, clicks } = await reason([9, 8, 7, 10], scorer)
    expect(because).toEqual({ kind: 'click', item: key(8) })
    expect(clicks).toEqual([
      { item: key(10), weight: 0.1 },
      { item: key(7), weight: 3 },
      { item: key(8), weight: 2.5 },
      { item: key(9), weight: 0.1 },
    ])
  })

  test('an only click, if it helps', async () => {
    expect((await reason([7], byHand({ 7: 0.4 }, { 7: 0.3 }))).because).toEqual({
      kind: 'click',
      item: key(7),
    })
    expect((await reason([7], byHand({ 7: 0.4 }, { 7: 0.01 }))).because, 'by too little').toBeNull()
    expect((await reason([7], byHand({ 7: 0.4 }, { 7: -1 }))).because, 'it speaks against it').toBeNull()
  })

  test('its category, where the taste for that moved it more', async () => {
    // Items 0 and 6 are of category 0: half of the clicks are, and the affinity is ½.
    const taste = byHand({ 6: 2, 7: 1 }, { 6: 0.3 }, { affinity: 0.1 })
    expect((await reason([6, 7], taste)).because).toEqual({ kind: 'category', category: 0 })
    const click = byHand({ 6: 2, 7: 1 }, { 6: 0.9 }, { affinity: 0.1 })
    expect((await reason([6, 7], click)).because).toEqual({ kind: 'click', item: key(6) })
  })

  test('a click that was made twice, both at once', async () => {
    const scorer = byHand({ 7: 1, 8: 1.2 }, { 7: 0.3, 8: 0.4 })
    expect((await reason([7, 8, 7], scorer)).because).toEqual({ kind: 'click', item: key(7) })
  })
})

describe('nothing is said', () => {
  test('without a history', async () => {
    const { because, clicks } = await reason([], byHand({}, {}))
    expect({ because, clicks }).toEqual({ because: null, clicks: [] })
  })

  test('where all weights are negative, or flat', async () => {
    const effects = { 7: 1, 8: 1, 9: 1 }
    expect((await reason([7, 8, 9], byHand({ 7: -1, 8: -2, 9: -3 }, effects))).because).toBeNull()
    expect((await reason([7, 8, 9], byHand({ 7: 1, 8: 1.05, 9: 1 }, effects))).because).toBeNull()
  })

  test('by a click, where the model has no row for it, or for the item itself', async () => {
    const effects = { 7: 1 }
    expect((await reason([7], byHand({ 7: 2 }, effects, { unknown: 7 }))).clicks).toEqual([])
    expect((await reason([7], byHand({ 7: 2 }, effects, { unknown: 0 }))).clicks).toEqual([])
  })
})

test('of a real model every click that is named holds: without it the score would be lower', async () => {
  const { manifest, context } = world
  const random = seeded(5)
  const weights = Object.fromEntries(
    Object.entries(world.weights).map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value, i) => (i < 8 ? value : value + 0.4 * random.normal())) },
    ]),
  )
  const spec = din(manifest.schema, manifest.ranking)
  const scorer = await openScorer(createPlainEngine(), spec, writeLocal({ ids: {}, weights }))
  const { at, width } = slotOf(context.layout, 'clicks')
  let told = 0
  for (let round = 0; round < 20; round++) {
    const clicked = Array.from({ length: 1 + random.below(12) }, () => random.below(60))
    const items = Array.from({ length: 5 }, () => random.below(60))
    const { keys, batch } = shown(clicked, items)
    const reasons = await reasonsFor({ catalogue, context }, scorer, keys, batch)
    expect(reasons.map(({ score }) => Math.fround(score))).toEqual([...(await scorer.score(batch))])
    for (const [row, { because, clicks, score }] of reasons.entries()) {
      expect(clicks.map(({ item }) => item)).toEqual(clicked.map(key).reverse())
      if (because?.kind !== 'click') continue
      told++
      const left = clicked.filter((item) => key(item) !== because.item).reverse()
      const ids = batch.ids.slice(row * context.layout.idWidth, (row + 1) * context.layout.idWidth)
      ids.fill(0, at, at + width)
      ids.set(
        left.map((item) => item + FIRST_ID),
        at,
      )
      const dense = batch.dense.slice(row * context.layout.denseWidth, (row + 1) * context.layout.denseWidth)
      const one = { size: 1, ids, dense, labels: new Float32Array(1), weights: new Float32Array(1) }
      expect((await scorer.score(one))[0]).toBeLessThan(score)
    }
  }
  expect(told).toBeGreaterThan(10)
  scorer.dispose()
})
