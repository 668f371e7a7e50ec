/** A device between its pulls and its round, on a disk that outlives it, with a trainer of which every step is known. */
import { IDBFactory } from 'fake-indexeddb'
import { DAY_MS } from '../../shared/clock.ts'
import { din } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import type { Active } from '../device/active.ts'
import { type Db, putState } from '../device/db.ts'
import { createModels } from '../device/models.ts'
import { isDue, runRound } from '../device/round.ts'
import { createSamples } from '../device/samples.ts'
import { createLocks } from '../locks.ts'
import type { Platform } from '../platform.ts'
import type { Checkpoint, Job, Result, Trainer, Watch } from '../trainer/job.ts'
import { type Faults, withFaults } from './faults.ts'
import { dbOn, handClock } from './storage.ts'
import { catalogue, NOON, samplesOf, type World } from './world.ts'

/** Steps of the known training. */
export const STEPS = 4
/** What came in before the round. */
export const PULLED = { day: 1, next: 1, count: 1, bytes: 500, samples: 30, asked: 0, done: 1 }

const choice = (): Result<'filter'>['choice'] => ({ engine: 'plain', timed: false, lost: [] })

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

/** How far the known training is; `known` is what it began with. */
const checkpoint = (known: Uint8Array, step: number): Checkpoint => ({
  model: step === 0 ? null : trained(known, step),
  step,
  stepsKept: step,
  losses: Array.from({ length: step }, (_, i) => 1 - i / 10),
  before: { auc: 0.5, loss: 0.7 },
  best: { auc: 0.5 + step / 10, loss: 0.7 - step / 10 },
})

/** Keeps every other candidate; adds 1 to every weight at each of its steps, and tells of each. */
export function knownTrainer(
  jobs: Job<'personalise'>[] = [],
  dieAt = Number.POSITIVE_INFINITY,
  heard: (step: number) => Promise<void> = turns,
): Trainer {
  return {
    async filter({ candidates }) {
      const scores = Float32Array.from({ length: candidates.size }, (_, i) => (i % 2 === 0 ? 0.9 : 0.1))
      return { engine: 'plain', choice: choice(), scores, losses: [] }
    },
    async personalise(job, { onCheckpoint }: Watch = {}) {
      jobs.push(job)
      const begun = job.from?.step ?? 0
      for (let step = begun + 1; step <= STEPS; step++) {
        if (step > dieAt) throw new Error('out of memory')
        onCheckpoint?.(checkpoint(job.model, step))
        await heard(step)
      }
      const { model, losses, stepsKept, before, best } = checkpoint(job.model, STEPS)
      const result = { model, losses, steps: STEPS, stepsKept, before: before.auc, after: best.auc }
      return { engine: 'plain', choice: choice(), ...result }
    },
    pause() {},
    resume() {},
    terminate() {},
  }
}

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
  models: ReturnType<typeof createModels>
  samples: ReturnType<typeof createSamples>
  readonly clock: ReturnType<typeof handClock>
  /** The jobs that trainers were given. */
  readonly jobs: Job<'personalise'>[]
  readonly task: Active
  spawnTrainer: () => Trainer
  /** As after a kill: nothing is left but the disk. */
  reopen(): void
  isDue(): Promise<boolean>
  run(signal?: AbortSignal): ReturnType<typeof runRound>
}

/** 12 samples to validate by, 12 to learn from, 30 matched ones, and the delivered model. */
export async function createBench({ manifest, context, model }: World): Promise<Bench> {
  const disk = new IDBFactory()
  const clock = handClock(NOON)
  const jobs: Job<'personalise'>[] = []
  const spec = din(manifest.schema, manifest.ranking)
  const task: Active = { manifest, context, etag: null, catalogue, spec }
  const rows = { find: async () => () => undefined, fetch: async () => {} }
  const platform = (): Platform =>
    ({
      clock,
      after: () => () => {},
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
    clock,
    jobs,
    task,
    spawnTrainer: () => knownTrainer(jobs),
    reopen() {
      bench.db.close()
      Object.assign(bench, open())
    },
    isDue: () => isDue(deps(), task, true),
    run: (signal = new AbortController().signal) =>
      runRound(deps(), task, { exhausted: true, signal, onPhase: () => {} }),
  }

  function open() {
    const db = dbOn(disk)
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
  return bench
}
