/** M knows its user in closed form, where the task has item factors: folded in by each round, counted in each score. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { appeal, foldIn } from '../../../shared/model/factors.ts'
import { readLocal, writeLocal } from '../../../shared/model/local.ts'
import { seeded } from '../../../shared/random.ts'
import { pack } from '../../../shared/sample.ts'
import { RANKING } from '../../../shared/tasks/manifest.ts'
import { answering, type Bench, createBench, knownTrainer } from '../../testing/rounds.ts'
import { trainerHere } from '../../testing/scripts.ts'
import { createWorld, samplesOf, type World } from '../../testing/world.ts'
import { factorsOf } from '../delivery/active.ts'
import type { ItemFactors } from './personal.ts'
import { openScorer } from './scorer.ts'

let world: World
let bench: Bench
let factors: ItemFactors
beforeAll(async () => {
  world = await createWorld({ ranking: { personal: true } })
  factors = factorsOf(world.context, world.factorsBytes!)
})
beforeEach(async () => {
  bench = await createBench(world)
  Object.assign(bench.task, { factors })
})
afterEach(() => bench.db.close())

const NAME = 'toy'
const read = async (bytes: Uint8Array) => readLocal(bench.task.spec, bytes)
const m = async () => read((await bench.models.load(NAME)).bytes)

describe('a round', () => {
  test('folds all own samples in, and M0 stays as it was delivered', async () => {
    const own = await bench.db.local.toArray()
    const round = await bench.run()
    expect(round).toMatchObject({ outcome: 'committed', folded: own.length })
    const shown = { items: own.map(({ ids }) => ids[factors.at]!), labels: own.map(({ label }) => label) }
    const there = (await m()).personal!
    // In another order of the sums.
    foldIn(factors, shown).forEach((value, i) => {
      expect(there[i]).toBeCloseTo(value, 5)
    })
    expect((await read((await bench.models.backup(NAME))!.bytes)).personal).toBeUndefined()
  })

  test('commits the vector alone where training brings nothing, and nothing where the vector is no news', async () => {
    const kept = { trained: true, steps: 4, stepsKept: 0, losses: [], before: 0.5, after: 0.5 }
    bench.spawnTrainer = () =>
      answering(knownTrainer(), 'train', () => ({ models: {}, folds: [RANKING], result: kept }))
    const before = await m()
    expect(await bench.run()).toMatchObject({ outcome: 'committed', stepsKept: 0 })
    expect((await m()).weights).toEqual(before.weights)
    expect((await m()).personal).toHaveLength(4)
    expect(await bench.run()).toMatchObject({ outcome: 'kept' })
  })

  test('folds in also where there is nothing to judge a training by, and its samples wait', async () => {
    bench.spawnTrainer = trainerHere
    await bench.db.local.toCollection().modify({ label: 1 })
    expect(await bench.run()).toMatchObject({ outcome: 'committed', folded: 24, steps: 0 })
    expect((await m()).personal).toHaveLength(4)
    const { filtered } = await bench.samples.count()
    expect(filtered).toBeGreaterThan(0)
    expect(await bench.isDue()).toBe(false)
  })

  test('folds nothing in where the task has no factors or does not ask for it', async () => {
    Object.assign(bench.task, { factors: undefined })
    expect((await bench.run()).folded).toBeUndefined()
    expect((await m()).personal).toBeUndefined()
  })

  test('a rollback takes the vector along', async () => {
    await bench.run()
    await bench.models.rollback(NAME)
    expect((await m()).personal).toBeUndefined()
  })
})

describe('the scores of M', () => {
  test('are the DIN’s, mixed with how each target appeals to the user', async () => {
    const { spec, context } = bench.task
    const engine = createPlainEngine()
    const batch = pack(context.layout, samplesOf(context, 2, 6, seeded(9)))
    const din = await m()
    const personal = Float32Array.of(0.1, -0.2, 0.3, -0.05)
    const bytes = writeLocal({ ...din, personal })
    const alone = await openScorer(engine, spec, writeLocal(din), factors)
    const whole = await openScorer(engine, spec, bytes, factors)
    const [plain, scores] = [await alone.score(batch), await whole.score(batch)]
    scores.forEach((score, row) => {
      const item = batch.ids[row * context.layout.idWidth + factors.at]!
      const logit = Math.log(plain[row]! / (1 - plain[row]!))
      const expected = 0.8 * logit + 3 * appeal(factors, personal, item) + 2 * -0.05 + 0.25
      expect(score).toBeCloseTo(1 / (1 + Math.exp(-expected)), 5)
    })
    alone.dispose()
    whole.dispose()
    await engine.dispose()
  })

  test('a vector that does not fit the factors of the task is refused', async () => {
    const engine = createPlainEngine()
    const { spec } = bench.task
    const bytes = writeLocal({ ...(await m()), personal: Float32Array.of(1, 2) })
    await expect(openScorer(engine, spec, bytes, factors)).rejects.toMatchObject({ code: 'bad-artifact' })
    await expect(openScorer(engine, spec, bytes)).rejects.toMatchObject({ code: 'bad-artifact' })
    await engine.dispose()
  })

  test('a vector that is not of numbers is no model', async () => {
    const bytes = writeLocal({ ...(await m()), personal: Float32Array.of(1, Number.NaN, 0) })
    await expect(read(bytes)).rejects.toMatchObject({ code: 'bad-artifact' })
  })
})
