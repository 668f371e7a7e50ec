import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import type { Context } from '../../../shared/generate.ts'
import { hyper } from '../../../shared/hyper.ts'
import { seeded } from '../../../shared/random.ts'
import type { MatchedSample } from '../../../shared/sample.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { createWorld, key, NOON, samplesOf } from '../../testing/world.ts'
import { noteContact } from '../storage/ages.ts'
import type { Db } from '../storage/tables.ts'
import { record } from './history.ts'
import { createSamples, type Samples } from './samples.ts'

const DAY = DAY_MS
const MINUTE = 60_000
const numbers = hyper()

let db: Db
let clock: ReturnType<typeof handClock>
let samples: Samples
let context: Context

beforeEach(async () => {
  db = freshDb()
  clock = handClock(NOON)
  samples = createSamples(db, clock)
  context = (await createWorld()).context
})
afterEach(() => db.close())

const see = (...items: number[]) =>
  record(
    db,
    clock,
    items.map((i) => ({ type: 'exposure', item: key(i) })),
  )
const click = (i: number) => record(db, clock, [{ type: 'click', item: key(i) }])
const contact = () => noteContact(db, clock, clock.now())
const update = (numbers = hyper()) => samples.update(context, numbers)
const labels = async () => {
  const { validation, training } = await samples.local(numbers)
  return [...training, ...validation].map(({ label }) => label)
}

describe('local samples', () => {
  test('an exposure becomes a negative once something later was clicked, or half an hour has passed', async () => {
    await see(1)
    await update()
    expect(await labels()).toEqual([])
    clock.move(MINUTE)
    await see(2)
    await click(2)
    clock.move(MINUTE)
    await see(3)
    await update()
    expect(await labels()).toEqual([0, 1])
    clock.move(30 * MINUTE)
    await update()
    expect(await labels()).toEqual([0, 1, 0])
  })

  test('a late click corrects the label and leaves the features as they were', async () => {
    await see(1, 2)
    clock.move(MINUTE)
    await click(2)
    await update()
    const before = (await samples.local(numbers)).validation[0]!
    expect(before.label).toBe(0)
    clock.move(MINUTE)
    await click(1)
    await update()
    const after = (await samples.local(numbers)).validation[0]!
    expect(after).toEqual({ ...before, label: 1 })
  })

  test('they validate in [0, 3] days, train in (3, 7], serve for nothing after, and go when the server’s time says so', async () => {
    await see(1)
    await click(1)
    const usesAfter = async (days: number) => {
      clock.move(days * DAY)
      await update()
      const { validation, training } = await samples.local(numbers)
      return [validation.length, training.length]
    }
    expect(await usesAfter(3)).toEqual([1, 0])
    expect(await usesAfter(1)).toEqual([0, 1])
    await contact()
    expect(await usesAfter(3.5)).toEqual([0, 0])
    expect(await db.local.count()).toBe(1)
    await contact()
    expect(await usesAfter(4)).toEqual([0, 0])
    expect(await db.local.count()).toBe(1)
    await contact()
    expect(await usesAfter(0)).toEqual([0, 0])
    expect(await db.local.count()).toBe(0)
  })

  test('a clock that is put back makes nothing old: it stays, as young', async () => {
    await see(1)
    await click(1)
    await update()
    clock.move(-400 * DAY)
    await update()
    expect((await samples.local(numbers)).validation).toHaveLength(1)
    await see(2)
    await click(2)
    await update()
    expect((await samples.local(numbers)).validation).toHaveLength(2)
  })

  test('beyond the limit the older half goes, and does not come back', async () => {
    const small = hyper({ maxLocal: 10 })
    for (let i = 0; i < 11; i++) {
      clock.move(MINUTE)
      await see(i)
      await click(i)
    }
    await update(small)
    const kept = (await db.local.orderBy('at').toArray()).map(({ at }) => at)
    expect(kept).toEqual([7, 8, 9, 10, 11].map((n) => NOON + n * MINUTE))
    await update(small)
    expect(await db.local.count()).toBe(5)
    clock.move(MINUTE)
    await see(20)
    await click(20)
    await update(small)
    expect(await db.local.count()).toBe(6)
  })

  test('after such a cut, a clock that is put back does not keep new samples out', async () => {
    const small = hyper({ maxLocal: 4 })
    for (let i = 0; i < 5; i++) await click(i)
    await update(small)
    clock.move(-DAY)
    await click(9)
    await update(small)
    expect(await db.local.count()).toBe(3)
  })
})

describe('matched samples', () => {
  /** `count` samples whose ids are 0, 1, …. */
  const some = (count: number, from = 0): MatchedSample[] =>
    samplesOf(context, 0, count, seeded(1)).map((sample, i) => ({
      ...sample,
      id: String(from + i).padStart(3, '0'),
    }))
  /** All that wait are scored, one after the other. */
  const score = async (scores: readonly number[], limits = numbers) => {
    const waiting = await samples.waiting()
    const made = scores.map((score, i) => ({ id: waiting[i]!.id, score, keep: score >= 0.2 }))
    const used = waiting.slice(scores.length).map(({ id }) => id)
    await samples.settle({ scores: made, used }, limits)
  }
  const kept = async () => (await samples.filtered()).map((row) => 'score' in row && row.score)

  test('those wait that nobody has scored, in the order in which they came', async () => {
    await samples.add(some(3, 100))
    await samples.add(some(3))
    const waiting = async () => (await samples.waiting()).map(({ id }) => id)
    expect(await waiting()).toEqual(['100', '101', '102', '000', '001', '002'])
    // As a version before tasks has left them.
    await db.matched.update('100', { state: 'classifying' })
    await samples.settle({ scores: [{ id: '101', score: 1, keep: true }], used: ['000'] }, numbers)
    expect(await waiting()).toEqual(['100', '102', '001', '002'])
  })

  test('once scored, those are gone that were used, and exactly those stay that are kept', async () => {
    await samples.add(some(6))
    await score([0.2, 0.19999, 0.9, 0])
    expect(await db.matched.count()).toBe(2)
    expect(await kept()).toEqual([0.2, 0.9])
    expect((await samples.filtered()).map(({ id }) => id)).toEqual(['000', '002'])
  })

  test('filtered ones stay until a training has used them', async () => {
    await samples.add(some(6))
    await score([1, 1, 1, 1])
    const filtered = await samples.filtered()
    await samples.add(some(4, 100))
    await samples.settle({ scores: [], used: filtered.map(({ id }) => id) }, numbers)
    expect(await samples.count()).toMatchObject({ matched: 4, filtered: 0 })
  })

  test('beyond the limit the worse half of the filtered goes', async () => {
    await samples.add(some(6))
    await score([0.5, 0.9, 0.3, 0.8, 0.4], hyper({ maxFiltered: 4 }))
    expect(await kept()).toEqual([0.9, 0.8])
  })

  test('what earlier days left behind is cut to half by score, where unscored counts 0', async () => {
    const small = hyper({ maxFiltered: 4 })
    await samples.add(some(3))
    await score([0.5, 0.9], small)
    await samples.add(some(3, 100))
    await samples.makeRoom(small)
    expect(await db.matched.count()).toBe(2)
    expect(await samples.filtered()).toHaveLength(2)
  })

  test('they may be kept though nobody says how well they fit; beyond the limit the newest half stays', async () => {
    const keepAll = async () => {
      const waiting = await samples.waiting()
      const scores = waiting.map(({ id }) => ({ id, score: null, keep: true }))
      await samples.settle({ scores, used: [] }, hyper({ maxFiltered: 6 }))
    }
    await samples.add(some(6))
    await keepAll()
    expect(await kept()).toEqual(Array(6).fill(null))
    await samples.add(some(2, 100))
    await keepAll()
    expect((await samples.filtered()).map(({ order }) => order)).toEqual([6, 7, 8])
  })

  test('a batch that comes again changes nothing', async () => {
    await samples.add(some(6))
    await score([1, 1, 1, 1])
    const before = await db.matched.toArray()
    await samples.add(before.map(({ id, at, label, ids, dense }) => ({ id, at, label, ids, dense })))
    expect(await db.matched.toArray()).toEqual(before)
  })

  test('scores that arrive after everything was erased bring nothing back', async () => {
    await samples.add(some(6))
    const scores = (await samples.waiting()).map(({ id }) => ({ id, score: 1, keep: true }))
    await db.matched.clear()
    await samples.settle({ scores, used: [] }, numbers)
    expect(await db.matched.count()).toBe(0)
  })
})
