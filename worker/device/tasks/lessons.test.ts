/** What a task's hyper-parameters make of a round: what is kept, how much it counts, how the result is judged. */
import { afterEach, expect, test } from 'vitest'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { AppError } from '../../../shared/failure.ts'
import type { hyper } from '../../../shared/hyper.ts'
import { din } from '../../../shared/model/spec.ts'
import { roundSchema } from '../../../shared/protocol.ts'
import { readSafetensors } from '../../../shared/safetensors.ts'
import { RANKING } from '../../../shared/tasks/manifest.ts'
import { personalise } from '../../tasks/algorithms/personalise.ts'
import { type Bench, createBench } from '../../testing/rounds.ts'
import { trainerHere } from '../../testing/scripts.ts'
import { createWorld, type World } from '../../testing/world.ts'
import type { Trainer } from '../../trainer/job.ts'
import type { LocalRow } from '../storage/tables.ts'

const NAME = 'toy'
let world: World
let bench: Bench
afterEach(() => bench.db.close())

/** A bench whose data have these numbers; its trainer is the known one, or a real one. */
async function open(changes: Parameters<typeof hyper>[0], real = false): Promise<void> {
  world = await createWorld(changes)
  bench = await createBench(world)
  if (real) bench.spawnTrainer = () => recording(trainerHere())
}

function recording(trainer: Trainer): Trainer {
  return {
    ...trainer,
    run(job, watch) {
      if (job.task.name === 'train') bench.jobs.push(job)
      return trainer.run(job, watch)
    },
  }
}

async function relabel(labelOf: (row: LocalRow, i: number) => 0 | 1): Promise<void> {
  const rows = await bench.db.local.toArray()
  await bench.db.local.bulkPut(rows.map((row, i) => ({ ...row, label: labelOf(row, i) })))
}
/** Something that can be learnt from any of the samples: that few are clicked. */
const fewClicks = () => relabel((_, i) => (i % 6 === 0 ? 1 : 0))

test('what was kept teaches beside the user’s own, and how well each fits goes along', async () => {
  await open({})
  const round = await bench.run()
  expect(round).toMatchObject({ scored: 20, kept: 10 })
  const { 'local-training': own, filtered } = bench.jobs[0]!.samples
  expect([own!.batch.size, filtered!.batch.size]).toEqual([12, 10])
  expect([...filtered!.scores!]).toEqual(Array(10).fill(Math.fround(0.9)))
})

test('without a filter no classifier is trained, and every matched sample teaches', async () => {
  await open({ filter: 'none' }, true)
  expect(await bench.isDue()).toBe(true)
  const round = await bench.run()
  expect(round).toMatchObject({ classifying: 0, scored: 0, kept: 30, scores: [] })
  expect(round.outcome).toMatch(/committed|kept/)
  const { filtered } = bench.jobs[0]!.samples
  expect([...filtered!.scores!]).toEqual(Array(30).fill(Number.NaN))
  expect(await bench.db.matched.count(), 'used').toBe(0)
  expect(await bench.isDue()).toBe(false)
})

test('without a filter a single matched sample is enough', async () => {
  await open({ filter: 'none' }, true)
  const [first, ...others] = await bench.db.matched.toArray()
  await bench.db.matched.bulkDelete(others.map(({ id }) => id))
  expect(await bench.isDue()).toBe(true)
  await bench.run(undefined, false)
  expect(bench.jobs[0]!.samples.filtered!.ids).toEqual([first!.id])
})

test('a single one of which a third is to train a classifier waits for company, and the task is not asked again', async () => {
  await open({}, true)
  const [, ...others] = await bench.db.matched.toArray()
  await bench.db.matched.bulkDelete(others.map(({ id }) => id))
  expect(await bench.isDue()).toBe(true)
  expect(await bench.run(undefined, false)).toMatchObject({ classifying: 0, scored: 0 })
  expect(await bench.db.matched.count()).toBe(1)
  expect(await bench.isDue()).toBe(false)
  await bench.samples.add(others.slice(0, 1))
  expect(await bench.isDue()).toBe(true)
})

test('where matched samples are remembered, no task is given any', async () => {
  await open({ evidence: { weight: 1 } }, true)
  await bench.run()
  expect(await bench.db.matched.where('state').equals('unscored').count()).toBe(30)
  expect(bench.jobs[0]!.samples.filtered!.ids).toEqual([])
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
  const { samples, models, seed, schema, widths } = bench.jobs[0]!
  const { weights } = await personalise(
    createPlainEngine(),
    {
      model: readSafetensors(models[RANKING]!.now!),
      training: samples['local-training']!.batch,
      validation: samples['local-validation']!.batch,
      seed,
      hyper: world.manifest.hyper.ranking,
      spec: din(schema, widths.ranking),
    },
    {},
  )
  const m = readSafetensors((await bench.models.load(NAME)).bytes)
  for (const [name, { data }] of Object.entries(weights!))
    if (!name.startsWith('embedding.')) expect(m[name]!.data, name).toEqual(data)
})

test('a run without checkpoints that is cut off begins anew, and counts once', async () => {
  await open({ ranking: { gate: 'epochs', learningRate: 0.05 } })
  const dying = (): Trainer => {
    const trainer = trainerHere()
    return {
      ...trainer,
      run: (job, watch = {}) =>
        job.task.name === 'filter'
          ? trainer.run(job, watch)
          : new Promise((_, reject) => {
              const onProgress = () => reject(new AppError('worker', 'The trainer stopped.'))
              trainer.run(job, { ...watch, onProgress }).catch(reject)
            }),
    }
  }
  bench.spawnTrainer = dying
  expect(await bench.run()).toMatchObject({ outcome: 'failed', failure: { code: 'worker' } })
  expect((await bench.models.list()).map(({ slot }) => slot).sort()).toEqual(['M', 'M0'])
  bench.spawnTrainer = trainerHere
  expect(await bench.isDue()).toBe(true)
  const round = await bench.run()
  expect(round.outcome).toMatch(/committed|kept/)
  expect(round.resumed).toBeUndefined()
  expect(await bench.db.matched.count()).toBe(0)
})
