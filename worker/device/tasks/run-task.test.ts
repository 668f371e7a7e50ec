/** Anybody's tasks on a device: what they are given, when they run, what stays of what they do. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { AppError } from '../../../shared/failure.ts'
import { roundSchema } from '../../../shared/protocol.ts'
import { readSafetensors, writeSafetensors } from '../../../shared/safetensors.ts'
import type { Run, TaskContext } from '../../../shared/tasks/context.ts'
import { RANKING, type TaskDraft } from '../../../shared/tasks/manifest.ts'
import { type Bench, createBench } from '../../testing/rounds.ts'
import { anyTask, delivered, trainerHere, trainerOf } from '../../testing/scripts.ts'
import { createWorld, type World } from '../../testing/world.ts'

let world: World
let bench: Bench
beforeAll(async () => {
  world = await createWorld({ trainAt: 20 })
})
beforeEach(async () => {
  bench = await createBench(world)
  await bench.db.delivered.clear()
  bench.spawnTrainer = trainerHere
})
afterEach(() => bench.db.close())

const one = (value: number) => ({ a: { shape: [1], data: Float32Array.of(value) } })
const NOTHING: Partial<TaskDraft> = {
  name: 'note',
  triggers: [{ on: 'day' }],
  samples: [],
  models: { reads: [], writes: [] },
}
/** Puts a task there; gives the contexts that its script was given. */
async function deliver(changes: Partial<TaskDraft>, run: Run = async () => {}, more = {}) {
  const given: TaskContext[] = []
  const script: Run = async (context) => {
    given.push(context)
    return run(context)
  }
  const row = await delivered(anyTask({ ...NOTHING, ...changes }), script, more)
  await bench.deliver(row)
  return { row, given }
}
const round = () => bench.run(undefined, false)
const OWN = { models: { reads: ['own'], writes: ['own'] } }
const own = async (name = 'note/own') => {
  const blob = await bench.db.blobs.get([name, 'M'])
  return blob && readSafetensors(blob.bytes).a!.data[0]
}

describe('a task of anybody’s', () => {
  test('keeps a model of its own from run to run, and reports; the journal tells of it', async () => {
    const { row } = await deliver(OWN, async ({ models, log }) => {
      const before = (await models.read('own'))?.a?.data[0] ?? 0
      await models.write('own', one(before + 1))
      log.report('count', { before })
    })
    const first = await round()
    expect(roundSchema.parse(first)).toEqual(first)
    expect(first.tasks).toMatchObject([{ name: 'note', version: 1, outcome: 'done' }])
    expect(await own()).toBe(1)
    bench.clock.move(DAY_MS)
    await round()
    expect(await own()).toBe(2)
    expect(await bench.db.models.get(['note/own', 'M'])).toMatchObject({ version: row.version })
    const reports = await bench.db.reports.toArray()
    expect(reports.map(({ type }) => type)).toEqual(['values', 'run', 'values', 'run'])
    expect(reports[2]).toMatchObject({ task: 'note', name: 'count', values: { before: 1 } })
    expect(reports[3]).toMatchObject({ task: 'note', version: 1, trigger: 'day', outcome: 'done' })
  })

  test('begins with the model that comes with it; another version’s takes its place', async () => {
    const models = { reads: [], writes: ['own'], initial: 'own' }
    const add: Run = async ({ models }) => {
      const [now, initial] = [(await models.read('own'))!, (await models.initial('own'))!]
      await models.write('own', one(now.a!.data[0]! + 1))
      return initial.a!.data[0]!
    }
    await deliver({ models }, add, { model: writeSafetensors(one(10)) })
    await round()
    bench.clock.move(DAY_MS)
    await round()
    expect(await own()).toBe(12)
    await deliver({ models }, add, { version: 2, model: writeSafetensors(one(50)) })
    bench.clock.move(DAY_MS)
    await round()
    expect(await own()).toBe(51)
  })

  test('reads the model of another task as that has written it, or as it came', async () => {
    const writes = { reads: [], writes: ['own'], initial: 'own' }
    const seen: unknown[] = []
    await deliver({ name: 'b', models: { reads: ['a/own', 'a/none'], writes: [] } }, async ({ models }) => {
      seen.push((await models.read('a/own'))?.a?.data[0], await models.read('a/none'))
    })
    await deliver({ name: 'a', models: writes }, async () => {}, { model: writeSafetensors(one(3)) })
    await round()
    await deliver({ name: 'a', models: writes }, async ({ models }) => models.write('own', one(4)), {
      version: 2,
      model: writeSafetensors(one(3)),
    })
    bench.clock.move(DAY_MS)
    await round()
    expect(seen).toEqual([3, undefined, 4, undefined])
  })

  test('is given the sets that it declares, with ids by which they are known here, and no others', async () => {
    const { given } = await deliver({ samples: ['local-training', 'matched'] }, async ({ samples }) => {
      const { ids } = await samples.read('local-training')
      expect(ids).toEqual(
        (await bench.samples.local(world.manifest.hyper)).training.map((row) => row.exposure),
      )
      expect((await samples.read('matched')).ids).toHaveLength(30)
      await expect(samples.read('filtered')).rejects.toMatchObject({ code: 'refused' })
    })
    expect((await round()).outcome).toBe('filtered')
    expect(given).toHaveLength(1)
    expect(given[0]!.task.schema).toEqual(world.manifest.schema)
  })

  test('works by the data’s numbers, and over them by its own', async () => {
    const hyper = { sigma: 0.7, ranking: { epochs: 9 }, mine: 'yes' }
    const { given } = await deliver({ hyper })
    await round()
    const { ranking } = world.manifest.hyper
    expect(given[0]!.task.hyper).toEqual({
      ...world.manifest.hyper,
      ...hyper,
      ranking: { ...ranking, epochs: 9 },
    })
  })

  test('made for other data does not run', async () => {
    const { given } = await deliver({ schema: { ...world.manifest.schema, version: 9 } })
    await deliver({ name: 'fits', schema: world.manifest.schema })
    expect((await round()).tasks).toMatchObject([{ name: 'fits' }])
    expect(given).toEqual([])
  })

  test('that is damaged on the disk does not run', async () => {
    const { row, given } = await deliver({})
    await bench.deliver({ ...row, script: Uint8Array.of(1) })
    expect(await round()).toMatchObject({ outcome: 'failed', failure: { code: 'bad-artifact' } })
    expect(given).toEqual([])
  })
})

describe('it runs', () => {
  test('once a day, at the first chance', async () => {
    const { given } = await deliver({})
    for (let i = 0; i < 3; i++) if (await bench.isDue()) await round()
    expect(given).toHaveLength(1)
    bench.clock.move(DAY_MS)
    expect(await bench.isDue()).toBe(true)
  })

  test('as samples come, once for what has come', async () => {
    const { given } = await deliver({ triggers: [{ on: 'batch' }], samples: ['matched'] })
    expect(await bench.isDue()).toBe(true)
    await round()
    expect(given[0]!.trigger).toEqual({ on: 'batch' })
    expect(await bench.isDue(), 'what it left lying is no news').toBe(false)
    const [some] = await bench.db.matched.toArray()
    await bench.samples.add([{ ...some!, id: 'another' }])
    expect(await bench.isDue()).toBe(true)
  })

  test('when there are as many samples as it wants, or the data', async () => {
    const samples: TaskDraft['samples'] = ['local-training', 'filtered']
    const few = await deliver({ name: 'few', triggers: [{ on: 'samples', augmented: 15 }], samples })
    const many = await deliver({ name: 'many', triggers: [{ on: 'samples' }], samples })
    const rows = await bench.samples.waiting()
    const keep = (count: number) =>
      bench.samples.settle(
        { scores: rows.slice(0, count).map(({ id }) => ({ id, score: 1, keep: true })), used: [] },
        world.manifest.hyper,
      )
    await keep(2)
    expect(await bench.isDue(), '14').toBe(false)
    await keep(3)
    expect(await bench.isDue(), '15').toBe(true)
    await round()
    expect([few.given.length, many.given.length]).toEqual([1, 0])
    await keep(8)
    await round()
    expect([few.given.length, many.given.length]).toEqual([2, 1])
  })

  test('not more often in a day than its manifest says, unless the user asks', async () => {
    const budget = { ...anyTask({}).budget, runsPerDay: 2 }
    const failing: Run = async () => {
      throw new Error('Alas.')
    }
    const { given } = await deliver({ triggers: [{ on: 'batch' }], samples: ['matched'], budget }, failing)
    for (let i = 0; i < 4; i++) await round()
    expect(given).toHaveLength(2)
    await bench.run()
    expect(given).toHaveLength(3)
    bench.clock.move(DAY_MS)
    await round()
    expect(given).toHaveLength(4)
  })

  test('first those for which samples come, then those that learn from them, and one’s failure is not another’s', async () => {
    const order: string[] = []
    const note =
      (name: string, fails = false): Run =>
      async () => {
        order.push(name)
        if (fails) throw new Error('Alas.')
      }
    await deliver({ name: 'z', triggers: [{ on: 'batch' }] }, note('z', true))
    await deliver({ name: 'a' }, note('a'))
    await deliver({ name: 'b' }, note('b', true))
    await deliver({ name: 'c', triggers: [{ on: 'visit' }] }, note('c'))
    await deliver({ name: 'd', triggers: [{ on: 'call', name: 'd' }] }, note('d'))
    const { tasks, failure, outcome } = await round()
    expect(order).toEqual(['z', 'a', 'b', 'c'])
    expect(tasks!.map(({ outcome }) => outcome)).toEqual(['failed', 'done', 'failed', 'done'])
    expect([outcome, failure!.message]).toEqual(['failed', expect.stringMatching(/^z\b.*Alas/)])
  })
})

describe('nothing stays', () => {
  const untouched = async () => {
    expect(await own()).toBeUndefined()
    expect(await bench.db.matched.where('state').equals('unscored').count()).toBe(30)
  }
  const all: Partial<TaskDraft> = { ...OWN, triggers: [{ on: 'batch' }], samples: ['matched'] }
  const doing =
    (then: (context: TaskContext) => unknown): Run =>
    async (context) => {
      const { ids } = await context.samples.read('matched')
      context.samples.use(ids)
      await context.models.write('own', one(1))
      return then(context)
    }

  test.each<[string, (context: TaskContext) => unknown, string, string]>([
    ['fails', () => Promise.reject(new Error('Alas.')), 'failed', 'worker'],
    ['asks for what it did not declare', ({ models }) => models.read(RANKING), 'refused', 'refused'],
  ])('of one that %s', async (_, then, outcome, code) => {
    await deliver(all, doing(then))
    const { tasks } = await round()
    expect(tasks).toMatchObject([{ outcome, failure: { code } }])
    await untouched()
    const [told] = await bench.db.reports.toArray()
    expect(told).toMatchObject({ type: 'run', outcome, failure: code })
  })

  test('of one that is stopped, and it is nobody’s fault', async () => {
    const stop = new AbortController()
    await deliver(
      all,
      doing(() => {
        stop.abort(new AppError('cancelled', 'Enough.'))
        return new Promise(() => {})
      }),
    )
    expect((await bench.run(stop.signal, false)).tasks).toMatchObject([{ outcome: 'stopped' }])
    await untouched()
  })

  test('of one whose trainer hangs for longer than its budget', async () => {
    await deliver({ ...all, budget: { ...anyTask({}).budget, ms: 1000 } })
    let due = () => {}
    const hung = trainerOf(() => {
      queueMicrotask(due)
      return new Promise(() => {})
    })
    let end = (_: unknown) => {}
    bench.after = (ms, work) => {
      if (ms < 60_000) due = work
      return () => {}
    }
    bench.spawnTrainer = () => ({
      ...hung,
      run: (job) =>
        new Promise((_, reject) => {
          end = reject
          void hung.run(job)
        }),
      terminate: () => end(new AppError('cancelled', 'The trainer was ended.')),
    })
    expect((await round()).tasks).toMatchObject([{ outcome: 'late', failure: { code: 'worker' } }])
    await untouched()
  })

  test('of one that was taken back while it ran', async () => {
    await deliver(
      all,
      doing(() => bench.db.delivered.clear()),
    )
    expect(await round()).toMatchObject({ outcome: 'failed', failure: { code: 'cancelled' } })
    await untouched()
  })
})

test('a checkpoint of an own model is gone on from, with what was said beside it', async () => {
  let cut = true
  const { given } = await deliver(OWN, async ({ models, seed }) => {
    const kept = await models.resume('own')
    if (cut) {
      await models.checkpoint('own', one(7), { step: 2 })
      // As a thread that is killed, once it is written.
      while (!(await bench.db.models.get(['note/own', 'Mbuf'])));
      throw new AppError('not-ready', `${seed}`)
    }
    await models.write('own', one(kept!.weights!.a!.data[0]! + (kept!.state as { step: number }).step))
  })
  await round()
  expect(await bench.db.models.get(['note/own', 'Mbuf']), 'it would only fail again').toBeUndefined()
  expect(given).toHaveLength(1)
  const trainer = trainerHere()
  bench.spawnTrainer = () => ({
    ...trainer,
    run: (job, watch) =>
      trainer.run(job, watch).catch(() => Promise.reject(new AppError('worker', 'The trainer stopped.'))),
  })
  await round()
  cut = false
  bench.spawnTrainer = trainerHere
  expect((await round()).tasks).toMatchObject([{ outcome: 'done' }])
  expect(await own()).toBe(9)
  expect(given[2]!.seed).toBe(given[1]!.seed)
  expect(await bench.db.models.get(['note/own', 'Mbuf'])).toBeUndefined()
})
