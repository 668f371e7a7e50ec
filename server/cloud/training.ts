/** The global model: a DIN on the newest samples of all users, by the engine and the model code that devices run. */
import { availableParallelism } from 'node:os'
import type { Factors } from '../../shared/model/factors.ts'
import { din, initialWeights } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { seeded } from '../../shared/random.ts'
import type { Population } from './population.ts'
import type { Watch } from './progress.ts'
import type { Room } from './room.ts'
import { readCheckpoint } from './training/checkpoint.ts'
import { companyOf } from './training/company.ts'
import { fingerprintOf, planCourse, readerOf, type TrainNumbers } from './training/course.ts'
import { judgeWeights, type Learnt, type Lesson, learn } from './training/lesson.ts'
import { trainFactors } from './training/mix.ts'
import { createTeam } from './training/team.ts'
import { learnInThreads } from './training/threads.ts'
import { withUnseenUnknown } from './training/unseen.ts'

export interface TrainSettings extends TrainNumbers {
  /** Default: a thread for each core, where there is enough to do. What comes out differs between numbers by rounding only. */
  readonly threads?: number
  /** Width of the item factors that are learnt beside the DIN; default none. */
  readonly factors?: number
  /** Time between checkpoints, of which there is one after each pass, too. */
  readonly checkpointMs?: number
}
export const TRAINING = {
  maxSamples: 1_000_000,
  epochs: 4,
  patience: 0,
  batchSize: 128,
  learningRate: 0.003,
  seed: 1,
  checkpointMs: 10_000,
} satisfies TrainSettings

/** What a thread must have to do, for to start it takes as long as some hundred steps; … */
const SAMPLES_A_THREAD = 50_000
/** … and its rows of a mini-batch: with fewer it waits for the others too often. */
const ROWS_A_THREAD = 16

export interface Trained extends Learnt {
  readonly trained: number
  readonly heldOut: number
  readonly available: number
  readonly epochs: number
  readonly threads: number
  readonly factors: Factors | undefined
  /** How many samples a process that was cut off had left behind it; 0 where this one began anew. */
  readonly resumedAt: number
  /** Why there was a checkpoint that was of no use. */
  readonly ignored: string | undefined
}

/**
 * Trains from fresh weights, or goes on from where a process that was cut off has left this same training; the checkpoint
 * stays until `removeCheckpoint`. Rows that no sample taught are “unknown” (`withUnseenUnknown`); `auc` and `logLoss` are
 * of the weights so. Throws `not-ready` without samples, `diverged` where the loss does.
 */
export async function trainGlobal(
  { store, dir }: Pick<Room, 'store' | 'dir'>,
  population: Pick<Population, 'schema' | 'catalogue' | 'dayMs'>,
  { threads, factors: dim = 0, checkpointMs = TRAINING.checkpointMs, ...numbers }: TrainSettings,
  watch: Watch,
): Promise<Trained> {
  const { schema } = population
  const { course, available } = await planCourse(store, population, numbers)
  const { heldOut } = course
  const trained = course.samples.byteLength / 4 - heldOut
  const total = numbers.epochs * trained
  const fingerprint = fingerprintOf(course)
  const { found, ignored } = readCheckpoint(dir, fingerprint)
  const resumedAt = found ? found.standing.epoch * trained + found.standing.at : 0
  const size = Math.min(
    threads ?? worthwhile(total),
    Math.max(1, Math.floor(numbers.batchSize / ROWS_A_THREAD)),
  )
  const given = numbers.company ? await companyOf(course, readerOf(store, course), watch) : {}
  const lesson: Lesson = {
    course,
    team: createTeam(din(schema), size, numbers.batchSize),
    judgements: new SharedArrayBuffer(2 * 4 * heldOut),
    keep: { dir, fingerprint, everyMs: checkpointMs },
    given,
    from: found,
  }
  watch.progress({ stage: 'Training', done: resumedAt, total })
  const learnt = await (size === 1 ? learn(lesson, 0, store, watch) : learnInThreads(lesson, watch))
  watch.progress({ stage: 'Training', done: total, total })
  const { losses } = learnt
  const weights: Weights = withUnseenUnknown(
    learnt.weights,
    initialWeights(din(schema), seeded(numbers.seed), given),
  )
  const judged = await judgeWeights(store, lesson, weights)
  const counts = { trained, heldOut, available, epochs: losses.length, threads: size, resumedAt }
  const scores = new Float32Array(lesson.judgements, 0, heldOut)
  const factors =
    dim > 0
      ? await trainFactors(store, population, course, scores, { dim, seed: numbers.seed }, watch)
      : undefined
  return { ...judged, weights, losses, ...counts, factors, ignored }
}

const worthwhile = (samples: number): number =>
  Math.max(1, Math.min(availableParallelism(), Math.floor(samples / SAMPLES_A_THREAD)))
