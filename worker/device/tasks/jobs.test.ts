import { beforeAll, describe, expect, test } from 'vitest'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { readLocal } from '../../../shared/model/local.ts'
import { din } from '../../../shared/model/spec.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import { seeded } from '../../../shared/random.ts'
import { readSafetensors, writeSafetensors } from '../../../shared/safetensors.ts'
import { type Batch, pack, type Sample } from '../../../shared/sample.ts'
import { RANKING } from '../../../shared/tasks/manifest.ts'
import { catalogue, createWorld, samplesOf, type World } from '../../testing/world.ts'
import type { Active } from '../delivery/active.ts'
import type { Stored } from '../models/models.ts'
import type { Rows } from '../models/rows.ts'
import { type Prepared, prepareJob, type Sources } from './jobs.ts'

/** Targets and clicks of the first so many items only. */
const FEW = 8

let whole: World
let sliced: World
beforeAll(async () => {
  whole = await createWorld()
  sliced = await createWorld({ vocabulary: 62 })
})

const dataOf = ({ manifest, context }: World): Active => ({
  manifest,
  context,
  etag: null,
  catalogue,
  spec: din(manifest.schema, manifest.ranking),
})
const stored = ({ manifest }: World, bytes: Uint8Array<ArrayBuffer>, sha256 = ''): Stored => ({
  row: { name: manifest.name, slot: 'M', version: 1, sha256, bytes: bytes.length, at: 0 },
  bytes,
})
/** Every row of the world's table is here, or none is. */
const rows = (world: World, here = true): Pick<Rows, 'find'> => ({
  find: async () => (_, id) =>
    here ? world.weights['embedding.item']!.data.subarray(id * 8, (id + 1) * 8) : undefined,
})

function samples(count: number, seed: number): Sample[] {
  return samplesOf(whole.context, 1, count, seeded(seed)).map((sample) => {
    const ids = sample.ids.map((id, i) => (i === 0 || i > 3 ? (id > 1 ? 2 + (id % FEW) : id) : id))
    return { ...sample, ids }
  })
}
const named = (all: Sample[]) => ({ ids: all.map((_, i) => `${i}`), samples: all })
const some = () => ({ 'local-training': named(samples(40, 1)), 'local-validation': named(samples(30, 2)) })

const jobOf = (
  world: World,
  {
    base = world.model,
    from = rows(world),
    ...more
  }: Partial<Sources> & { base?: World['model']; from?: Pick<Rows, 'find'> } = {},
): Promise<Prepared> =>
  prepareJob(
    dataOf(world),
    {
      sets: some(),
      ranking: { now: stored(world, base), initial: stored(world, world.model) },
      others: {},
      kept: {},
      ...more,
    },
    from,
  )

/** What a script would write: the job's model after a few steps on its training set. */
async function trained({ schema, models, samples }: Prepared['given']): Promise<Weights> {
  const weights = readSafetensors(models[RANKING]!.now!)
  return learn(din(schema, whole.manifest.ranking), weights, samples['local-training']!.batch)
}
async function learn(spec: ReturnType<typeof din>, weights: Weights, batch: Batch): Promise<Weights> {
  const model = await createPlainEngine().load(spec, weights, { optimizer: 'adam' })
  for (let step = 0; step < 5; step++) await model.step(batch, 0.05)
  return model.save()
}
const tableOf = (bytes: Uint8Array) => readSafetensors(bytes)['embedding.item']!

describe('a job', () => {
  test('has the rows that its samples touch, and its schema says how many', async () => {
    const { given } = await jobOf(whole)
    expect(given.schema.vocabularies.item!.size).toBe(2 + FEW)
    const table = tableOf(given.models[RANKING]!.now!)
    expect(table.shape).toEqual([2 + FEW, 8])
    expect(table.data).toEqual(whole.weights['embedding.item']!.data.subarray(0, (2 + FEW) * 8))
    expect(Math.max(...given.samples['local-training']!.batch.ids)).toBeLessThan(2 + FEW)
  })

  test('is compacted over all of its sets: the same id is the same row in each', async () => {
    const others = samplesOf(whole.context, 1, 5, seeded(9))
    const { given } = await jobOf(whole, { sets: { ...some(), matched: named(others) } })
    const ids = new Set(
      [...Object.values(some()), named(others)].flatMap(({ samples }) => samples.map(({ ids }) => ids[0]!)),
    )
    const { size } = given.schema.vocabularies.item!
    expect(size).toBeGreaterThanOrEqual(2 + ids.size)
    const [first, again] = [given.samples.matched!.batch.ids[0]!, tableOf(given.models[RANKING]!.now!)]
    const target = others[0]!.ids[0]!
    expect(again.data.subarray(first * 8, (first + 1) * 8)).toEqual(
      whole.weights['embedding.item']!.data.subarray(target * 8, (target + 1) * 8),
    )
  })

  test('of a task that asks for no ranking model has ids and schema as they are', async () => {
    const { ranking: _, ...none } = { ranking: 0, sets: some(), others: {}, kept: {} }
    const { given } = await prepareJob(dataOf(whole), none, rows(whole))
    expect(given.schema).toEqual(whole.manifest.schema)
    const { samples } = none.sets['local-training']
    expect(given.samples['local-training']!.batch).toEqual(pack(whole.context.layout, samples))
    expect(given.models).toEqual({})
  })

  test('goes without rows that are not here: those items are unknown', async () => {
    const { given } = await jobOf(sliced, { from: rows(sliced, false) })
    expect(given.schema.vocabularies.item!.size).toBe(2)
    expect(await trained(given)).toBeDefined()
  })

  test('has M0 as it was delivered, with the rows of M', async () => {
    const first = await jobOf(sliced)
    const m = first.ranking(await trained(first.given))!
    const { given } = await jobOf(sliced, {
      ranking: { now: stored(sliced, m, 'm'), initial: stored(sliced, sliced.model, 'm0') },
    })
    const { now, initial } = given.models[RANKING]!
    expect(tableOf(initial!).data).toEqual(sliced.weights['embedding.item']!.data.subarray(0, (2 + FEW) * 8))
    expect(tableOf(now!).shape).toEqual(tableOf(initial!).shape)
    expect(tableOf(now!).data).not.toEqual(tableOf(initial!).data)
  })

  test('a model that is damaged makes no job', async () => {
    await expect(jobOf(whole, { base: new Uint8Array(9) })).rejects.toMatchObject({ code: 'bad-artifact' })
  })
})

describe('what comes back', () => {
  test('is the model that training all rows would have given', async () => {
    const job = await jobOf(whole)
    const spec = din(whole.manifest.schema, whole.manifest.ranking)
    const due = await learn(spec, whole.weights, pack(whole.context.layout, some()['local-training'].samples))
    expect(job.ranking(await trained(job.given))).toEqual(writeSafetensors(due))
  })

  test('has of a table that was not delivered whole the rows that changed, and is the base of the next', async () => {
    const job = await jobOf(sliced)
    const bytes = job.ranking(await trained(job.given))!
    const { ids, weights } = readLocal(dataOf(sliced).spec, bytes)
    expect([...ids.item!]).toEqual([0, 1, ...Array.from({ length: FEW }, (_, i) => 2 + i)])
    // Its own rows serve from now on, whatever else is here.
    const next = await jobOf(sliced, { base: bytes, from: rows(sliced, false) })
    expect(tableOf(next.given.models[RANKING]!.now!)).toEqual(weights['embedding.item'])
  })

  test('is null where M stays, and refused where it does not fit', async () => {
    const job = await jobOf(whole)
    expect(job.ranking(undefined)).toBeNull()
    expect(() => job.ranking(whole.weights)).toThrow(expect.objectContaining({ code: 'bad-artifact' }))
  })
})

describe('a checkpoint', () => {
  test('is kept by ids, so a job continues it whose tables hold other rows', async () => {
    const before = await jobOf(sliced, { from: rows(sliced, false) })
    const part = { ...readSafetensors(before.given.models[RANKING]!.now!) }
    part['embedding.item'] = { shape: [2, 8], data: new Float32Array(16).fill(0.5) }
    const weights = before.whole(RANKING, writeSafetensors(part))
    // By now the rows have come in.
    const { given } = await jobOf(sliced, { kept: { [RANKING]: { weights, state: { step: 32 } } } })
    const kept = given.kept[RANKING]!
    expect(kept.state).toEqual({ step: 32 })
    const own = sliced.weights['embedding.item']!.data
    expect([...tableOf(kept.weights!).data]).toEqual([
      ...new Float32Array(16).fill(0.5),
      ...own.slice(16, (2 + FEW) * 8),
    ])
  })

  test('without a model stays as it is', async () => {
    const { given } = await jobOf(whole, { kept: { [RANKING]: { weights: null, state: 1 } } })
    expect(given.kept).toEqual({ [RANKING]: { weights: null, state: 1 } })
  })
})
