/** One run of a task's folder, as a device would do it: job in, effects out; nothing of it is carried out. */

import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { AppError } from '../../../shared/failure.ts'
import { UserState } from '../../../shared/generate.ts'
import { sha256 } from '../../../shared/hash.ts'
import { seeded } from '../../../shared/random.ts'
import { writeSafetensors } from '../../../shared/safetensors.ts'
import { pack } from '../../../shared/sample.ts'
import { checkEffects } from '../../../shared/tasks/effects.ts'
import {
  manifestBytes,
  RANKING,
  readDraft,
  sealTask,
  type TaskFiles,
  type TaskManifest,
  type Trigger,
} from '../../../shared/tasks/manifest.ts'
import type { Effects } from '../../../shared/tasks/run.ts'
import { ownName } from '../../../worker/device/models/models.ts'
import { openScorer } from '../../../worker/device/models/scorer.ts'
import type { DeliveredRow } from '../../../worker/device/storage/tables.ts'
import { gather } from '../../../worker/device/tasks/gather.ts'
import type { Prepared, SetRows } from '../../../worker/device/tasks/jobs.ts'
import type { Job, Result } from '../../../worker/trainer/job.ts'
import { checkScript } from '../../tasks/script.ts'
import type { Someone } from './someone.ts'
import { type Spawned, spawnTrainer } from './thread.ts'

/** A task as its author has it. */
export interface Folder extends TaskFiles {
  /** The bytes of task.json. */
  readonly draft: Uint8Array
}

export interface Wish {
  /** As in the manifest: `batch`, `samples`, …, or `call:NAME`; for none it is the first of the manifest's. */
  readonly triggers: readonly string[]
  /** Of a call. */
  readonly input?: unknown
  readonly seed: number
  /** What it runs in; default a thread of this process. */
  readonly spawn?: () => Spawned
}

/** What a run was given, and what came of it. */
export interface Ran {
  readonly manifest: TaskManifest
  readonly trigger: Trigger
  readonly job: Job<'run'>
  readonly effects: Effects
  /** Of the script alone, and the engine that it had. */
  readonly ms: number
  readonly engine: Result<'run'>['engine']
  readonly memory?: number | undefined
}

/** Items that are to be ranked. */
const CANDIDATES = 60
/** A script that does not end by itself has so long more than its budget, ms. */
const GRACE_MS = 1000

/**
 * Runs it by one trigger after the other; what a run writes and keeps is there for the next. Throws what submitting the task would
 * throw; `refused`, `bad-input`, … with the line of the script, for what a device would not take from it; `cancelled` where its time
 * was up.
 */
export async function* runFolder(someone: Someone, folder: Folder, wish: Wish): AsyncGenerator<Ran> {
  const row = await deliveredFrom(folder)
  const { manifest } = row
  const of = someone.data.manifest.schema
  if (manifest.schema && JSON.stringify(manifest.schema) !== JSON.stringify(of))
    throw new AppError(
      'bad-input',
      `${row.name} is made for other data: its schema is not that of ${of.name}.`,
    )
  for (const trigger of triggersOf(manifest, wish.triggers)) {
    const asked = trigger.on === 'call' && manifest.samples.includes('candidates')
    const candidates = asked ? await candidatesFor(someone, wish.seed) : undefined
    const { carryOut, ...ran } = await perform(someone, row, { trigger, candidates, ...wish })
    yield ran
    await carryOut()
  }
}

async function deliveredFrom({ draft, script, model }: Folder): Promise<DeliveredRow> {
  await checkScript(script)
  const manifest = await sealTask(readDraft(draft), 1, { script, model })
  const manifestSha256 = await sha256(manifestBytes(manifest))
  return { name: manifest.name, version: 1, manifestSha256, manifest, script, ...(model && { model }), at: 0 }
}

function triggersOf({ name, triggers }: TaskManifest, wanted: readonly string[]): Trigger[] {
  if (wanted.length === 0) return [triggers[0]!]
  const named = (one: Trigger) => (one.on === 'call' ? `call:${one.name}` : one.on)
  return wanted.map((what) => {
    const found = triggers.find((one) => named(one) === what)
    if (found) return found
    throw new AppError('bad-input', `${name} is not run by ${what}: ${triggers.map(named).join(', ')}.`)
  })
}

/** Items drawn by lot, as they would be shown now, with the chance of a click by the model. */
async function candidatesFor({ data, models, rows, clock, events }: Someone, seed: number): Promise<SetRows> {
  const { context, catalogue, spec, factors, manifest } = data
  const positions = [...seeded(seed).shuffle(Int32Array.from(catalogue.items, (_, i) => i))].slice(
    0,
    CANDIDATES,
  )
  const user = new UserState(context)
  for (const event of events) user.observe(event)
  const samples = user.samples(positions, clock.now())
  const ids = positions.map((position) => catalogue.items[position]!.key)
  const scorer = await openScorer(
    createPlainEngine(),
    spec,
    (await models.load(manifest.name)).bytes,
    factors,
  )
  const batch = pack(context.layout, samples)
  await scorer.grow(batch, (missing) => rows.find(data, missing))
  const scores = await scorer.score(batch)
  scorer.dispose()
  return { ids, samples, scores }
}

interface Asked extends Pick<Wish, 'input' | 'seed' | 'spawn'> {
  readonly trigger: Trigger
  readonly candidates: SetRows | undefined
}

async function perform(
  someone: Someone,
  row: DeliveredRow,
  asked: Asked,
): Promise<Ran & { carryOut(): Promise<void> }> {
  const { trigger, input, seed, candidates, spawn = spawnTrainer } = asked
  const { manifest } = row
  const {
    job: gathered,
    lessons,
    prepared,
  } = await gather({ ...someone, platform: { clock: someone.clock } }, someone.data, row, {
    trigger: { ...trigger, ...(input !== undefined && { input: input as never }) },
    seed,
    ...(candidates && { candidates }),
  })
  // Nobody's machine is to be spared here.
  const job = { ...gathered, duty: 1 }
  const { trainer, died, spent } = spawn()
  const { ms: budget } = manifest.budget
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    const over = new AppError('cancelled', `${row.name} took more than ${budget} ms, and had to be ended.`)
    spent.begun.then(() => {
      timer = setTimeout(() => reject(over), budget + GRACE_MS)
    })
  })
  try {
    const told = await Promise.race([trainer.run(job), late, died])
    const given = {
      matched: new Set(lessons.matched.map(({ id }) => id)),
      filtered: new Set(lessons.filtered.map(({ id }) => id)),
      candidates: candidates?.ids.length ?? 0,
    }
    const effects = checkEffects(manifest, given, told.effects)
    const { engine, memory } = told
    const ran = { manifest, trigger, job, effects, ms: await spent.ms, engine, memory }
    return { ...ran, carryOut: () => carryOut(someone, row, effects, prepared) }
  } finally {
    clearTimeout(timer)
    trainer.terminate()
  }
}

/** As a device does it when a run has ended well. */
async function carryOut(
  { models, samples, data }: Someone,
  { name: task, version }: DeliveredRow,
  effects: Effects,
  prepared: Prepared,
): Promise<void> {
  await samples.settle(effects, data.manifest.hyper)
  for (const [ref, weights] of Object.entries(effects.models)) {
    const own = ref !== RANKING
    const bytes = own ? writeSafetensors(weights) : prepared.ranking(weights)!
    const of = own ? { name: ownName(task, ref), version } : data.manifest
    await models.receive({ name: of.name, version: of.version, sha256: await sha256(bytes), bytes })
  }
}
