/** One round on the device: train the classifier, filter, train the ranking model, commit or discard. */
import { AppError, toFailure } from '../../shared/failure.ts'
import type { Round, Status } from '../../shared/protocol.ts'
import type { Platform } from '../platform.ts'
import type { Trainer } from '../trainer/job.ts'
import type { Active } from './active.ts'
import { type Db, getState, type LocalRow, type MatchedRow, putState, type StateValue } from './db.ts'
import { withKnownEngine } from './engine-choice.ts'
import { createJobs, type Jobs } from './jobs.ts'
import type { Models } from './models.ts'
import type { Rows } from './rows.ts'
import type { Samples } from './samples.ts'

/** Rounds that are remembered. */
const MAX_JOURNAL = 100
/** A round that takes longer is given up: on the slowest engine it takes a minute. */
const MAX_ROUND_MS = 5 * 60_000

export interface RoundDeps {
  readonly db: Db
  readonly models: Models
  readonly samples: Samples
  readonly rows: Rows
  readonly platform: Platform
}

/** What training would have to go by now. */
interface Augmented {
  readonly validation: LocalRow[]
  readonly training: LocalRow[]
  readonly filtered: MatchedRow[]
}

async function augmented(samples: Samples, { manifest: { hyper } }: Active): Promise<Augmented> {
  return { ...(await samples.local(hyper)), filtered: await samples.filtered() }
}

/** Whether there is something to learn from and both classes to judge it by. */
const trainable = ({ validation, training, filtered }: Augmented): boolean =>
  training.length + filtered.length > 0 && new Set(validation.map(({ label }) => label)).size === 2

/** Enough to train on, or all that will come today. */
const enough = ({ training, filtered }: Augmented, { manifest }: Active, exhausted: boolean): boolean =>
  exhausted || training.length + filtered.length >= manifest.hyper.trainAt

/** Whether a round would do anything: matched samples wait to be filtered, or filtered ones to be used. */
export async function isDue(samples: Samples, task: Active, exhausted: boolean): Promise<boolean> {
  const { matched, filtered } = await samples.count()
  if (matched - filtered >= 2) return true
  const now = await augmented(samples, task)
  return filtered > 0 && trainable(now) && enough(now, task, exhausted)
}

/**
 * Runs one round and writes it into the journal. It never throws for what happens inside: a crash, a damaged model or a
 * cancelled training end in the outcome `failed`, with M as it was and every sample that was not used still there.
 */
export async function runRound(
  { db, models, samples, rows, platform }: RoundDeps,
  task: Active,
  {
    exhausted,
    signal,
    onPhase,
  }: { exhausted: boolean; signal: AbortSignal; onPhase: (phase: Status['run']) => void },
): Promise<Round> {
  const started = performance.now()
  const { name, hyper } = task.manifest
  const overdue = new AbortController()
  const cancelTimer = platform.after(MAX_ROUND_MS, () =>
    overdue.abort(new AppError('worker', 'The round took too long and was given up.')),
  )
  const stop = AbortSignal.any([signal, overdue.signal])
  const seed = platform.seed()
  const came = await getState(db, 'pulled')
  const round: Round = emptyRound(platform.clock.now(), hyper.sigma, came)
  let trainer: Trainer | undefined

  /** Lets the trainer work; a stop ends its whole thread. */
  async function work<T>(
    phase: 'filtering' | 'training',
    run: (trainer: Trainer, watch: object) => Promise<T>,
  ) {
    stop.throwIfAborted()
    trainer ??= withKnownEngine(platform.spawnTrainer(), { db, platform }, task)
    const mine = trainer
    const end = () => mine.terminate()
    stop.addEventListener('abort', end)
    onPhase({ phase, fraction: 0 })
    try {
      return await run(mine, { onProgress: (fraction: number) => onPhase({ phase, fraction }) })
    } catch (error) {
      throw stop.aborted ? stop.reason : error
    } finally {
      stop.removeEventListener('abort', end)
    }
  }
  async function filterMatched(jobs: Jobs): Promise<void> {
    const { validation, training } = await samples.local(hyper)
    const local = [...training, ...validation]
    const { classifying, candidates } = await samples.split(hyper, seed)
    if (local.length === 0 || classifying.length === 0) return
    const job = await jobs.filter({ local, outside: classifying, candidates })
    const { engine, scores } = await work('filtering', (trainer, watch) => trainer.filter(job, watch))
    round.engine = engine
    round.classifying = classifying.length
    round.scored = candidates.length
    round.scores = [...scores]
    round.kept = await samples.score(candidates, scores, hyper)
  }

  async function trainRanking(jobs: Jobs, base: string): Promise<void> {
    const now = await augmented(samples, task)
    const { validation, training, filtered } = now
    round.local = { training: training.length, validation: validation.length }
    if (!trainable(now) || !enough(now, task, exhausted)) return
    const job = await jobs.personalise({ training: [...training, ...filtered], validation })
    const result = await work('training', (trainer, watch) => trainer.personalise(job, watch))
    const { engine, losses, steps, stepsKept, before, after } = result
    Object.assign(round, { engine, losses, steps, stepsKept, before, after })
    onPhase({ phase: 'committing' })
    const model = await jobs.trained(result)
    if (model) {
      await models.buffer(name, base, model)
      await models.commit(name)
    }
    round.outcome = model ? 'committed' : 'kept'
    await samples.used(filtered)
  }

  try {
    const base = await models.base(name)
    const jobs = createJobs(task, base, seed, rows)
    await filterMatched(jobs)
    await trainRanking(jobs, base.row.sha256)
    await countedFor(db)
  } catch (error) {
    round.outcome = 'failed'
    round.failure = toFailure(error)
  } finally {
    cancelTimer()
    trainer?.terminate()
  }
  round.ms = performance.now() - started
  await writeJournal(db, round)
  return round
}

const emptyRound = (at: number, sigma: number, came: StateValue<'pulled'> | undefined): Round => ({
  at,
  outcome: 'filtered',
  engine: 'none',
  ms: 0,
  bytes: came?.bytes ?? 0,
  matched: came?.samples ?? 0,
  classifying: 0,
  scored: 0,
  kept: 0,
  scores: [],
  sigma,
  local: { training: 0, validation: 0 },
  steps: 0,
  stepsKept: 0,
  losses: [],
  before: null,
  after: null,
})

/** What came in has been counted by a round; a failed one leaves it to the next. */
async function countedFor(db: Db): Promise<void> {
  await db.transaction('rw', db.state, async () => {
    const pulled = await getState(db, 'pulled')
    if (pulled) await putState(db, 'pulled', { ...pulled, bytes: 0, samples: 0 })
  })
}

async function writeJournal(db: Db, round: Round): Promise<void> {
  await db.transaction('rw', db.journal, async () => {
    await db.journal.add({ ...round })
    const kept = await db.journal.orderBy('n').reverse().limit(MAX_JOURNAL).primaryKeys()
    await db.journal
      .where('n')
      .below(kept.at(-1) ?? 0)
      .delete()
  })
}
