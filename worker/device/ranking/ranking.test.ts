/** Which task says in which order candidates come; and that no task, whatever it does, keeps anybody from an order. */
import { beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { din } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import { pack } from '../../../shared/sample.ts'
import type { Run } from '../../../shared/tasks/context.ts'
import type { TaskDraft } from '../../../shared/tasks/manifest.ts'
import { createLocks } from '../../locks.ts'
import { anyTask, delivered, trainerHere } from '../../testing/scripts.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { catalogue, createWorld, NOON, samplesOf } from '../../testing/world.ts'
import type { Trainer } from '../../trainer/job.ts'
import type { Active } from '../delivery/active.ts'
import { createModels } from '../models/models.ts'
import { createSamples } from '../samples/samples.ts'
import type { Db } from '../storage/tables.ts'
import { createRanking, type Ranking } from './ranking.ts'

const RANKS = { on: 'call', name: 'rank' } as const
const draft = (changes: Partial<TaskDraft> = {}): TaskDraft =>
  anyTask({
    name: 'order',
    triggers: [RANKS],
    samples: ['candidates'],
    models: { reads: [], writes: [] },
    ...changes,
  })
/** The lowest score comes first. */
const upsideDown: Run = async ({ samples }) => {
  const { scores } = await samples.read('candidates')
  samples.rank(scores!.map((score) => -score))
}
const SCORES = Float32Array.of(0.5, 0.25, 0.75)

let db: Db
let data: Active
let clock: ReturnType<typeof handClock>
/** What is waited for, by how long. */
let waits: { ms: number; act: () => void }[]
let trainers: { ended: boolean }[]
let ranking: Ranking

/** A trainer that is counted; `change` says what else it does. */
let change: (trainer: Trainer) => Partial<Trainer>

beforeEach(async () => {
  const { manifest, context, model } = await createWorld()
  data = { manifest, etag: '"1"', context, catalogue, spec: din(manifest.schema, manifest.ranking) }
  db = freshDb()
  clock = handClock(NOON)
  waits = []
  trainers = []
  change = () => ({})
  const locks = createLocks()
  const models = createModels({ db, locks, clock })
  const { name, version } = manifest
  await models.receive({ name, version, sha256: manifest.model.sha256, bytes: model })
  ranking = createRanking({
    db,
    models,
    samples: createSamples(db, clock),
    rows: { find: async () => () => undefined },
    platform: {
      clock,
      agent: { browser: 'none', engines: 'none' },
      after(ms, act) {
        const wait = { ms, act }
        waits.push(wait)
        return () => {
          waits = waits.filter((one) => one !== wait)
        }
      },
      spawnTrainer() {
        const made = { ended: false }
        trainers.push(made)
        const trainer = trainerHere()
        const terminate = () => {
          made.ended = true
          trainer.terminate()
        }
        return { ...trainer, ...change(trainer), terminate }
      },
    },
  })
})

function candidates() {
  const samples = samplesOf(data.context, 2, 3, seeded(1))
  return { ids: ['a', 'b', 'c'], samples, batch: pack(data.context.layout, samples), scores: SCORES }
}
const deliver = async (...given: Parameters<typeof delivered>) => {
  await db.delivered.put(await delivered(...given))
  await ranking.refresh(data)
}
const order = () => ranking.order(data, candidates())
const reports = async () =>
  (await db.reports.toArray()).map(({ n: _, at: _at, ...report }) => ({ ...report, ms: 0 }))

test('a task that answers `rank` says the order, and is named', async () => {
  await deliver(draft(), upsideDown, { version: 3 })
  expect(await order()).toEqual({
    scores: Float32Array.of(-0.5, -0.25, -0.75),
    by: { task: 'order', version: 3 },
  })
})

test('without one, or where it is made for other data, the scores say it, and no trainer is started', async () => {
  await ranking.refresh(data)
  expect(await order()).toBeNull()
  await deliver(draft({ name: 'learns', triggers: [{ on: 'batch' }] }), upsideDown)
  await deliver(draft({ schema: { ...data.manifest.schema, name: 'other' } }), upsideDown)
  expect(await order()).toBeNull()
  expect(trainers).toEqual([])
})

test('it is given the candidates with their scores, in the order in which they were asked for, and nothing else', async () => {
  let seen: unknown
  await deliver(draft(), async ({ samples, trigger }) => {
    const found = await samples.read('candidates')
    seen = { ...found, trigger, refused: await samples.read('matched').catch(({ code }) => code) }
    samples.rank(found.scores!)
  })
  await order()
  const { ids, batch, scores } = candidates()
  expect(seen).toEqual({
    ids,
    scores,
    batch,
    trigger: RANKS,
    refused: 'refused',
  })
})

test('one that reads models and other samples gets these as they are at the moment', async () => {
  let seen: unknown
  const models = { reads: ['data/ranking'], writes: [] }
  await deliver(draft({ models, samples: ['candidates', 'local-training'] }), async (context) => {
    const found = await context.samples.read('candidates')
    const own = await context.samples.read('local-training')
    seen = [own.ids.length, Object.keys((await context.models.read('data/ranking'))!).length > 0]
    context.samples.rank(found.scores!)
  })
  expect(await order()).not.toBeNull()
  expect(seen).toEqual([0, true])
  const old = samplesOf(data.context, 2, 5, seeded(1), NOON - 5 * DAY_MS)
  await db.local.bulkPut(old.map((sample, i) => ({ ...sample, exposure: `0000000${i}` })))
  await order()
  expect(seen).toEqual([5, true])
})

test('it is made ready beforehand: until then nobody waits for it', async () => {
  await db.delivered.put(await delivered(draft(), upsideDown))
  const refreshing = ranking.refresh(data)
  expect(await order()).toBeNull()
  await refreshing
  expect(await order()).not.toBeNull()
  expect(trainers).toHaveLength(1)
})

test('another version takes its place at once, and its trainer is ended', async () => {
  await deliver(draft(), upsideDown)
  const asTheyAre: Run = async ({ samples }) => samples.rank((await samples.read('candidates')).scores!)
  await deliver(draft(), asTheyAre, { version: 2 })
  expect(await order()).toEqual({ scores: SCORES, by: { task: 'order', version: 2 } })
  expect(trainers).toEqual([{ ended: true }, { ended: false }])
  await db.delivered.clear()
  await ranking.refresh(data)
  expect(await order()).toBeNull()
  expect(trainers.every(({ ended }) => ended)).toBe(true)
})

test('with other data it begins anew', async () => {
  await deliver(draft(), upsideDown)
  data = { ...data, etag: '"2"' }
  expect(await order()).toBeNull()
  await ranking.refresh(data)
  expect(await order()).not.toBeNull()
  expect(trainers).toEqual([{ ended: true }, { ended: false }])
})

describe('a task that fails', () => {
  const ways: [string, Run, object][] = [
    [
      'throws',
      async ({ samples }) => {
        const { ids } = await samples.read('candidates')
        if (ids.length > 0) throw new Error('no')
      },
      { outcome: 'failed', failure: 'worker' },
    ],
    ['ranks nothing', async () => {}, { outcome: 'failed', failure: 'bad-input' }],
    [
      'asks for what it did not declare',
      async ({ samples }) => void (await samples.read('filtered')),
      { outcome: 'refused', failure: 'refused' },
    ],
  ]
  test.each(ways)(
    'that %s costs nobody the order, is told, and is left alone after three times',
    async (_, run, how) => {
      await deliver(draft(), run)
      for (let i = 0; i < 5; i++) {
        expect(await order()).toBeNull()
        await ranking.refresh(data)
      }
      expect(trainers).toHaveLength(3)
      expect(trainers.every(({ ended }) => ended)).toBe(true)
      const told = { type: 'run', task: 'order', version: 1, trigger: 'call', ms: 0, ...how }
      expect(await reports()).toEqual([told, told, told])

      clock.move(5 * 60_000)
      await ranking.refresh(data)
      expect(trainers).toHaveLength(4)
    },
  )

  test('that takes too long is not waited for, and its trainer is ended', async () => {
    const never: Run = async ({ samples }) => {
      const { ids } = await samples.read('candidates')
      if (ids.length > 0) await new Promise(() => {})
    }
    await deliver(draft({ budget: { ...draft().budget, ms: 40 } }), never)
    const asked = order()
    while (waits.length === 0) await Promise.resolve()
    expect(waits.map(({ ms }) => ms)).toEqual([40])
    waits[0]!.act()
    expect(await asked).toBeNull()
    expect(trainers).toEqual([{ ended: true }])
    expect(await reports()).toMatchObject([{ outcome: 'late', failure: 'cancelled' }])
  })

  test('is waited for a quarter of a second at most, whatever it may take', async () => {
    await deliver(draft({ budget: { ...draft().budget, ms: 60_000 } }), upsideDown)
    const asked = order()
    while (waits.length === 0) await Promise.resolve()
    expect(waits.map(({ ms }) => ms)).toEqual([250])
    expect(await asked).not.toBeNull()
    expect(waits).toEqual([])
  })

  test('because its trainer died is asked again in another one', async () => {
    change = () => ({ run: () => Promise.reject(new Error('died')) })
    await deliver(draft(), upsideDown)
    expect(await order()).toBeNull()
    change = () => ({})
    await ranking.refresh(data)
    expect(await order()).not.toBeNull()
  })

  test('and is replaced is taken up at once', async () => {
    await deliver(draft(), async () => {})
    for (let i = 0; i < 3; i++) {
      await order()
      await ranking.refresh(data)
    }
    await deliver(draft(), upsideDown, { version: 2 })
    expect(await order()).not.toBeNull()
  })
})

test('of what goes well the first time is told, not each', async () => {
  await deliver(draft(), upsideDown)
  for (let i = 0; i < 5; i++) await order()
  expect(await reports()).toMatchObject([{ outcome: 'done', task: 'order' }])
})

test('it ranks so many times a day and no more', async () => {
  await deliver(draft({ budget: { ...draft().budget, runsPerDay: 2 } }), upsideDown)
  const answered = async () => (await order()) !== null
  expect([await answered(), await answered(), await answered()]).toEqual([true, true, false])
  clock.move(DAY_MS)
  expect(await answered()).toBe(true)
})

test('when everything is cleared, nothing is held', async () => {
  await deliver(draft(), upsideDown)
  ranking.clear()
  expect(trainers).toEqual([{ ended: true }])
  expect(await order()).toBeNull()
})

test('by ranking, nothing that is stored changes', async () => {
  const models = { reads: [], writes: ['own'] }
  await deliver(draft({ models }), async (context) => {
    const { scores } = await context.samples.read('candidates')
    await context.models.write('own', { w: { shape: [1], data: Float32Array.of(1) } })
    context.samples.rank(scores!)
  })
  expect(await order()).not.toBeNull()
  expect((await db.models.toArray()).map(({ name, slot }) => [name, slot])).not.toContainEqual([
    'order/own',
    'M',
  ])
})
