import { beforeAll, describe, expect, test } from 'vitest'
import { FIRST_ID, UNKNOWN_ID } from '../../../shared/catalogue.ts'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import type { KindredEvent } from '../../../shared/event.ts'
import { UserState } from '../../../shared/generate.ts'
import { writeLocal } from '../../../shared/model/local.ts'
import { din } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import { slotOf } from '../../../shared/schema.ts'
import { catalogue, createWorld, key, NOON, type World } from '../../testing/world.ts'
import { openScorer, type Scorer } from '../models/scorer.ts'
import { reasonsFor, type Shown } from './why.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})

/** Items that were clicked, oldest first, and those that are shown now. */
function shown(clicks: readonly number[], positions: readonly number[]): Shown {
  const events = clicks.map((item, i): KindredEvent => {
    const at = NOON - 1000 * (clicks.length - i)
    return { type: 'click', id: `c${i}`, at, item: key(item), exposure: `x${i}` }
  })
  const state = new UserState(world.context)
  for (const event of events) state.observe(event)
  return { items: positions.map(key), positions, events, now: NOON, samples: state.samples(positions, NOON) }
}

/**
 * A model by hand: each click is attended to as `weights` has it, and raises the logit by `effects`; the mean affinity
 * raises it by as many times `affinity`.
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
        return 1 / (1 + Math.exp(-logit - affinity * mean))
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
const task = () => ({ catalogue, context: world.context })
async function reason(clicks: readonly number[], scorer: Pick<Scorer, 'score' | 'attention'>) {
  const [reason] = await reasonsFor(task(), scorer, shown(clicks, [0]))
  return reason!
}
const click = (item: number) => ({ kind: 'click', item: key(item) })

describe('an item is there because of', () => {
  test('the click without which its odds would be the lowest', async () => {
    const scorer = byHand({ 7: 3, 8: 2.5, 9: -0.1 }, { 7: 0.2, 8: 0.5, 9: -4 })
    const { because, clicks } = await reason([9, 8, 7], scorer)
    expect(because).toEqual(click(8))
    expect(clicks).toEqual([
      { item: key(7), weight: 3, effect: expect.closeTo(0.2, 5) },
      { item: key(8), weight: 2.5, effect: expect.closeTo(0.5, 5) },
      { item: key(9), weight: -0.1, effect: expect.closeTo(-4, 4) },
    ])
  })

  test('an only click, if it helps', async () => {
    expect((await reason([7], byHand({ 7: 0.4 }, { 7: 0.3 }))).because).toEqual(click(7))
    expect((await reason([7], byHand({ 7: 0.4 }, { 7: 0.04 }))).because, 'by too little').toBeNull()
    expect((await reason([7], byHand({ 7: 0.4 }, { 7: -1 }))).because, 'it speaks against it').toBeNull()
  })

  test('a click that was made twice: without both', async () => {
    const { because, clicks } = await reason([7, 8, 7], byHand({ 7: 1, 8: 1.2 }, { 7: 0.3, 8: 0.4 }))
    expect(because).toEqual(click(7))
    expect(clicks[0]).toEqual({ item: key(7), weight: 2, effect: expect.closeTo(0.6, 5) })
  })

  test('another click than that of itself', async () => {
    expect((await reason([7, 0], byHand({}, { 0: 2, 7: 1 }))).because).toEqual(click(7))
  })

  test('a click by what it does to the taste, too', async () => {
    // Items 0, 6 and 12 are of category 0. Without item 6, the affinity for it falls from ⅔ to ½.
    const { clicks, because } = await reason([6, 12, 7], byHand({ 6: 1 }, {}, { affinity: 6 }))
    const effects = Object.fromEntries(clicks.map(({ item, effect }) => [item, effect]))
    expect(effects[key(6)]).toBeCloseTo(6 * (2 / 3 - 1 / 2), 2)
    expect(effects[key(7)]).toBeCloseTo(6 * (2 / 3 - 1), 2)
    expect(because).toEqual(click(12))
  })

  test('its category, where no click did enough alone', async () => {
    // 20 of 24 clicks are of category 0: without one of them it is 19 of 23.
    const clicks = [...Array.from({ length: 20 }, (_, i) => 6 * (i % 10)), 1, 2, 3, 4].filter((i) => i > 0)
    const { because } = await reason(clicks, byHand({}, {}, { affinity: 0.2 }))
    expect(because).toEqual({ kind: 'category', category: 0 })
    expect((await reason(clicks, byHand({}, {}, { affinity: 0.01 }))).because, 'by too little').toBeNull()
  })
})

describe('nothing is said', () => {
  test('of a category of which nothing else was clicked, or but one thing', async () => {
    const likesTaste = byHand({}, {}, { affinity: 1 })
    expect((await reason([0, 1, 2], likesTaste)).because).toBeNull()
    expect((await reason([0, 6, 1, 2], likesTaste)).because, 'by the one').toEqual(click(6))
    expect((await reason([6, 1, 2], byHand({}, {}, { affinity: 0.1 }))).because).toBeNull()
  })

  test('without a history', async () => {
    const { because, clicks } = await reason([], byHand({}, {}))
    expect({ because, clicks }).toEqual({ because: null, clicks: [] })
  })

  test('of a click that the model has no row for, and of an item that it has none for', async () => {
    expect((await reason([7], byHand({ 7: 2 }, { 7: 1 }, { unknown: 7 }))).clicks).toEqual([])
    expect((await reason([7], byHand({ 7: 2 }, { 7: 1 }, { unknown: 0 }))).because).toBeNull()
  })
})

test('with many items the newest clicks are tried, and the effect of the others is not known', async () => {
  const clicks = Array.from({ length: 25 }, (_, i) => i)
  const positions = Array.from({ length: 60 }, (_, i) => i)
  const [first] = await reasonsFor(task(), byHand({}, {}), shown(clicks, positions))
  expect(first!.clicks).toHaveLength(25)
  expect(first!.clicks.filter(({ effect }) => effect !== null).map(({ item }) => item)).toEqual(
    clicks.reverse().slice(0, 20).map(key),
  )
})

test('next to others, what raises all alike is no reason for any', async () => {
  // Of category 1 is item 1 alone; the click on item 7 raises all by 1, and by the taste for its category item 1 by 2 more.
  const reasons = await reasonsFor(task(), byHand({}, { 7: 1 }, { affinity: 2 }), shown([7], [0, 1, 2, 3]))
  expect(reasons.map(({ because }) => because)).toEqual([null, click(7), null, null])
  expect(reasons.map(({ clicks }) => clicks[0]!.effect)).toEqual(
    [-0.5, 1.5, -0.5, -0.5].map((effect) => expect.closeTo(effect, 4)),
  )
})

test('of a real model every click that is named holds: had it never been, the item would fall behind', async () => {
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
  const logit = (p: number) => Math.log(p / (1 - p))
  const scoresOf = async ({ samples }: Shown) => [...(await scorer.score(pack(context.layout, samples)))]
  let told = 0
  for (let round = 0; round < 20; round++) {
    const clicked = Array.from({ length: 1 + random.below(12) }, () => random.below(60))
    const items = Array.from({ length: 5 }, () => random.below(60))
    const now = shown(clicked, items)
    const reasons = await reasonsFor(task(), scorer, now)
    expect(reasons.map(({ score }) => score)).toEqual(await scoresOf(now))
    for (const [row, { because, clicks }] of reasons.entries()) {
      expect(clicks.map(({ item }) => item)).toEqual([...new Set(clicked.map(key).reverse())])
      if (because?.kind !== 'click') continue
      told++
      const without = await scoresOf(
        shown(
          clicked.filter((item) => key(item) !== because.item),
          items,
        ),
      )
      const raised = reasons.map((reason, i) => logit(reason.score) - logit(without[i]!))
      expect(raised[row]).toBeGreaterThan(raised.reduce((sum, by) => sum + by) / raised.length)
    }
  }
  expect(told).toBeGreaterThan(10)
  scorer.dispose()
})
