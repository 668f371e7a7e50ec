/** A device between its pulls and its round, on a disk that outlives it, with a trainer of which every step is known. */
import { IDBFactory } from 'fake-indexeddb'
import { DAY_MS } from '../../shared/clock.ts'
import { din } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import { RANKING } from '../../shared/tasks/manifest.ts'
import type { Active } from '../device/delivery/active.ts'
import { createModels } from '../device/models/models.ts'
import { createSamples } from '../device/samples/samples.ts'
import { putState } from '../device/storage/state.ts'
import type { Db, DeliveredRow } from '../device/storage/tables.ts'
import { isDue, runRound } from '../device/tasks/round.ts'
import { createLocks } from '../locks.ts'
import type { Platform } from '../platform.ts'
import type { Job, Result, RunWatch, Trainer } from '../trainer/job.ts'
import { type Faults, withFaults } from './faults.ts'
import { shippedTasks, trainerOf } from './scripts.ts'
import { dbOn, handClock } from './storage.ts'
import { catalogue, NOON, samplesOf, type World } from './world.ts'

/** Steps of the known training. */
export const STEPS = 4
/** What came in before the round. */
export const PULLED = { day: 1, next: 1, count: 1, bytes: 500, samples: 30, asked: 0, done: 1 }

/** A model with so many steps of the known training more: each adds 1 to every weight. */
export function trained(model: Uint8Array, steps: number): Uint8Array<ArrayBuffer> {
  const weights = Object.entries(readSafetensors(model)).map(([name, { shape, data }]) => [
    name,
    { shape, data: data.map((value) => Math.fround(value + steps)) },
  ])
  return writeSafetensors(Object.fromEntries(weights))
}

/**
 * The steps by which a model is ahead of another, by all that is not in tables: of these a training is given only rows.
 * Throws for a model that is none of the known training's.
 */
export function stepsBetween(before: Uint8Array, after: Uint8Array): number {
  const from = readSafetensors(before)
  const steps = new Set<number>()
  for (const [name, { data }] of Object.entries(readSafetensors(after)))
    if (!name.startsWith('embedding.'))
      data.forEach((value, i) => void steps.add(Math.round(value - from[name]!.data[i]!)))
  const [only, ...others] = steps
  if (only === undefined || others.length > 0) throw new Error(`${[...steps]} steps`)
  return only
}

/** How far the known training is: what goes with its checkpoint. */
const stateAt = (step: number) => ({ step, losses: Array.from({ length: step }, (_, i) => 1 - i / 10) })

/** What the known trainer answers. */
export const answerOf = (effects: Partial<Result<'run'>['effects']>): Result<'run'> => ({
  effects: { scores: [], used: [], models: {}, folds: [], reports: [], result: null, ...effects },
  engine: 'plain',
  choice: { engine: 'plain', timed: false, lost: [] },
})

/**
 * Plays the two tasks that ship with Kindred. Of matched samples the first third trains a classifier, and of the others every other
 * one is kept. Training adds 1 to every weight at each of its steps, and tells of each.
 */
export function knownTrainer(
  jobs: Job<'run'>[] = [],
  dieAt = Number.POSITIVE_INFINITY,
  heard: (step: number) => Promise<void> = turns,
): Trainer {
  const filter = ({ samples }: Job<'run'>) => {
    const ids = samples.matched!.ids
    const classifying = Math.round(ids.length / 3)
    const scores = ids
      .slice(classifying)
      .map((id, i) => ({ id, score: i % 2 === 0 ? 0.9 : 0.1, keep: i % 2 === 0 }))
    return answerOf({ scores, used: ids.slice(0, classifying) })
  }
  async function train(job: Job<'run'>, { onCheckpoint }: RunWatch) {
    jobs.push(job)
    const model = job.models[RANKING]!.now!
    const from = job.kept[RANKING]?.state as ReturnType<typeof stateAt> | undefined
    const begun = from?.step ?? 0
    for (let step = begun + 1; step <= STEPS; step++) {
      if (step > dieAt) throw new Error('out of memory')
      onCheckpoint?.({ name: RANKING, weights: trained(model, step), state: stateAt(step) })
      await heard(step)
    }
    return answerOf({
      models: { [RANKING]: trained(model, STEPS) },
      folds: [RANKING],
      used: job.samples.filtered!.ids,
      result: {
        trained: true,
        steps: STEPS,
        stepsKept: STEPS,
        losses: stateAt(STEPS).losses,
        before: 0.5,
        after: 0.5 + STEPS / 10,
        ...(begun > 0 && { resumed: begun }),
      },
    })
  }
  return trainerOf(async (job, watch = {}) => (job.task.name === 'filter' ? filter(job) : train(job, watch)))
}

/** The trainer, whose answers to one of the tasks are changed. */
export const answering = (
  trainer: Trainer,
  task: 'filter' | 'train',
  change: (effects: Result<'run'>['effects'], job: Job<'run'>) => Partial<Result<'run'>['effects']>,
): Trainer => ({
  ...trainer,
  async run(job, watch) {
    const answer = await trainer.run(job, watch)
    if (job.task.name !== task) return answer
    return { ...answer, effects: { ...answer.effects, ...change(answer.effects, job) } }
  },
})

/** Lets the storage do what it was asked for. */
async function turns(): Promise<void> {
  for (let i = 0; i < 40; i++)
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => {
        port1.close()
        resolve()
      }
      port2.postMessage(null)
    })
}

export interface Bench {
  db: Db
  faults: Faults
  /** The same storage, past the faults. */
  readonly disk: Db
  models: ReturnType<typeof createModels>
  samples: ReturnType<typeof createSamples>
  readonly clock: ReturnType<typeof handClock>
  /** The jobs of trainings that trainers were given. */
  readonly jobs: Job<'run'>[]
  readonly task: Active
  spawnTrainer: () => Trainer
  /** No timer ever strikes, unless a test says so. */
  after: Platform['after']
  /** As after a kill: nothing is left but the disk. */
  reopen(): void
  isDue(): Promise<boolean>
  /** A round as if the user had asked for it, or as it runs by itself. */
  run(signal?: AbortSignal, asked?: boolean): ReturnType<typeof runRound>
  /** Puts a task there, in the place of what was called so. */
  deliver(...tasks: readonly DeliveredRow[]): Promise<void>
}

/** 12 samples to validate by, 12 to learn from, 30 matched ones, and the delivered model. */
export async function createBench({ manifest, context, model }: World): Promise<Bench> {
  const factory = new IDBFactory()
  const clock = handClock(NOON)
  const jobs: Job<'run'>[] = []
  const spec = din(manifest.schema, manifest.ranking)
  const task: Active = { manifest, context, etag: null, catalogue, spec }
  const rows = { find: async () => () => undefined, fetch: async () => {} }
  const platform = (): Platform =>
    ({
      clock,
      after: (ms: number, work: () => void) => bench.after(ms, work),
      agent: { browser: 'none', engines: 'none' },
      seed: () => 7,
      spawnTrainer: () => bench.spawnTrainer(),
    }) as unknown as Platform
  const deps = () => ({
    db: bench.db,
    models: bench.models,
    samples: bench.samples,
    rows,
    platform: platform(),
  })
  const bench: Bench = {
    ...open(),
    disk: dbOn(factory),
    clock,
    jobs,
    task,
    spawnTrainer: () => knownTrainer(jobs),
    after: () => () => {},
    reopen() {
      bench.db.close()
      Object.assign(bench, open())
    },
    isDue: () => isDue(deps(), task, chance),
    run: (signal = new AbortController().signal, asked = true) =>
      runRound(deps(), task, {
        ...chance,
        asked,
        duty: 1,
        signal,
        whileFree: free,
        whileThere: free,
        onPhase: () => {},
      }),
    deliver: async (...tasks) => void (await bench.db.delivered.bulkPut(tasks)),
  }
  const chance = { exhausted: true, visiting: () => true, resting: () => false }
  const free = () => ({ signal: new AbortController().signal, end() {} })

  function open() {
    const db = dbOn(factory)
    const faults = withFaults(db)
    const models = createModels({ db, locks: createLocks(), clock })
    return { db, faults, models, samples: createSamples(db, clock) }
  }

  const own = (count: number, seed: number, at: number) =>
    samplesOf(context, 0, count, seeded(seed), at).map((sample, i) => ({
      ...sample,
      // Both classes, whatever the reader clicked.
      label: (i % 2) as 0 | 1,
      exposure: `${at}-${String(i).padStart(3, '0')}`,
    }))
  await bench.models.receive({ name: manifest.name, version: 1, sha256: manifest.model.sha256, bytes: model })
  await bench.db.local.bulkPut([...own(12, 1, NOON), ...own(12, 2, NOON - 5 * DAY_MS)])
  await bench.samples.add(
    samplesOf(context, 1, 30, seeded(3)).map((sample, i) => ({ ...sample, id: String(i).padStart(3, '0') })),
  )
  await putState(bench.db, 'pulled', PULLED)
  await bench.deliver(...(await shippedTasks()))
  return bench
}
