/** A device that remembers what it borrows instead of learning from it. */
import { beforeEach, expect, test } from 'vitest'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { UserState } from '../../../shared/generate.ts'
import { readLocal } from '../../../shared/model/local.ts'
import { din } from '../../../shared/model/spec.ts'
import { pack, type Sample } from '../../../shared/sample.ts'
import { slotOf } from '../../../shared/schema.ts'
import { LEARNING, stage } from '../../testing/stage.ts'
import { batchesFor, createWorld, key } from '../../testing/world.ts'

const WEIGHT = 1.5
const here = stage()
const { start, read } = here
const MINUTE = 60_000

async function remembering(changes: object = {}): Promise<void> {
  here.world = await createWorld({ ...LEARNING, evidence: { weight: WEIGHT, samples: 600 }, ...changes })
  here.server.world = here.world
}
beforeEach(() => remembering())

async function disk<T>(look: (db: ReturnType<typeof here.disk>) => Promise<T>): Promise<T> {
  const db = here.disk()
  try {
    return await look(db)
  } finally {
    db.close()
  }
}

/** What the delivered model says of samples, past the device. */
async function expected(samples: readonly Sample[]): Promise<Float32Array> {
  const { manifest, context, model } = here.world
  const spec = din(manifest.schema, manifest.ranking)
  const loaded = await (await createPlainEngine()).load(spec, readLocal(spec, model).weights)
  return loaded.predict(pack(context.layout, samples))
}

test('it trains no classifier and ranks by the model and by what it remembers, as the formula says', async () => {
  const device = await start()
  await device.contact()
  await read(device, 10)
  await device.contact()
  const { rounds, samples } = await device.status(null)
  expect(samples).toMatchObject({ matched: 300, filtered: 0 })
  // What was read today only judges, and nothing borrowed teaches: there is nothing to train.
  expect(rounds).toEqual([])

  const { context } = here.world
  const state = new UserState(context)
  for (const event of await disk((db) => db.history.orderBy('id').toArray())) state.observe(event)
  const items = Array.from({ length: 60 }, (_, i) => i)
  const candidates = state.samples(items, here.clock.now())
  const borrowed = await disk((db) => db.matched.toArray())
  const before = await expected(candidates)
  const p = await expected(borrowed)
  const { at, width } = slotOf(context.layout, 'taste')
  const vector = ({ dense }: Sample) => [...dense.subarray(at, at + width)]
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const cosine = (a: number[], b: number[]) =>
    dot(a, b) === 0 ? 0 : dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  const target = slotOf(context.layout, 'target').at
  const after = candidates.map((candidate, i) => {
    let e = 0
    for (const [j, sample] of borrowed.entries())
      if (sample.ids[target] === candidate.ids[target])
        e += Math.max(0, cosine(vector(sample), vector(candidate))) ** 2 * (sample.label - p[j]!)
    const logit = Math.log(before[i]! / (1 - before[i]!)) + WEIGHT * Math.log1p(Math.max(0, e))
    return 1 / (1 + Math.exp(-logit))
  })
  const { ranked } = await device.rank({ items: items.map(key) })
  const scores = new Map(ranked.map(({ item, score }) => [item, score]))
  for (const [i, score] of after.entries()) expect(scores.get(key(i))).toBeCloseTo(score, 5)
  expect(after.filter((score, i) => score > before[i]! + 0.01).length).toBeGreaterThan(5)
})

test('of all that came it remembers the newest', async () => {
  await remembering({ evidence: { weight: WEIGHT, samples: 60 } })
  const device = await start()
  await device.contact()
  await read(device, 10)
  await device.contact()
  const orders = (await disk((db) => db.matched.toArray())).map(({ order }) => order)
  expect(orders.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => 241 + i))
})

test('a device asks for more during the day, every ten minutes at most, until it has all that a day may bring', async () => {
  here.server.batches = here.server.batches.slice(0, 4)
  const all = batchesFor(here.world, { count: 12, kindred: 2 })
  const device = await start()
  await device.contact()
  await read(device, 10)
  await device.contact()
  expect((await device.status(null)).samples.matched).toBe(100)
  const lists = () => here.server.count('GET /api/batches') - here.server.count('GET /api/batches/')
  const asked = lists()
  await device.contact()
  expect(lists()).toBe(asked)
  here.server.batches = all
  here.clock.move(10 * MINUTE)
  await device.contact()
  expect(lists()).toBe(asked + 1)
  expect((await device.status(null)).samples.matched).toBe(300)
  here.clock.move(10 * MINUTE)
  await device.contact()
  expect(lists()).toBe(asked + 1)
})
