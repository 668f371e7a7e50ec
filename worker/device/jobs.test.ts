import { beforeAll, describe, expect, test } from 'vitest'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { readLocal } from '../../shared/model/local.ts'
import { din } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import type { Sample } from '../../shared/sample.ts'
import { catalogue, createWorld, samplesOf, type World } from '../testing/world.ts'
import { CHECKPOINT_STEPS, type Checkpoint } from '../trainer/job.ts'
import { createTrainer } from '../trainer/trainer.ts'
import type { Active } from './active.ts'
import { createJobs, type Jobs } from './jobs.ts'
import type { Stored } from './models.ts'
import type { Rows } from './rows.ts'

const LEARNING = { ranking: { epochs: 2, batchSize: 4, learningRate: 0.05 } }
/** Targets and clicks of the first so many items only. */
const FEW = 8

let whole: World
let sliced: World
beforeAll(async () => {
  whole = await createWorld(LEARNING)
  sliced = await createWorld({ ...LEARNING, vocabulary: 62 })
})

const taskOf = ({ manifest, context }: World): Active => ({
  manifest,
  context,
  etag: null,
  catalogue,
  spec: din(manifest.schema, manifest.ranking),
})
const stored = ({ manifest }: World, bytes: Uint8Array<ArrayBuffer>): Stored => ({
  row: { name: manifest.name, slot: 'M', version: 1, sha256: '', bytes: bytes.length, at: 0 },
  bytes,
})
/** Every row of the world's table is here, or none is. */
const rows = (world: World, here = true): Rows => ({
  find: async () => (_, id) =>
    here ? world.weights['embedding.item']!.data.subarray(id * 8, (id + 1) * 8) : undefined,
  fetch: async () => {},
})
const jobsOf = (world: World, base = world.model, from = rows(world)): Jobs =>
  createJobs(taskOf(world), stored(world, base), 3, from)

function samples(count: number, seed: number): Sample[] {
  return samplesOf(whole.context, 1, count, seeded(seed)).map((sample) => {
    const ids = sample.ids.map((id, i) => (i === 0 || i > 3 ? (id > 1 ? 2 + (id % FEW) : id) : id))
    return { ...sample, ids }
  })
}
const some = () => ({ training: samples(40, 1), validation: samples(30, 2) })
const trainer = () => createTrainer(async () => ({ engine: createPlainEngine(), timings: [] }))

describe('a job', () => {
  test('has the rows that its samples touch, and its schema says how many', async () => {
    const job = await jobsOf(whole).personalise(some())
    expect(job.task.schema.vocabularies.item!.size).toBe(2 + FEW)
    const table = readSafetensors(job.model)['embedding.item']!
    expect(table.shape).toEqual([2 + FEW, 8])
    expect(table.data).toEqual(whole.weights['embedding.item']!.data.subarray(0, (2 + FEW) * 8))
    expect(Math.max(...job.training.ids)).toBeLessThan(2 + FEW)
  })

  test('of the classifier has those of all its samples', async () => {
    const [local, outside, candidates] = [samples(30, 1), samples(30, 2), samples(9, 3)]
    const job = await jobsOf(whole).filter({ local, outside, candidates })
    expect(job.task.schema.vocabularies.item!.size).toBe(2 + FEW)
    expect((await trainer().filter(job)).scores).toHaveLength(9)
  })

  test('trains without rows that are not here: those items are unknown', async () => {
    const job = await jobsOf(sliced, sliced.model, rows(sliced, false)).personalise(some())
    expect(job.task.schema.vocabularies.item!.size).toBe(2)
    expect((await trainer().personalise(job)).steps).toBe(20)
  })
})

describe('what comes back', () => {
  test('is the model that training all rows would have given', async () => {
    const jobs = jobsOf(whole)
    const job = await jobs.personalise(some())
    const { schema } = whole.manifest
    // The same job with the tables whole, its ids as they were.
    const layout = whole.context.layout
    const full = (batch: typeof job.training, those: Sample[]) => ({
      ...batch,
      ids: Int32Array.from(those.flatMap(({ ids }) => [...ids])),
    })
    expect(job.training.ids).toHaveLength(40 * layout.idWidth)
    const { model } = await trainer().personalise({
      ...job,
      task: { ...job.task, schema },
      model: whole.model,
      training: full(job.training, some().training),
      validation: full(job.validation, some().validation),
    })
    const trained = await jobs.trained(await trainer().personalise(job))
    expect(trained).not.toBeNull()
    expect(trained).toEqual(model)
  })

  test('has of a table that was not delivered whole the rows that changed, and is the base of the next', async () => {
    const jobs = jobsOf(sliced)
    const trained = await jobs.trained(await trainer().personalise(await jobs.personalise(some())))
    const { ids, weights } = readLocal(taskOf(sliced).spec, trained!)
    expect([...ids.item!]).toEqual([0, 1, ...Array.from({ length: FEW }, (_, i) => 2 + i)])
    // Its own rows serve from now on, whatever else is here.
    const next = await jobsOf(sliced, trained!, rows(sliced, false)).personalise(some())
    expect(readSafetensors(next.model)['embedding.item']).toEqual(weights['embedding.item'])
  })

  test('is null where M stays, and refused where it does not fit', async () => {
    const jobs = jobsOf(whole)
    expect(await jobs.trained({ model: null })).toBeNull()
    await expect(jobs.trained({ model: whole.model })).rejects.toMatchObject({ code: 'bad-artifact' })
    await jobs.personalise(some())
    await expect(jobs.trained({ model: whole.model })).rejects.toMatchObject({ code: 'bad-artifact' })
  })

  test('a model that is damaged makes no job', () => {
    expect(() => jobsOf(whole, new Uint8Array(9))).toThrow(expect.objectContaining({ code: 'bad-artifact' }))
  })
})

describe('a checkpoint', () => {
  const checkpoint = (model: Uint8Array | null): Checkpoint => ({
    model,
    step: CHECKPOINT_STEPS,
    stepsKept: 1,
    losses: [],
    before: { auc: 0.5, loss: 1 },
    best: { auc: 0.6, loss: 1 },
  })

  test('is kept by ids, so a job continues it whose tables hold other rows', async () => {
    const before = jobsOf(sliced, sliced.model, rows(sliced, false))
    const few = await before.personalise(some())
    const trained = { ...readSafetensors(few.model) }
    trained['embedding.item'] = { shape: [2, 8], data: new Float32Array(16).fill(0.5) }
    const kept = before.kept(checkpoint(writeSafetensors(trained)))
    // By now the rows have come in.
    const job = await jobsOf(sliced).personalise(some(), kept)
    expect(job.from).toMatchObject({ step: CHECKPOINT_STEPS, stepsKept: 1 })
    const table = readSafetensors(job.from!.model!)['embedding.item']!
    const own = sliced.weights['embedding.item']!.data
    expect([...table.data]).toEqual([...new Float32Array(16).fill(0.5), ...own.slice(16, (2 + FEW) * 8)])
  })

  test('without a model stays as it is', async () => {
    const jobs = jobsOf(whole)
    await jobs.personalise(some())
    expect(jobs.kept(checkpoint(null))).toEqual(checkpoint(null))
    expect((await jobs.personalise(some(), checkpoint(null))).from).toEqual(checkpoint(null))
  })
})
