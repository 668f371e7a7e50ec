import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FIRST_ID } from '../../../shared/catalogue.ts'
import { DAY_MS } from '../../../shared/clock.ts'
import { din } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { catalogue, createWorld, NOON, samplesOf } from '../../testing/world.ts'
import type { Active } from '../delivery/active.ts'
import type { Db } from '../storage/tables.ts'
import { record } from './history.ts'
import { createHoldings, type Holdings } from './holdings.ts'
import { createSamples } from './samples.ts'

let db: Db
let clock: ReturnType<typeof handClock>
let task: Active
let holdings: Holdings
beforeEach(async () => {
  db = freshDb()
  clock = handClock(NOON)
  const { manifest, context } = await createWorld()
  task = { manifest, context, catalogue, etag: null, spec: din(manifest.schema, manifest.ranking) }
  holdings = createHoldings({ db, clock })
})
afterEach(() => db.close())

/** The user sees these, a minute apart, and clicks the last. */
async function see(...items: number[]): Promise<void> {
  for (const item of items) {
    await record(db, clock, [{ type: 'exposure', item: `item-${item}` }])
    clock.move(60_000)
  }
  await record(db, clock, [{ type: 'click', item: `item-${items.at(-1)}` }])
  await update()
}
const update = () => createSamples(db, clock).update(task.context, task.manifest.hyper)
const own = (before: string | null = null, limit = 200) => holdings.list(task, { of: 'own', before, limit })

describe('own samples', () => {
  test('are listed newest first: what was shown, when, and whether it was opened', async () => {
    await see(4, 8, 15)
    const { rows, next } = await own()
    expect(next).toBeNull()
    expect(rows.map(({ item, at, clicked }) => ({ item, at, clicked }))).toEqual([
      { item: 'item-15', at: NOON + 120_000, clicked: true },
      { item: 'item-8', at: NOON + 60_000, clicked: false },
      { item: 'item-4', at: NOON, clicked: false },
    ])
    expect(rows[0]).toMatchObject({ use: 'validation', score: null })
    clock.move(4 * DAY_MS)
    expect((await own()).rows[0]!.use).toBe('training')
  })

  test('come page by page, each once', async () => {
    await see(1, 2, 3, 4, 5)
    const seen: (string | null)[] = []
    for (let next: string | null = null, more = true; more; more = next !== null) {
      const page = await own(next, 2)
      expect(page.rows.length).toBeLessThanOrEqual(2)
      seen.push(...page.rows.map(({ item }) => item))
      next = page.next
    }
    expect(seen).toEqual([5, 4, 3, 2, 1].map((n) => `item-${n}`))
  })

  test('that are erased do not come back, and what was not sent yet never is', async () => {
    await see(4, 8, 15)
    const [newest] = (await own()).rows
    expect(await holdings.erase([newest!.id])).toBe(1)
    await update()
    expect((await own()).rows.map(({ item }) => item)).toEqual(['item-8', 'item-4'])
    expect((await db.history.toArray()).map(({ type }) => type)).toEqual(['exposure', 'exposure'])
    expect((await db.outbox.toArray()).map((event) => 'item' in event && event.item)).toEqual([
      'item-4',
      'item-8',
    ])
  })
})

describe('borrowed samples', () => {
  beforeEach(async () => {
    const samples = samplesOf(task.context, 2, 3, seeded(1))
    const [a, b, c] = samples.map((sample, order) => ({ ...sample, id: `m${order}`, order }))
    await db.matched.bulkPut([
      { ...a!, state: 'unscored' },
      { ...b!, state: 'filtered', score: 0.75 },
      { ...c!, state: 'classifying' },
    ])
  })

  test('are listed with their state and score, page by page', async () => {
    const list = (before: string | null) => holdings.list(task, { of: 'borrowed', before, limit: 2 })
    const first = await list(null)
    expect(first.rows.map(({ id, use, score }) => [id, use, score])).toEqual([
      ['m2', 'classifying', null],
      ['m1', 'filtered', 0.75],
    ])
    const second = await list(first.next)
    expect(second).toMatchObject({ rows: [{ id: 'm0', use: 'unscored' }], next: null })
  })

  test('can be erased; one that is gone already counts for nothing', async () => {
    expect(await holdings.erase(['m0', 'm2', 'gone'])).toBe(2)
    expect(await db.matched.toCollection().primaryKeys()).toEqual(['m1'])
  })
})

test('a sample is told feature by feature, in titles and names', async () => {
  await see(4, 8, 15)
  await see(16)
  const [newest] = (await own()).rows
  const { features } = await holdings.inspect(task, newest!.id)
  const named = Object.fromEntries(features.map(({ name, values }) => [name, values]))
  expect(named.target).toEqual(['Thing 16'])
  expect(named.topics).toEqual([catalogue.categories[16 % 6]])
  expect(named.clicks).toEqual(['Thing 15'])
  // One click so far, in category 15 mod 6.
  expect(named.taste).toEqual(['d 100 %'])
  expect(named.affinity).toEqual([0, 0])
  const ids = (await db.local.get(newest!.id))!.ids
  expect(ids[0]).toBe(FIRST_ID + 16)
})

test('a sample that is gone is bad input', async () => {
  await expect(holdings.inspect(task, 'x')).rejects.toMatchObject({ code: 'bad-input' })
})
