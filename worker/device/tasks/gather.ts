/**
 * What a run of a task is given: the samples and models that its manifest declares, and what an earlier run that was cut off has
 * kept, as one job for a trainer.
 */
import { AppError } from '../../../shared/failure.ts'
import { sha256 } from '../../../shared/hash.ts'
import type { TaskContext } from '../../../shared/tasks/context.ts'
import { mergedHyper } from '../../../shared/tasks/hyper.ts'
import { DATA, RANKING } from '../../../shared/tasks/manifest.ts'
import type { Platform } from '../../platform.ts'
import type { Job } from '../../trainer/job.ts'
import type { Active } from '../delivery/active.ts'
import { type Models, ownName } from '../models/models.ts'
import type { Rows } from '../models/rows.ts'
import type { Samples } from '../samples/samples.ts'
import type { Db, DeliveredRow, LocalRow } from '../storage/tables.ts'
import { type Continued, continued, nameOf } from './checkpoints.ts'
import { type Given, type Prepared, prepareJob, type SetRows, type Sets } from './jobs.ts'
import { type Lessons, lessonsOf } from './lessons.ts'

export interface GatherDeps {
  readonly db: Db
  readonly models: Models
  readonly samples: Samples
  readonly rows: Pick<Rows, 'find'>
  readonly platform: Pick<Platform, 'clock'>
}

export interface GatherWish {
  readonly trigger: TaskContext['trigger']
  readonly seed: number
  /** What a call asks to be ranked, for a task that declares it. */
  readonly candidates?: SetRows
}

export interface Gathered {
  readonly job: Job<'run'>
  readonly lessons: Lessons
  readonly prepared: Prepared
  /** Names the run (`checkpoints.ts`), which was begun at `since`. */
  readonly of: string
  readonly since: number
  /** By the stored names of the models that it writes: the SHA-256 of each as it was given, undefined where there was none. */
  readonly bases: ReadonlyMap<string, string | undefined>
}

/** Throws `bad-artifact` for a script that is damaged here, and what `models.base` throws. */
export async function gather(
  deps: GatherDeps,
  data: Active,
  row: DeliveredRow,
  { trigger, seed, candidates }: GatherWish,
): Promise<Gathered> {
  const { db, models, samples, rows, platform } = deps
  const { manifest, script } = row
  if ((await sha256(script)) !== manifest.script.sha256)
    throw new AppError('bad-artifact', `The script of ${row.name} is damaged on this device.`)
  const lessons = await lessonsOf(samples, data.manifest.hyper, manifest)
  await receiveOwn(models, db, row)
  const { hashes, ...sources } = await modelsFor(deps, data, row)
  const now = platform.clock.now()
  const of = await nameOf(data, row, hashes, lessons, now)
  const writes = manifest.models.writes.map((ref) => [ref, storedName(ref, row, data)] as const)
  const stored = writes.map(([, name]) => name)
  const before = await continued(models, stored, of)
  const kept = writes.flatMap(([ref, name]) => {
    const found = before?.kept.get(name)
    return found ? [[ref, { weights: found.bytes, state: found.state }]] : []
  })
  const prepared = await prepareJob(
    data,
    { ...sources, sets: setsOf(lessons, row, candidates), kept: Object.fromEntries(kept) },
    rows,
  )
  const job: Job<'run'> = {
    task: manifest,
    script: { sha256: manifest.script.sha256, bytes: script },
    hyper: mergedHyper(data.manifest.hyper, manifest.hyper),
    widths: { ranking: data.manifest.ranking, classifier: data.manifest.classifier },
    trigger,
    seed: before?.training.seed ?? seed,
    now,
    duty: manifest.budget.duty,
    ...prepared.given,
  }
  const bases = new Map(writes.map(([ref, name]) => [name, hashes[ref]]))
  return { job, lessons, prepared, of, since: before?.training.since ?? now, bases }
}

/** By which name a model of a manifest is stored. */
export const storedName = (ref: string, { name }: DeliveredRow, { manifest }: Active): string => {
  if (ref === RANKING) return manifest.name
  return ref.includes('/') ? ref : ownName(name, ref)
}

/** The run of this task that was cut off, if it is the one that would begin now. */
export async function leftOff(
  deps: GatherDeps,
  data: Active,
  row: DeliveredRow,
): Promise<Continued | undefined> {
  const writes = row.manifest.models.writes.map((ref) => storedName(ref, row, data))
  const buffered = await Promise.all(writes.map((name) => deps.db.models.get([name, 'Mbuf'])))
  if (!buffered.some((found) => found?.training?.checkpoint)) return undefined
  const lessons = await lessonsOf(deps.samples, data.manifest.hyper, row.manifest)
  return continued(deps.models, writes, await runName(deps, data, row, lessons))
}

/** The names of the models that a manifest declares, always in the same order. */
const declared = ({ manifest: { models } }: DeliveredRow): string[] =>
  [...new Set([...models.reads, ...models.writes])].sort()

async function runName({ db, platform }: GatherDeps, data: Active, row: DeliveredRow, lessons: Lessons) {
  const hashes = await Promise.all(
    declared(row).map(async (ref) => [ref, (await db.models.get([storedName(ref, row, data), 'M']))?.sha256]),
  )
  return nameOf(data, row, Object.fromEntries(hashes), lessons, platform.clock.now())
}

/** A task's own model, as it was delivered with this version, takes the place of what an earlier one had. */
async function receiveOwn(models: Models, db: Db, row: DeliveredRow): Promise<void> {
  const { models: named, model } = row.manifest
  if (!named.initial || !model || !row.model || named.initial.includes('/')) return
  const name = ownName(row.name, named.initial)
  if ((await db.models.get([name, 'M0']))?.sha256 === model.sha256) return
  await models.receive({ name, version: row.version, sha256: model.sha256, bytes: row.model })
}

/** The models that a manifest declares, as they are stored, and the SHA-256 of each. */
async function modelsFor({ db, models }: GatherDeps, data: Active, row: DeliveredRow) {
  const refs = declared(row)
  const hashes: Record<string, string | undefined> = {}
  const others: Record<string, Given[string]> = {}
  for (const ref of refs) {
    if (ref === RANKING) continue
    const [owner, own] = ref.includes('/') ? ref.split('/') : [row.name, ref]
    if (owner === DATA) continue
    const name = storedName(ref, row, data)
    const now = await unlessNone(models.base(name))
    hashes[ref] = now?.row.sha256 ?? (await db.models.get([name, 'M']))?.sha256
    const backup = owner === row.name ? await models.backup(name) : undefined
    const theirs = now ? undefined : await db.delivered.get(owner!)
    const bytes = now?.bytes ?? (theirs?.manifest.models.initial === own ? theirs?.model : undefined)
    others[ref] = { ...(bytes && { now: bytes }), ...(backup && { initial: backup.bytes }) }
  }
  if (!refs.includes(RANKING)) return { others, hashes }
  const { name } = data.manifest
  const now = await models.base(name)
  hashes[RANKING] = now.row.sha256
  return { others, hashes, ranking: { now, initial: await models.backup(name) } }
}

/** Another task's model may not be there, or be damaged beyond repair: then there is none. */
const unlessNone = <T>(found: Promise<T>): Promise<T | undefined> =>
  found.catch((error) => {
    if (error instanceof AppError && ['not-ready', 'bad-artifact'].includes(error.code)) return undefined
    throw error
  })

function setsOf(
  { training, validation, matched, filtered }: Lessons,
  { manifest: { samples: sets } }: DeliveredRow,
  candidates: SetRows | undefined,
): Sets {
  const own = (rows: readonly LocalRow[]): SetRows => ({
    ids: rows.map(({ exposure }) => exposure),
    samples: rows,
  })
  const scoreOf = (row: Lessons['filtered'][number]) =>
    row.state === 'filtered' && row.score !== null ? row.score : Number.NaN
  const all: Required<Sets> = {
    'local-training': own(training),
    'local-validation': own(validation),
    matched: { ids: matched.map(({ id }) => id), samples: matched },
    filtered: {
      ids: filtered.map(({ id }) => id),
      samples: filtered,
      scores: Float32Array.from(filtered, scoreOf),
    },
    candidates: candidates ?? { ids: [], samples: [] },
  }
  return Object.fromEntries(sets.map((set) => [set, all[set]]))
}
