import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FIRST_ID, UNKNOWN_ID } from '../../shared/catalogue.ts'
import { AppError } from '../../shared/failure.ts'
import { din, initialWeights } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { seeded } from '../../shared/random.ts'
import { layoutOf } from '../../shared/schema.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { openCloud } from './cloud.ts'
import { needPopulation, type Population } from './population.ts'
import { NOON, toyPrivacy, toySource } from './toy.ts'
import { readCheckpoint, removeCheckpoint } from './training/checkpoint.ts'
import { fingerprintOf, planCourse, readerOf } from './training/course.ts'
import { withUnseenUnknown } from './training/unseen.ts'
import { TRAINING, type TrainSettings, trainGlobal } from './training.ts'

const CHILD = join(import.meta.dirname, 'training.child.ts')
const SETTINGS: TrainSettings = { ...TRAINING, epochs: 2, batchSize: 128, learningRate: 0.0003, threads: 1 }

/** The largest distance between two values of the same place. */
function apart(one: Weights, other: Weights): number {
  expect(Object.keys(one)).toEqual(Object.keys(other))
  let most = 0
  for (const [name, { data }] of Object.entries(one))
    data.forEach((value, i) => {
      most = Math.max(most, Math.abs(value - other[name]!.data[i]!))
    })
  return most
}

describe('global training', () => {
  let dir: string
  let store: Store
  let population: Population
  let child: ChildProcess | undefined
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kindred-training-'))
    const cloud = await openCloud({ dataDir: dir, clock: { now: () => NOON }, privacy: toyPrivacy() })
    await cloud.importSource(toySource({ count: 60 }))
    await cloud.prepare()
    await cloud.close()
    store = openStore(join(dir, 'store'))
    population = await needPopulation(store)
  })
  beforeEach(() => removeCheckpoint(dir))
  afterEach(kill)
  afterAll(async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  })

  const { signal } = new AbortController()
  const train = (changes: Partial<TrainSettings> = {}, progress = (_: { done: number }) => {}) =>
    trainGlobal({ store, dir }, population, { ...SETTINGS, ...changes }, { progress, signal })

  /** Trains in another process, which is killed (SIGKILL) when it has said that it is `done` samples far, or further. */
  async function trainAndKill(done: number, threads = 1): Promise<void> {
    child = spawn(
      process.execPath,
      ['--import', 'tsx', CHILD, dir, JSON.stringify({ ...SETTINGS, threads })],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    for await (const line of createInterface({ input: child.stdout! }))
      if (Number(line) >= done) return kill()
    throw new Error('the training ended before it was killed')
  }
  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  describe('in several threads', () => {
    it.each([2, 3])('comes to what one thread comes to, but for rounding (%i)', async (threads) => {
      const [alone, together] = [await train({ epochs: 1 }), await train({ epochs: 1, threads })]
      expect(together).toMatchObject({ threads, trained: alone.trained, heldOut: alone.heldOut })
      expect(apart(together.weights, alone.weights)).toBeLessThan(1e-4)
      expect(together.losses[0]).toBeCloseTo(alone.losses[0]!, 6)
      expect(together.auc).toBeCloseTo(alone.auc!, 3)
    })

    it('comes to the same each time, bit for bit', async () => {
      const [one, other] = [await train({ epochs: 1, threads: 3 }), await train({ epochs: 1, threads: 3 })]
      expect(apart(one.weights, other.weights)).toBe(0)
    })

    it('takes no more threads than have rows to learn from, and one where there is little to do', async () => {
      expect(await train({ epochs: 1, batchSize: 32, threads: 16 })).toMatchObject({ threads: 2 })
      const { threads: _, ...usual } = SETTINGS
      const watch = { progress: () => {}, signal }
      expect(await trainGlobal({ store, dir }, population, usual, watch)).toMatchObject({ threads: 1 })
    })

    it('fails as one: with what the first to fail has said', async () => {
      await expect(train({ threads: 2, learningRate: Number.NaN })).rejects.toThrow(AppError)
      await expect(train({ threads: 2, learningRate: 1e30 })).rejects.toMatchObject({ code: 'diverged' })
    })

    it.each([
      ['before they have begun', 0],
      ['while they learn', 1],
    ])('is stopped when asked %s', async (_, from) => {
      const abort = new AbortController()
      const progress = ({ done }: { done: number }) => void (done >= from && abort.abort())
      const watch = { progress, signal: abort.signal }
      // So many passes that it does not come to an end by itself.
      const settings = { ...SETTINGS, threads: 2, epochs: 100_000, patience: 100_000 }
      const training = trainGlobal({ store, dir }, population, settings, watch)
      await expect(training).rejects.toMatchObject({ name: 'AbortError' })
    })
  })

  describe('that is killed', () => {
    it.each([
      ['early in the first pass', 1, 200],
      ['in the second', 1, 3000],
      ['in the second, in two threads', 2, 2600],
    ])('%s goes on from its checkpoint, to the very same weights', async (_, threads, done) => {
      const whole = await train({ threads })
      expect(whole.epochs).toBe(SETTINGS.epochs)
      removeCheckpoint(dir)
      await trainAndKill(done, threads)
      let first = -1
      const resumed = await train({ threads }, (progress) => {
        if (first < 0) first = progress.done
      })
      expect(resumed.resumedAt).toBeGreaterThan(done - 2 * SETTINGS.batchSize)
      expect(first).toBe(resumed.resumedAt)
      expect(apart(resumed.weights, whole.weights)).toBe(0)
      expect(resumed).toMatchObject({ auc: whole.auc, logLoss: whole.logLoss, losses: whole.losses })
    })

    it('twice goes on twice', async () => {
      const whole = await train()
      removeCheckpoint(dir)
      await trainAndKill(1000)
      await trainAndKill(3000)
      expect(apart((await train()).weights, whole.weights)).toBe(0)
    })

    it.each([
      ['numbers', { learningRate: 0.002 }],
      ['samples', { maxSamples: 1000 }],
    ])('begins anew, and says so, with other %s', async (_, changes) => {
      const whole = await train(changes)
      removeCheckpoint(dir)
      await trainAndKill(200)
      const { resumedAt, ignored, weights } = await train(changes)
      expect({ resumedAt, ignored }).toEqual({ resumedAt: 0, ignored: expect.stringMatching(/began anew/) })
      expect(apart(weights, whole.weights)).toBe(0)
    })

    it('begins anew, and says so, if any byte of the checkpoint is not as it was written', async () => {
      await trainAndKill(200)
      const { course } = await planCourse(store, population, numbersOf(SETTINGS))
      const fingerprint = fingerprintOf(course)
      expect(readCheckpoint(dir, fingerprint).found).toBeDefined()
      const path = join(dir, 'training.checkpoint')
      const bytes = readFileSync(path)
      for (const at of [0, 40, bytes.length >> 1, bytes.length - 1]) {
        writeFileSync(path, bytes.with(at, bytes[at]! ^ 1))
        expect(readCheckpoint(dir, fingerprint)).toEqual({ ignored: expect.stringMatching(/damaged/) })
      }
      writeFileSync(path, bytes.subarray(0, 20))
      expect(await train()).toMatchObject({ resumedAt: 0, ignored: expect.stringMatching(/damaged/) })
    })
  })

  it('gives the weights of the best pass, and stops after one that was not better', async () => {
    // So fast that later passes only learn the samples by heart.
    const numbers = { learningRate: 0.05, batchSize: 16 }
    const long = await train({ ...numbers, epochs: 40 })
    expect(long.epochs).toBeLessThan(40)
    expect(long.epochs).toBeGreaterThan(1)
    const before = readCheckpoint(dir, await fingerprintWith({ ...numbers, epochs: 40 })).found!
    // The last checkpoint is the one after the best pass: what came after is not kept.
    expect(before.standing.epoch).toBe(long.epochs - 1)
    expect(apart(long.weights, withUnseenUnknown(before.best, fresh()))).toBe(0)
    expect(long.auc).toBeCloseTo(before.standing.best!.auc!, 9)
  })

  it('has patience: so many passes in a row may be no better than the best', async () => {
    const numbers = { learningRate: 0.05, batchSize: 16, epochs: 40 }
    const hasty = await train(numbers)
    removeCheckpoint(dir)
    const patient = await train({ ...numbers, patience: 3 })
    expect(patient.losses.slice(0, hasty.epochs)).toEqual(hasty.losses)
    expect(patient.epochs).toBeGreaterThanOrEqual(hasty.epochs + 3)
    expect(patient.auc).toBeGreaterThanOrEqual(hasty.auc!)
    const { standing, best } = readCheckpoint(dir, await fingerprintWith({ ...numbers, patience: 3 })).found!
    expect(standing.since).toBe(3)
    expect(apart(patient.weights, withUnseenUnknown(best, fresh()))).toBe(0)

    removeCheckpoint(dir)
    // Cut off when passes that were no better are over: the checkpoint after the last of them knows of it.
    const abort = new AbortController()
    const over = (patient.epochs - 3) * patient.trained
    const progress = ({ done }: { done: number }) => done > over && abort.abort()
    const settings = { ...SETTINGS, ...numbers, patience: 3 }
    const cut = trainGlobal({ store, dir }, population, settings, { progress, signal: abort.signal })
    await expect(cut).rejects.toMatchObject({ name: 'AbortError' })
    const resumed = await train({ ...numbers, patience: 3 })
    expect(resumed.resumedAt).toBeGreaterThanOrEqual(over)
    expect(resumed.epochs).toBe(patient.epochs)
    expect(apart(resumed.weights, patient.weights)).toBe(0)
  })

  it('leaves no row random: what no sample taught is “unknown”', async () => {
    const few = { maxSamples: 6, epochs: 1 }
    const { weights } = await train(few)
    const { course } = await planCourse(store, population, numbersOf({ ...SETTINGS, ...few }))
    const taught = await readerOf(store, population)(new Int32Array(course.samples).subarray(course.heldOut))
    for (const { name, dim, rows } of din(population.schema).tables) {
      const { data } = weights[`embedding.${name}`]!
      const row = (id: number) => [...data.subarray(id * dim, (id + 1) * dim)]
      const touched = new Set(
        layoutOf(population.schema).slots.flatMap(({ feature, at, width }) =>
          feature.kind === 'dense' || feature.vocabulary !== name
            ? []
            : Array.from({ length: taught.size * width }, (_, i) => {
                const sample = Math.floor(i / width)
                return taught.ids[(sample * taught.ids.length) / taught.size + at + (i % width)]!
              }),
        ),
      )
      const untouched = Array.from({ length: rows }, (_, id) => id).filter(
        (id) => id >= FIRST_ID && !touched.has(id),
      )
      for (const id of untouched) expect(row(id)).toEqual(row(UNKNOWN_ID))
      for (const id of touched) if (id >= FIRST_ID) expect(row(id)).not.toEqual(row(UNKNOWN_ID))
      expect(row(0)).toEqual(Array.from({ length: dim }, () => 0))
      if (name === 'item') expect(untouched.length).toBeGreaterThan(5)
    }
  })

  const numbersOf = ({ threads: _, checkpointMs: __, ...numbers }: TrainSettings) => numbers
  async function fingerprintWith(changes: Partial<TrainSettings>): Promise<string> {
    const { course } = await planCourse(store, population, numbersOf({ ...SETTINGS, ...changes }))
    return fingerprintOf(course)
  }
  const fresh = () => initialWeights(din(population.schema), seeded(SETTINGS.seed))
})
