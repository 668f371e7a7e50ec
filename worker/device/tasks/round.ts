/**
 * One round on the device: the delivered tasks that are due, one after the other; first those that matched samples are for, then those
 * that learn from what is left of them.
 */
import { AppError, type Failure, toFailure } from '../../../shared/failure.ts'
import type { Round, Status } from '../../../shared/protocol.ts'
import type { Sample } from '../../../shared/sample.ts'
import { policyOf } from '../../../shared/tasks/hyper.ts'
import { RANKING, type TaskManifest, type Trigger } from '../../../shared/tasks/manifest.ts'
import type { RunOutcome } from '../../../shared/tasks/report.ts'
import type { Platform } from '../../platform.ts'
import type { Active } from '../delivery/active.ts'
import { differencesOf } from '../samples/differences.ts'
import type { Samples } from '../samples/samples.ts'
import { getState } from '../storage/state.ts'
import type { DeliveredRow } from '../storage/tables.ts'
import { type Chance, dueForBatch, dueForMore, tasksFor } from './due.ts'
import { described, emptyRound, writeJournal } from './journal.ts'
import { type Performed, performTask, type RunDeps } from './run-task.ts'
import { relapsed } from './trial.ts'

/** A round that takes longer is given up: on the slowest engine it computes for a minute, and rests twice as long. */
const MAX_ROUND_MS = 15 * 60_000

export interface RoundDeps extends RunDeps {
  readonly platform: RunDeps['platform'] & Pick<Platform, 'seed'>
}

/** The user's samples as a round begins: only between rounds do they become others. */
type Own = Awaited<ReturnType<Samples['local']>>

/** As long as something holds, and it matters. */
export interface While {
  readonly signal: AbortSignal
  end(): void
}

export interface RoundOptions extends Omit<Chance, 'within'> {
  /** The share of one core's time that it may take. */
  readonly duty: number
  readonly signal: AbortSignal
  /** Aborts once something stands in the way of a task with such a policy; it may have done so already. */
  readonly whileFree: (policy: TaskManifest['eligibility']) => While
  /** Aborts once the task is active no more. */
  readonly whileThere: (row: DeliveredRow) => While
  readonly onPhase: (phase: Status['run']) => void
  /** Hears of each task that was begun, and how it ended. */
  readonly onRun?: (row: DeliveredRow, outcome: RunOutcome) => void
}

/** Whether a round would do anything, by the triggers of the tasks that are here. */
export async function isDue(
  deps: RoundDeps,
  data: Active,
  options: Omit<Chance, 'asked' | 'within'>,
): Promise<boolean> {
  const chance = { ...options, asked: false, within: false }
  for (const row of await tasksFor(deps.db, data)) {
    if (await dueForBatch(deps, data, row, chance)) return true
    if (await dueForMore(deps, data, row, chance)) return true
  }
  return false
}

/**
 * Runs one round and writes it into the journal. It never throws for what happens inside: a crash, a damaged model, a script that
 * does what it may not, or a cancelled training end in the outcome `failed`, with M as it was and every sample that was not used
 * still there; one task's failure is not another's.
 *
 * What a task does is one transaction. That of one that changes M, and of the round's last one, also tells the journal. While a task
 * trains, Mbuf holds how far it has come.
 */
export async function runRound(deps: RoundDeps, data: Active, options: RoundOptions): Promise<Round> {
  const { db, models, samples, rows, platform } = deps
  const { signal, onPhase } = options
  const started = performance.now()
  const { name, hyper } = data.manifest
  const overdue = new AbortController()
  const cancelTimer = platform.after(MAX_ROUND_MS, () =>
    overdue.abort(new AppError('worker', 'The round took too long and was given up.')),
  )
  const stop = AbortSignal.any([signal, overdue.signal])
  const seed = platform.seed()
  const came = await getState(db, 'pulled')
  let round = emptyRound(platform.clock.now(), hyper.sigma, came)
  const ran: NonNullable<Round['tasks']> = []
  let changed = false
  let trained = false
  let failure: Failure | undefined
  let entry: number | undefined
  let untold = true

  /** For use in a transaction. */
  async function tell(): Promise<void> {
    round.ms = performance.now() - started
    round.outcome = failure ? 'failed' : changed ? 'committed' : trained ? 'kept' : 'filtered'
    if (failure) round.failure = failure
    if (ran.length > 0) round.tasks = [...ran]
    entry = await writeJournal(db, round, entry)
    untold = false
  }

  /** M0 in the place of M, if M does worse by now. */
  async function tryM({ validation }: Own): Promise<void> {
    const [m, m0] = await db.models.bulkGet([
      [name, 'M'],
      [name, 'M0'],
    ])
    if (m && m.sha256 === m0?.sha256) return
    const present = await models.base(name)
    const verdict = await relapsed({ models, rows }, data, present, validation)
    if (!verdict) return
    await models.rollback(name)
    round.fellBack = { m: verdict.m.auc, m0: verdict.m0.auc }
  }

  /** How the user's own samples differ from borrowed ones. */
  function compare({ validation, training }: Own, borrowed: readonly Sample[]): void {
    const differences = differencesOf(data, [...training, ...validation], borrowed)
    if (differences.length > 0) round.differences = differences
  }

  async function run(row: DeliveredRow, trigger: Trigger, own: Own, isLast: boolean): Promise<void> {
    const { manifest, version } = row
    const free = options.asked ? undefined : options.whileFree(manifest.eligibility)
    if (free?.signal.aborted) return free.end()
    const there = options.whileThere(row)
    const filters = trigger.on === 'batch'
    const phase = filters ? 'filtering' : 'training'
    const writes = manifest.models.writes.includes(RANKING)
    if (filters) {
      round.sigma = policyOf(hyper, manifest.hyper).sigma
      compare(own, await samples.waiting())
    }
    onPhase({ phase, fraction: 0 })
    const ended = await performTask(deps, data, row, {
      trigger,
      seed,
      duty: options.duty,
      signal: AbortSignal.any([stop, there.signal, ...(free ? [free.signal] : [])]),
      onProgress: (fraction) => onPhase({ phase, fraction }),
      ...(filters && came && { bytes: came.bytes }),
    })
    free?.end()
    there.end()
    const { ms, outcome } = ended
    const told = { name: row.name, version, ms, outcome }
    if ('carryOut' in ended) {
      const before = round
      round = described(round, ended)
      if (ended.writes.has(name)) changed = true
      if (isTrained(ended)) trained = true
      ran.push(told)
      if (manifest.models.writes.length > 0) onPhase({ phase: 'committing' })
      const tells = isLast || (writes && ended.writes.has(name))
      untold = true
      try {
        await ended.carryOut(async () => tells && (await tell()))
        return options.onRun?.(row, outcome)
      } catch (error) {
        round = before
        if (ended.writes.has(name)) changed = false
        ran.pop()
        return fail(row, told, toFailure(error))
      }
    }
    fail(row, told, ended.failure)
  }

  function fail(
    row: DeliveredRow,
    told: Omit<(typeof ran)[number], 'failure'>,
    { code, message }: Failure,
  ): void {
    const named = message.includes(row.name) ? message : `${row.name}: ${message}`
    const here = { code, message: named }
    ran.push({ ...told, outcome: told.outcome === 'done' ? 'failed' : told.outcome, failure: here })
    failure ??= here
    untold = true
    options.onRun?.(row, told.outcome === 'done' ? 'failed' : told.outcome)
  }

  try {
    const tasks = await tasksFor(db, data)
    const own = await samples.local(hyper)
    if (tasks.some(({ manifest }) => manifest.models.writes.includes(RANKING))) await tryM(own)
    round.local = { training: own.training.length, validation: own.validation.length }
    const { exhausted, asked, visiting, resting } = options
    const chance = { exhausted, asked, visiting, resting }
    const begun = new Set<DeliveredRow>()
    for (const row of tasks) {
      stop.throwIfAborted()
      const trigger = await dueForBatch(deps, data, row, { ...chance, within: asked })
      if (!trigger) continue
      begun.add(row)
      await run(row, trigger, own, false)
    }
    const within = asked || begun.size > 0
    const others = tasks.filter(
      (row) => !begun.has(row) && row.manifest.triggers.some(({ on }) => LATER.has(on)),
    )
    for (const row of others) {
      stop.throwIfAborted()
      const trigger = await dueForMore(deps, data, row, { ...chance, within })
      if (trigger) await run(row, trigger, own, row === others.at(-1))
    }
  } catch (error) {
    failure ??= toFailure(stop.aborted ? stop.reason : error)
    untold = true
  } finally {
    cancelTimer()
  }
  if (untold) await db.transaction('rw', db.tables, tell)
  return round
}

const LATER: ReadonlySet<Trigger['on']> = new Set(['samples', 'batches-done', 'day', 'visit'])

/** Whether it says that it has trained; that M stays then means that nothing better came of it. */
const isTrained = ({ effects: { result } }: Performed): boolean =>
  typeof result === 'object' && result !== null && (result as { trained?: unknown }).trained === true
