/** One round on the device: train the classifier, filter, train the ranking model, commit or discard. */
import { AppError, toFailure } from '../../shared/failure.ts'
import type { Round, Status } from '../../shared/protocol.ts'
import type { Sample } from '../../shared/sample.ts'
import type { Platform } from '../platform.ts'
import type { Checkpoint, Trainer, Watch } from '../trainer/job.ts'
import type { Active } from './active.ts'
import { type Continued, continued, createKeeper, type Keeper, mayGoOn, nameOf } from './checkpoints.ts'
import { type Db, getState, type LocalRow, type Training } from './db.ts'
import { differencesOf } from './differences.ts'
import { withKnownEngine } from './engine-choice.ts'
import { createJobs, type Jobs } from './jobs.ts'
import { emptyRound, writeJournal } from './journal.ts'
import { enough, isNews, type Lessons, lessonsOf, noteLearnt, teaches, trainable } from './lessons.ts'
import { weightOf } from './lifecycle.ts'
import type { Models, Stored } from './models.ts'
import { vectorOf } from './personal.ts'
import type { Rows } from './rows.ts'
import type { Samples } from './samples.ts'
import { relapsed } from './trial.ts'

/** A round that takes longer is given up: on the slowest engine it computes for a minute, and rests twice as long. */
const MAX_ROUND_MS = 15 * 60_000

export interface RoundDeps {
  readonly db: Db
  readonly models: Models
  readonly samples: Samples
  readonly rows: Rows
  readonly platform: Platform
}

export interface RoundOptions {
  /** Nothing more will come today: whatever there is has to do. */
  readonly exhausted: boolean
  readonly signal: AbortSignal
  readonly onPhase: (phase: Status['run']) => void
}

/** The training of these lessons that was cut off, if there is one to go on with. */
async function leftOff({ models, platform }: RoundDeps, task: Active, base: Stored, lessons: Lessons) {
  const of = await nameOf(task, base, lessons, platform.clock.now())
  return { of, before: await continued(models, task.manifest.name, of) }
}

/** Matched samples that are filtered at one time: two where one of them trains the classifier. */
const FILTERABLE = { classifier: 2, odds: 2, none: 1 } as const

/**
 * Whether a round would do anything: matched samples wait to be filtered, or filtered ones to be used; or, where none are
 * pulled, there are own samples to learn from that are new; or a training was cut off that can go on.
 */
export async function isDue(deps: RoundDeps, task: Active, exhausted: boolean): Promise<boolean> {
  const { db, models, samples, platform } = deps
  const { name, hyper } = task.manifest
  const { matched, filtered } = await samples.count()
  const borrows = teaches(hyper)
  if (borrows && matched - filtered >= FILTERABLE[hyper.filter]) return true
  const lessons = await lessonsOf(samples, task)
  const trains = trainable(lessons, hyper)
  if (borrows && trains && filtered > 0 && enough(lessons, hyper, exhausted)) return true
  const learns = trains || (hyper.ranking.personal && task.factors !== undefined)
  if (!borrows && learns && (await isNews(db, task, lessons, platform.clock.now()))) return true
  if (!trains || !(await models.buffered(name))) return false
  const { before } = await leftOff(deps, task, await models.base(name), lessons)
  return before !== undefined
}

/**
 * Runs one round and writes it into the journal. It never throws for what happens inside: a crash, a damaged model or a
 * cancelled training end in the outcome `failed`, with M as it was and every sample that was not used still there.
 *
 * What a round does is stored in two steps, each one transaction: what the filter keeps and lets go; and the end of the
 * round, where M changes or not, Mbuf and the samples used go, and the journal tells of it. In between, Mbuf holds how far
 * the training has come.
 */
export async function runRound(deps: RoundDeps, task: Active, options: RoundOptions): Promise<Round> {
  const { db, models, samples, rows, platform } = deps
  const { exhausted, signal, onPhase } = options
  const started = performance.now()
  const since = platform.clock.now()
  const { name, hyper } = task.manifest
  const overdue = new AbortController()
  const cancelTimer = platform.after(MAX_ROUND_MS, () =>
    overdue.abort(new AppError('worker', 'The round took too long and was given up.')),
  )
  const stop = AbortSignal.any([signal, overdue.signal])
  const seed = platform.seed()
  const round = emptyRound(since, hyper.sigma, await getState(db, 'pulled'))
  let trainer: Trainer | undefined
  let keeper: Keeper | undefined

  /** Lets the trainer work; a stop ends its whole thread. */
  async function work<T>(
    phase: 'filtering' | 'training',
    run: (trainer: Trainer, watch: Watch) => Promise<T>,
  ) {
    stop.throwIfAborted()
    trainer ??= withKnownEngine(platform.spawnTrainer(), { db, platform }, task)
    const mine = trainer
    const end = () => mine.terminate()
    stop.addEventListener('abort', end)
    onPhase({ phase, fraction: 0 })
    try {
      return await run(mine, { onProgress: (fraction) => onPhase({ phase, fraction }) })
    } catch (error) {
      throw stop.aborted ? stop.reason : error
    } finally {
      stop.removeEventListener('abort', end)
    }
  }

  /** M, or M0 in its place if M does worse by now. */
  async function startingModel(): Promise<Stored> {
    const present = await models.base(name)
    const { validation } = await samples.local(hyper)
    const verdict = await relapsed({ models, rows }, task, present, validation)
    if (!verdict) return present
    await models.rollback(name)
    round.fellBack = { m: verdict.m.auc, m0: verdict.m0.auc }
    return models.base(name)
  }

  /** Notes how the user's own samples, which it gives, differ from borrowed ones. */
  async function compare(borrowed: readonly Sample[]): Promise<LocalRow[]> {
    const { validation, training } = await samples.local(hyper)
    const local = [...training, ...validation]
    const differences = differencesOf(task, local, borrowed)
    if (differences.length > 0) round.differences = differences
    return local
  }

  async function filterMatched(jobs: Jobs): Promise<void> {
    if (!teaches(hyper)) return
    if (hyper.filter === 'none') {
      round.kept = await samples.keepAll(hyper)
      await compare(await samples.filtered())
      return
    }
    const { classifying, candidates } = await samples.split(hyper, seed)
    const local = await compare([...classifying, ...candidates])
    if (local.length === 0 || classifying.length === 0) return
    const job = await jobs.filter({ local, outside: classifying, candidates })
    const { engine, scores, memory } = await work('filtering', (trainer, watch) => trainer.filter(job, watch))
    if (memory) round.memory = memory
    // A trainer may be another thread: what it tells is checked before it decides what goes.
    if (scores.length !== candidates.length || !scores.every((score) => score >= 0 && score <= 1))
      throw new AppError('engine', 'The classifier did not score every sample in [0, 1].')
    round.engine = engine
    round.classifying = classifying.length
    round.scored = candidates.length
    round.scores = [...scores]
    round.kept = await samples.score(candidates, scores, hyper)
  }

  async function trainRanking(jobs: Jobs, base: Stored): Promise<void> {
    const lessons = await lessonsOf(samples, task)
    round.local = { training: lessons.training.length, validation: lessons.validation.length }
    const { of, before } = await leftOff(deps, task, base, lessons)
    const trains = trainable(lessons, hyper) && (before !== undefined || enough(lessons, hyper, exhausted))
    const personal = folded(lessons)
    if (!trains && !personal) {
      // Nothing that was cut off is of any use to another training.
      await end((also) => models.discard(name, also))
      return
    }
    const named = before?.training ?? { since, seed, of }
    const write = (model: Uint8Array | null, heard: Training['checkpoint'], ended: boolean) =>
      models.buffer(name, base.row.sha256, new Uint8Array(model ?? []), {
        since: named.since,
        seed: named.seed,
        of: named.of,
        ended,
        checkpoint: heard,
      })
    let heard = before && numbersOf(before.from)
    async function train(): Promise<Uint8Array | null> {
      if (before && before.from.step > 0) round.resumed = before.from.step
      keeper = createKeeper((checkpoint) => {
        const { model, ...numbers } = jobs.kept(checkpoint)
        return write(model, numbers, false)
      })
      const result = await personalise(jobs, lessons, before, (checkpoint) => {
        heard = numbersOf(checkpoint)
        keeper?.keep(checkpoint)
      })
      await keeper.end()
      const { choice: _choice, model, ...told } = result
      const memory = Math.max(round.memory ?? 0, told.memory ?? 0)
      Object.assign(round, told, memory > 0 && { memory })
      return model
    }
    const model = await jobs.trained({ model: trains ? await train() : null }, personal)
    onPhase({ phase: 'committing' })
    if (model) round.outcome = 'committed'
    else if (trains) round.outcome = 'kept'
    if (model) await write(model, heard ?? null, true)
    const learnt = trains ? lessons : { ...lessons, filtered: [] }
    await end((also) => (model ? models.commit(name, also) : models.discard(name, also)), learnt)
  }

  /** The personal vector that the own samples give, where the task asks for it and has the factors. */
  function folded({ training, validation }: Lessons): Float32Array<ArrayBuffer> | undefined {
    const own = [...training, ...validation]
    if (!hyper.ranking.personal || !task.factors || own.length === 0) return undefined
    round.folded = own.length
    return vectorOf(task.factors, own)
  }

  async function personalise(
    jobs: Jobs,
    { validation, training, filtered }: Lessons,
    before: Continued | undefined,
    onCheckpoint: (checkpoint: Checkpoint) => void,
  ) {
    const weigh = (i: number) => (i < training.length ? 1 : weightOf(filtered[i - training.length]!, hyper))
    const job = await jobs.personalise(
      { training: [...training, ...filtered], validation, weightOf: weigh },
      before?.from,
    )
    const again = before ? { seed: before.training.seed } : {}
    return work('training', (trainer, watch) =>
      trainer.personalise({ ...job, ...again }, { ...watch, onCheckpoint }),
    )
  }

  /** The round is over: `change` takes along, into its transaction, what was learnt from, if anything was, and how it went. */
  async function end(change: (also: () => Promise<void>) => Promise<void>, learnt?: Lessons) {
    round.ms = performance.now() - started
    await change(async () => {
      if (learnt) await samples.used(learnt.filtered)
      if (learnt && !teaches(hyper)) await noteLearnt(db, task, learnt, platform.clock.now())
      await writeJournal(db, round)
    })
  }

  async function fail(error: unknown): Promise<void> {
    round.outcome = 'failed'
    round.failure = toFailure(error)
    const { code } = round.failure
    if (mayGoOn(code)) await end((also) => db.transaction('rw', db.tables, also))
    else await end((also) => models.discard(name, also))
  }

  try {
    const base = await startingModel()
    const jobs = createJobs(task, base, seed, rows)
    await filterMatched(jobs)
    await trainRanking(jobs, base)
  } catch (error) {
    // Nothing may be written any more of what goes on in vain.
    await keeper?.end()
    await fail(error)
  } finally {
    cancelTimer()
    trainer?.terminate()
  }
  return round
}

const numbersOf = ({ model, ...numbers }: Checkpoint): Omit<Checkpoint, 'model'> => numbers
