/** A vocabulary of a million items: what a whole cycle costs the device is bounded by what its samples and candidates touch. */
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { UserState } from '../../../shared/generate.ts'
import { readLocal } from '../../../shared/model/local.ts'
import { din } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import { readSafetensors } from '../../../shared/safetensors.ts'
import { pack } from '../../../shared/sample.ts'
import { RANKING } from '../../../shared/tasks/manifest.ts'
import { LEARNING, rank, stage, status } from '../../testing/stage.ts'
import { batchesFor, createWorld, key, NOON, problem, type World } from '../../testing/world.ts'
import type { Job, Trainer } from '../../trainer/job.ts'

const MILLION = 1_000_000
const DIM = 8
/** Bytes of a table of so many rows. */
const table = (rows: number) => rows * DIM * 4

const here = stage()
let large: World
/** Each item of the readers whose samples come is one of a million; the user's own feed is of the first sixty. */
const renamed = (id: number) => 100 + seeded(id).below(MILLION - 100)
beforeAll(async () => {
  large = await createWorld({ ...LEARNING, vocabulary: MILLION })
})

const jobs: Job<'run'>[] = []
const downloads: { path: string; bytes: number }[] = []
beforeEach(() => {
  here.server.world = large
  here.server.batches = batchesFor(large, { count: 12, kindred: 2, renamed })
  jobs.length = 0
  downloads.length = 0
  here.server.after = async (_, path, response) => {
    downloads.push({ path, bytes: (await response.clone().arrayBuffer()).byteLength })
    return response
  }
})

/** A trainer whose jobs are seen, but for what a call asks for. */
function spawnTrainer(): Trainer {
  const trainer = here.platform().spawnTrainer()
  return {
    ...trainer,
    run(job, watch) {
      if (job.trigger.on !== 'call') jobs.push(job)
      return trainer.run(job, watch)
    },
  }
}
const start = () => here.start({ spawnTrainer })
const spec = ({ manifest }: World) => din(manifest.schema, manifest.ranking)
const bytesOf = (path: string) =>
  downloads.filter((one) => one.path.startsWith(path)).reduce((sum, { bytes }) => sum + bytes, 0)
const blob = async (slot: 'M' | 'M0') => {
  const db = here.disk()
  const { bytes } = (await db.blobs.get(['toy', slot]))!
  const rows = await db.rows.toArray()
  db.close()
  return { bytes, rows }
}

test('a cycle downloads, stores and trains only the rows that it touches', async () => {
  const device = await start()
  await device.contact()
  await rank(device)
  await here.read(device, 10)
  await device.contact()
  expect((await status(device)).rounds[0]).toMatchObject({ outcome: 'committed', matched: 300 })

  // Of sixty items in the feed and as many of the readers' none is asked for twice.
  const rows = bytesOf('/api/rows')
  expect(rows).toBeGreaterThan(table(60))
  expect(rows).toBeLessThanOrEqual(table(120))
  expect(bytesOf('/')).toBeLessThan(120_000)

  const m0 = await blob('M0')
  expect(m0.bytes).toEqual(large.model)
  expect(m0.bytes.length).toBeLessThan(20_000)
  expect(m0.rows.length * DIM * 4).toBe(rows)
  for (const { id, values } of m0.rows)
    expect(values).toEqual(large.weights['embedding.item']!.data.slice(id * DIM, (id + 1) * DIM))

  // The classifier, then the ranking model.
  expect(jobs).toHaveLength(2)
  for (const { models, schema } of jobs) {
    const model = models[RANKING]!.now!
    const { shape } = readSafetensors(model)['embedding.item']!
    expect(shape[0]).toBe(schema.vocabularies.item!.size)
    expect(shape[0]).toBeGreaterThan(60)
    expect(shape[0]).toBeLessThanOrEqual(2 + 120)
    expect(model.length).toBeLessThan(20_000)
  }

  const m = await blob('M')
  const { ids } = readLocal(spec(large), m.bytes)
  expect(ids.item!.length).toBeLessThanOrEqual(2 + 120)
  expect(m.bytes.length).toBeLessThan(m0.bytes.length + table(120) + 4 * 122 + 1000)
})

test('the feed is ranked at once, by what is known; once its rows have come, as by the whole model', async () => {
  const device = await start()
  await device.contact()
  const scores = async () => {
    const ranked = await rank(device)
    return Array.from({ length: 60 }, (_, i) => ranked.find(({ item }) => item === key(i))!.score)
  }
  // Without rows, items differ by category alone, and there are six.
  expect(new Set(await scores()).size).toBe(6)
  await device.contact()

  const state = new UserState(large.context)
  const samples = Array.from({ length: 60 }, (_, i) => state.sample(i, NOON, 0))
  const model = await createPlainEngine().load(spec(large), large.weights)
  const due = await model.predict(pack(large.context.layout, samples))
  expect(new Set(due).size).toBe(60)
  for (const [i, score] of (await scores()).entries()) expect(score).toBeCloseTo(due[i]!, 6)
  expect(here.server.count('POST /api/rows')).toBe(1)
})

test('afterwards it ranks by its own model without a network, and after a restart', async () => {
  const first = await start()
  await first.contact()
  await rank(first)
  await here.read(first, 10)
  await first.contact()
  const feed = await rank(first)
  const serving = (await status(first)).serving!
  expect(serving.sha256).not.toBe(large.manifest.model.sha256)
  await first.stop()

  here.offline()
  const second = await start()
  expect(await rank(second)).toEqual(feed)
  expect((await status(second)).serving).toEqual(serving)
})

test('without the rows of what came, a round goes by the unknown row, and asks for them at the next contact', async () => {
  here.server.before = (_, path) => {
    if (path === '/api/rows') throw new TypeError('fetch failed')
    return undefined
  }
  const device = await start()
  await device.contact()
  await here.read(device, 10)
  const round = await device.train(null)
  expect(round).toMatchObject({ matched: 300, scored: 200 })
  expect(round.outcome).toMatch(/committed|kept/)
  expect(jobs.map(({ schema }) => schema.vocabularies.item!.size)).toEqual([2, 2])
  expect((await blob('M0')).rows).toEqual([])
  here.online()
  await device.contact()
  expect((await blob('M0')).rows.length).toBeGreaterThan(10)
})

test('a new delivery brings new rows in the place of the old ones', async () => {
  const device = await start()
  await device.contact()
  await rank(device)
  await device.contact()
  const newer = await createWorld({ ...LEARNING, vocabulary: MILLION, version: 2 })
  here.server.world = newer
  here.clock.move(60_000)
  await device.contact()
  expect((await blob('M0')).rows).toEqual([])
  await rank(device)
  await device.contact()
  const { rows } = await blob('M0')
  expect(rows).toHaveLength(60)
  for (const { id, whole, values } of rows) {
    expect(whole).toBe(newer.manifest.sliced!.item)
    expect(values).toEqual(newer.weights['embedding.item']!.data.slice(id * DIM, (id + 1) * DIM))
  }
})

test('rows that changed on their way are refused, and the feed stays as it was', async () => {
  const device = await start()
  await device.contact()
  const feed = await rank(device)
  here.server.after = async (_, path, response) => {
    if (path !== '/api/rows') return response
    const bytes = new Uint8Array(await response.arrayBuffer())
    bytes[17]! ^= 1
    return new Response(bytes, { headers: response.headers })
  }
  await expect(device.contact()).rejects.toMatchObject({ code: 'bad-artifact' })
  expect(await rank(device)).toEqual(feed)
  expect((await blob('M0')).rows).toEqual([])
})

test('a server that has this table no more has a newer task: until it comes, what is here serves', async () => {
  const device = await start()
  await device.contact()
  const feed = await rank(device)
  here.server.before = (_, path) => (path === '/api/rows' ? problem(404, 'No such table') : undefined)
  await device.contact()
  expect((await status(device)).failure).toBeNull()
  expect(await rank(device)).toEqual(feed)
})
