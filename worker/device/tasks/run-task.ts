/**
 * A run of a delivered task: what its manifest declares is gathered into a job, a trainer of its own runs the script over it, and what
 * comes back is checked once more and carried out in one transaction. Of what the script does nothing is known here.
 */
import { AppError, type Failure, toFailure } from '../../../shared/failure.ts'
import type { Sample } from '../../../shared/sample.ts'
import { checkEffects, checkKept } from '../../../shared/tasks/effects.ts'
import { policyOf } from '../../../shared/tasks/hyper.ts'
import { RANKING } from '../../../shared/tasks/manifest.ts'
import type { RunOutcome } from '../../../shared/tasks/report.ts'
import type { Effects } from '../../../shared/tasks/run.ts'
import type { Platform } from '../../platform.ts'
import type { Kept, Result } from '../../trainer/job.ts'
import type { Active } from '../delivery/active.ts'
import { vectorOf } from '../models/personal.ts'
import type { DeliveredRow } from '../storage/tables.ts'
import { noteReports, noteRun } from '../tunnel/reports.ts'
import { createKeeper, mayGoOn } from './checkpoints.ts'
import { withKnownEngine } from './engine-choice.ts'
import { type GatherDeps, type GatherWish, gather, storedName } from './gather.ts'
import { type Lessons, newestOwn } from './lessons.ts'
import { noteRan } from './ran.ts'

export interface RunDeps extends GatherDeps {
  readonly platform: Pick<Platform, 'clock' | 'after' | 'agent' | 'spawnTrainer'>
}

export interface RunWish extends GatherWish {
  /** Share of the time that it may compute. */
  readonly duty: number
  readonly signal: AbortSignal
  /** Bytes that were downloaded for it. */
  readonly bytes?: number
  readonly onProgress?: (fraction: number) => void
}

/** A run that is over. */
export interface Ended {
  readonly ms: number
  readonly outcome: RunOutcome
  readonly failure?: Failure
}

/** One that ended well, before anything of it is carried out. */
export interface Performed extends Ended {
  readonly outcome: 'done'
  readonly told: Pick<Result<'run'>, 'engine' | 'memory'>
  readonly effects: Effects
  readonly lessons: Lessons
  /** Own samples that are folded into the personal vector; 0 where they are not. */
  readonly folded: number
  /** By the stored names: the models that will be others. */
  readonly writes: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
  /** Carries it all out, with `also` in the same transaction; throws what the storage throws, and then nothing has happened. */
  carryOut(also: () => Promise<unknown>): Promise<void>
}

/** Beyond twice its budget a run is given up from outside: within, its realm sees to it, and leaves out the user's pauses. */
const GRACE_MS = 30_000

/**
 * Runs it. What goes wrong, in whatever way, is told and not thrown: `failed` is noted already, with `also`, and nothing else has
 * happened. What goes well is for the caller to carry out.
 */
export async function performTask(
  deps: RunDeps,
  data: Active,
  row: DeliveredRow,
  wish: RunWish,
): Promise<Performed | (Ended & { readonly failure: Failure })> {
  const { db, models, platform } = deps
  const { manifest } = row
  const { trigger, signal } = wish
  const began = performance.now()
  const ms = () => performance.now() - began
  const late = new AbortController()
  const cancelTimer = platform.after(2 * manifest.budget.ms + GRACE_MS, () =>
    late.abort(new AppError('worker', `${row.name} took too long and was given up.`)),
  )
  const stop = AbortSignal.any([signal, late.signal])
  const writes = manifest.models.writes.map((ref) => [ref, storedName(ref, row, data)] as const)
  const trainer = withKnownEngine(platform.spawnTrainer(), { db, platform }, data)
  const end = () => trainer.terminate()
  stop.addEventListener('abort', end)
  let ended = async () => {}

  async function work(): Promise<Performed> {
    stop.throwIfAborted()
    const { job, lessons, prepared, of, since, bases } = await gather(deps, data, row, wish)
    const buffer = (
      name: string,
      bytes: Uint8Array<ArrayBuffer>,
      checkpoint: { state: unknown } | null,
      ended: boolean,
    ) =>
      models.buffer(
        name,
        bases.get(name),
        bytes,
        { since, seed: job.seed, of, ended, checkpoint },
        name === data.manifest.name ? undefined : row.version,
      )
    const heard = new Map<string, Kept>()
    const keeper = createKeeper(async ({ name, weights, state }) => {
      const whole = weights ? prepared.whole(name, weights) : new Uint8Array()
      await buffer(storedName(name, row, data), whole, { state }, false)
    })
    ended = keeper.end
    const {
      effects: told,
      engine,
      memory,
    } = await trainer.run(
      { ...job, duty: Math.min(wish.duty, manifest.budget.duty) },
      {
        onProgress: wish.onProgress,
        onCheckpoint(news) {
          const checkpoint = checkKept(manifest, news)
          if (!checkpoint) return
          heard.set(checkpoint.name, checkpoint)
          keeper.keep(checkpoint)
        },
      },
    )
    stop.throwIfAborted()
    await keeper.end()
    const effects = checkEffects(
      manifest,
      {
        matched: new Set(lessons.matched.map(({ id }) => id)),
        filtered: new Set(lessons.filtered.map(({ id }) => id)),
        candidates: wish.candidates?.ids.length ?? 0,
      },
      told,
    )
    const own = effects.folds.length > 0 && data.factors ? await ownSamples(deps, data) : []
    const personal = own.length > 0 ? vectorOf(data.factors!, own) : undefined
    const made = writes.flatMap(([ref, name]) => {
      const weights = effects.models[ref]
      const bytes =
        ref === RANKING
          ? weights || personal
            ? prepared.ranking(weights, personal)
            : null
          : weights && prepared.whole(ref, told.models[ref]!)
      return bytes ? [[name, bytes] as const] : []
    })
    const finished = new Map(made)
    return {
      ms: ms(),
      outcome: 'done',
      told: { engine, ...(memory !== undefined && { memory }) },
      effects,
      lessons,
      folded: own.length,
      writes: finished,
      async carryOut(also) {
        for (const [ref, name] of writes) {
          const bytes = finished.get(name)
          const last = heard.get(ref)
          // Should it be cut off right now, it goes on from here: if this is what its last checkpoint was.
          const same = last?.weights && told.models[ref] && isSame(last.weights, told.models[ref])
          if (bytes) await buffer(name, bytes, same ? { state: last.state } : null, true)
        }
        const others = writes.flatMap(([, name]) => (finished.has(name) ? [] : [name]))
        const rest = async () => {
          const here = await db.delivered.get(row.name)
          if (here?.manifestSha256 !== row.manifestSha256) throw takenBack(row)
          if (others.length > 0) await models.discard(others)
          await deps.samples.settle(effects, data.manifest.hyper)
          await noteRan(db, data, row, platform.clock.now(), leftBy(lessons, effects, data, row))
          await noteReports(db, row.name, row.version, effects.reports, platform.clock.now())
          await note({ ms: ms(), outcome: 'done' }, engine)
          await also()
        }
        if (finished.size > 0) await models.commit([...finished.keys()], rest)
        else await db.transaction('rw', db.tables, rest)
      },
    }
  }

  const note = ({ outcome, failure }: Ended, engine?: Result<'run'>['engine']) =>
    noteRun(db, {
      task: row.name,
      version: row.version,
      trigger: trigger.on,
      outcome,
      ms: ms(),
      at: platform.clock.now(),
      ...(failure && { failure: failure.code }),
      ...(engine && { engine }),
      ...(wish.bytes !== undefined && { bytes: wish.bytes }),
    })

  try {
    return await work()
  } catch (error) {
    const failure = toFailure(stop.aborted ? stop.reason : error)
    const outcome = outcomeOf(failure, signal.aborted, late.signal.aborted)
    // Nothing may be written any more of what goes on in vain.
    await ended()
    await db.transaction('rw', db.tables, async () => {
      if (!mayGoOn(failure.code)) await models.discard(writes.map(([, name]) => name))
      await noteRan(db, data, row, platform.clock.now())
      await note({ ms: ms(), outcome, failure })
    })
    return { ms: ms(), outcome, failure }
  } finally {
    cancelTimer()
    stop.removeEventListener('abort', end)
    trainer.terminate()
  }
}

/** The task is active no more: nothing of it may take effect. */
export const takenBack = ({ name, version }: DeliveredRow): AppError =>
  new AppError('cancelled', `${name} v${version} was taken back.`)

function outcomeOf({ code }: Failure, stopped: boolean, late: boolean): RunOutcome {
  if (stopped) return 'stopped'
  // Its realm ends a run whose time is up, and nobody else has stopped it.
  if (late || code === 'cancelled') return 'late'
  return code === 'refused' ? 'refused' : 'failed'
}

async function ownSamples({ samples }: RunDeps, { manifest }: Active): Promise<readonly Sample[]> {
  const { training, validation } = await samples.local(manifest.hyper)
  return [...training, ...validation]
}

/** What a run that ended well leaves behind. */
function leftBy(lessons: Lessons, { scores, used }: Effects, data: Active, row: DeliveredRow) {
  const gone = new Set([...used, ...scores.filter(({ keep }) => !keep).map(({ id }) => id)])
  const left = [...lessons.matched, ...lessons.filtered].map(({ id }) => id)
  const hyper = policyOf(data.manifest.hyper, row.manifest.hyper)
  return { exposure: newestOwn(lessons, hyper), left: left.filter((id) => !gone.has(id)) }
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && !differs(one, other)

/** A loop: `every` would call a function for each byte of a model. */
function differs(one: Uint8Array, other: Uint8Array): boolean {
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return true
  return false
}
