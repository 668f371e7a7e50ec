/** What a task's hyper-parameters make of a round: what is kept, how much it counts, how the result is judged. */
import { afterEach, expect, test } from 'vitest'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import type { hyper } from '../../shared/hyper.ts'
import { din } from '../../shared/model/spec.ts'
import { roundSchema } from '../../shared/protocol.ts'
import { readSafetensors } from '../../shared/safetensors.ts'
import { headlessPlatform } from '../headless.ts'
import { personalise } from '../tasks/algorithms/personalise.ts'
import { type Bench, createBench, knownTrainer } from '../testing/rounds.ts'
import { createWorld, type World } from '../testing/world.ts'
import type { Trainer } from '../trainer/job.ts'
import type { LocalRow } from './db.ts'

const NAME = 'toy'
let world: World
let bench: Bench
afterEach(() => bench.db.close())

/** A bench whose task has these numbers; its trainer is the known one, or a real one. */
async function open(changes: Parameters<typeof hyper>[0], real = false): Promise<void> {
  world = await createWorld(changes)
  bench = await createBench(world)
  if (real) {
    const { spawnTrainer } = headlessPlatform({ server: 'http://server', engine: 'plain' })
    bench.spawnTrainer = () => recording(spawnTrainer())
  }
}

function recording(trainer: Trainer): Trainer {
  return {
    ...trainer,
    personalise(job, watch) {
      bench.jobs.push(job)
      return trainer.personalise(job, watch)
    },
  }
}

/** A classifier that gives the candidates these scores, one after the other. */
function scoring(...scores: number[]): void {
  const trainer = knownTrainer(bench.jobs)
  bench.spawnTrainer = () => ({
    ...trainer,
    filter: async (job) => ({
      ...(await trainer.filter(job)),
      scores: Float32Array.from({ length: job.candidates.size }, (_, i) => scores[i % scores.length]!),
    }),
  })
}
async function relabel(labelOf: (row: LocalRow, i: number) => 0 | 1): Promise<void> {
  const rows = await bench.db.local.toArray()
  await bench.db.local.bulkPut(rows.map((row, i) => ({ ...row, label: labelOf(row, i) })))
}
/** Something that can be learnt from any of the samples: that few are clicked. */
const fewClicks = () => relabel((_, i) => (i % 6 === 0 ? 1 : 0))

/** The weights in the last job: of the 12 own samples, and of the filtered ones. */
function weights(): { own: number[]; filtered: number[] } {
  const all = [...bench.jobs.at(-1)!.training.weights]
  return { own: all.slice(0, 12), filtered: all.slice(12) }
}

test('filtered samples count as much as own ones', async () => {
  await open({})
  await bench.run()
  expect(weights()).toEqual({ own: Array(12).fill(1), filtered: Array(10).fill(1) })
})

test('filtered samples count as much as the task says', async () => {
  await open({ ranking: { augmentedWeight: 0.25 } })
  await bench.run()
  expect(weights()).toEqual({ own: Array(12).fill(1), filtered: Array(10).fill(0.25) })
})

test('by the odds each counts p/(1 − p), up to the cap, and what is below σ goes', async () => {
  await open({ filter: 'odds', sigma: 0.25, ranking: { oddsCap: 4, augmentedWeight: 0.5 } })
  scoring(0.25, 0.5, 0.75, 0.9, 1, 0.125)
  expect(await bench.run()).toMatchObject({ classifying: 10, scored: 20, kept: 17 })
  // 1/3, 1, 3, 9 and infinity, but at most 4, and half of all that.
  const due = [1 / 6, 0.5, 1.5, 2, 2]
  const { own, filtered } = weights()
  expect(own).toEqual(Array(12).fill(1))
  expect(filtered).toHaveLength(17)
  filtered.forEach((weight, i) => {
    expect(weight).toBeCloseTo(due[i % 5]!, 6)
  })
})

test('by the odds with σ = 0, what the classifier is sure of has some weight left', async () => {
  await open({ filter: 'odds', sigma: 0 })
  scoring(0)
  expect(await bench.run()).toMatchObject({ outcome: 'committed', kept: 20 })
  for (const weight of weights().filtered) expect(weight).toBeGreaterThan(0)
})

test('without a filter no classifier is trained, and every matched sample teaches', async () => {
  await open({ filter: 'none' })
  const trainer = knownTrainer(bench.jobs)
  bench.spawnTrainer = () => ({ ...trainer, filter: () => Promise.reject(new Error('was asked')) })
  expect(await bench.isDue()).toBe(true)
  const round = await bench.run()
  expect(round).toMatchObject({ outcome: 'committed', classifying: 0, scored: 0, kept: 30, scores: [] })
  expect(weights()).toEqual({ own: Array(12).fill(1), filtered: Array(30).fill(1) })
  expect(await bench.db.matched.count(), 'used').toBe(0)
  expect(await bench.isDue()).toBe(false)
})

test('without a filter a single matched sample is enough', async () => {
  await open({ filter: 'none' })
  const [first, ...others] = await bench.db.matched.toArray()
  await bench.db.matched.bulkDelete(others.map(({ id }) => id))
  expect(await bench.isDue()).toBe(true)
  await bench.run()
  expect(bench.jobs[0]!.training.size).toBe(13)
  expect(first!.state).toBe('unscored')
})

test('where nothing is judged, validation may be of one kind, the result is M, and the journal has no quality', async () => {
  await open({ ranking: { gate: 'none' } }, true)
  await relabel(() => 0)
  const round = await bench.run()
  const steps = 2 * Math.ceil((12 + round.kept) / 16)
  expect(round).toMatchObject({ outcome: 'committed', steps, stepsKept: steps, before: null, after: null })
  expect(roundSchema.parse(round)).toEqual(round)
  expect((await bench.models.load(NAME)).bytes).not.toEqual(world.model)
})

test('where nothing is judged, what was committed is never taken back for the samples of another day', async () => {
  await open({ augment: false, ranking: { gate: 'none', learnFrom: 'all', learningRate: 1 } }, true)
  expect(await bench.run()).toMatchObject({ outcome: 'committed' })
  await relabel((row) => (row.label === 1 ? 0 : 1))
  expect((await bench.run()).fellBack).toBeUndefined()
})

test('a round that judges epochs tells by what it decided, and what of it learnt anew', async () => {
  await open({ ranking: { gate: 'epochs', epochs: 6, learningRate: 0.05, refit: true } }, true)
  await fewClicks()
  const round = await bench.run()
  expect(roundSchema.parse(round)).toEqual(round)
  const [search, all] = [12 + round.kept, 24 + round.kept].map((rows) => Math.ceil(rows / 16))
  expect(round.outcome).toBe('committed')
  expect(round.loss!.after).toBeLessThan(round.loss!.before)
  expect(round.refit! % all!).toBe(0)
  expect(round).toMatchObject({ steps: 6 * search! + round.refit!, stepsKept: round.refit })
})

test('what a round that judges epochs commits is what its trainer makes of the job', async () => {
  await open({ augment: false, ranking: { gate: 'epochs', epochs: 4, learningRate: 0.05, pull: 0.01 } }, true)
  await fewClicks()
  expect(await bench.run()).toMatchObject({ outcome: 'committed' })
  const { training, validation, model, seed, task } = bench.jobs[0]!
  const input = { model: readSafetensors(model), training, validation, seed, hyper: task.hyper.ranking }
  const due = await personalise(createPlainEngine(), { ...input, spec: din(task.schema, task.ranking) })
  const m = readSafetensors((await bench.models.load(NAME)).bytes)
  for (const [name, { data }] of Object.entries(due.weights!))
    if (!name.startsWith('embedding.')) expect(m[name]!.data, name).toEqual(data)
})

test('a round without checkpoints that is cut off begins anew, and counts once', async () => {
  await open({ ranking: { gate: 'epochs', learningRate: 0.05 } })
  const { spawnTrainer } = headlessPlatform({ server: 'http://server', engine: 'plain' })
  const dying = (): Trainer => {
    const trainer = spawnTrainer()
    return {
      ...trainer,
      personalise: (job, watch = {}) =>
        new Promise((_, reject) => {
          const onProgress = () => reject(new AppError('worker', 'The trainer stopped.'))
          trainer.personalise(job, { ...watch, onProgress }).catch(reject)
        }),
    }
  }
  bench.spawnTrainer = dying
  expect(await bench.run()).toMatchObject({ outcome: 'failed', failure: { code: 'worker' } })
  expect((await bench.models.list()).map(({ slot }) => slot).sort()).toEqual(['M', 'M0'])
  bench.spawnTrainer = spawnTrainer
  expect(await bench.isDue()).toBe(true)
  const round = await bench.run()
  expect(round.outcome).toMatch(/committed|kept/)
  expect(round.resumed).toBeUndefined()
  expect(await bench.db.matched.count()).toBe(0)
})
