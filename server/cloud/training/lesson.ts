/** One replica's way through a course, from beginning to end; where there is only one, all of the training. */

import type { Model } from '../../../shared/engine/engine.ts'
import { createFusedEngine } from '../../../shared/engine/fused/engine.ts'
import type { ResumableModel } from '../../../shared/engine/fused/replica.ts'
import { auc, logLoss } from '../../../shared/metrics.ts'
import { din, initialWeights } from '../../../shared/model/spec.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import { seeded } from '../../../shared/random.ts'
import type { Batch } from '../../../shared/sample.ts'
import type { Store } from '../../store/store.ts'
import { breathe, type Watch } from '../progress.ts'
import { type Checkpoint, type Judged, type Standing, writeCheckpoint } from './checkpoint.ts'
import { type Course, passes, readerOf } from './course.ts'
import { createTeam, joinTeam, type Member, type TeamPlace } from './team.ts'

/** What every replica is told; may be sent to threads. */
export interface Lesson {
  readonly course: Course
  readonly team: TeamPlace
  /** [2 × heldOut] float32s: where the replicas put the held-out samples' scores, then their labels. */
  readonly judgements: SharedArrayBuffer
  /** The data folder, the name of this training, and how often a checkpoint is due. */
  readonly keep: { readonly dir: string; readonly fingerprint: string; readonly everyMs: number }
  /** Tensors that do not begin at random. */
  readonly given: Weights
  /** To go on from. */
  readonly from: Checkpoint | undefined
}

export interface Learnt extends Judged {
  /** Of the best pass. The first replica alone has them. */
  readonly weights: Weights
  readonly losses: readonly number[]
}

/** Between two looks at messages: after every step they would cost a thirtieth of the time. */
const BREATH_MS = 8
/** Rows that are scored together. */
const JUDGED_ROWS = 500

interface Desk {
  readonly lesson: Lesson
  readonly member: Member
  readonly model: ResumableModel
  readonly read: (ids: Int32Array) => Promise<Batch>
  readonly watch: Watch
  readonly standing: Standing
  best: Weights
}

/** Throws `diverged` where the loss does, `cancelled` if the team was stopped. */
export async function learn(lesson: Lesson, index: number, store: Store, watch: Watch): Promise<Learnt> {
  const { course, from } = lesson
  const { epochs, patience, seed } = course.numbers
  const random = seeded(seed)
  const spec = din(course.schema)
  const fresh = initialWeights(spec, random, lesson.given)
  const order = passes(course, random)
  const member = joinTeam(lesson.team, index)
  const engine = await createFusedEngine({ lazyEmbeddings: true, peers: member.peers })
  try {
    const model = await engine.load(spec, from?.weights ?? fresh)
    if (from) await model.loadMoments(from.moments)
    const { standing, best } = from ?? { standing: beginning(), best: {} }
    const desk: Desk = { lesson, member, model, read: readerOf(store, course), watch, standing, best }
    const pulse = pulseOf(desk)
    for (let gone = 0; gone < standing.epoch; gone++) order.next()
    while (standing.epoch < epochs) {
      await pass(desk, order.next().value, pulse)
      await weigh(desk)
      if (standing.since > patience) break
      await keep(desk)
    }
    return { ...standing.best!, weights: desk.best, losses: standing.losses }
  } finally {
    await engine.dispose()
  }
}

const beginning = (): Standing => ({ epoch: 0, at: 0, loss: 0, losses: [], since: 0 })

/** From where the training stands to the end of a pass; `pulse` is called after each step. */
async function pass(
  { lesson, member, model, read, standing }: Desk,
  order: Int32Array,
  pulse: () => Promise<void>,
): Promise<void> {
  const { epochs, batchSize, learningRate } = lesson.course.numbers
  while (standing.at < order.length) {
    const { at } = standing
    const due = Math.min(batchSize, order.length - at)
    const [from, to] = member.partOf(due)
    const batch = await read(order.subarray(at + from, at + to))
    const left = 1 - (standing.epoch * order.length + at) / (epochs * order.length)
    // Together they count a sample that is gone as one without loss: none knows how many the others have.
    const rows = member.peers ? due : batch.size
    if (member.peers) member.peers.total = due
    if (rows > 0) standing.loss += (await model.step(batch, learningRate * Math.max(0.05, left))) * rows
    standing.at = at + due
    await pulse()
  }
  standing.losses.push(standing.loss / order.length)
  Object.assign(standing, { epoch: standing.epoch + 1, at: 0, loss: 0 })
}

/** Judges the pass that is over, and remembers its weights if none was as good. */
async function weigh(desk: Desk): Promise<void> {
  const { standing, member, model } = desk
  const judged = await judge(desk)
  standing.since++
  if (standing.best && !isBetter(judged, standing.best)) return
  Object.assign(standing, { best: judged, since: 0 })
  if (member.index === 0) desk.best = await model.save()
}

const isBetter = (one: Judged, other: Judged): boolean =>
  one.auc !== undefined && other.auc !== undefined ? one.auc > other.auc : one.logLoss < other.logLoss

/** Each replica scores its part of the held-out samples, and all come to the same judgement. */
export async function judge({
  lesson,
  member,
  model,
  read,
}: Pick<Desk, 'lesson' | 'member' | 'read'> & { model: Pick<Model, 'predict'> }): Promise<Judged> {
  const { course, judgements } = lesson
  const heldOut = new Int32Array(course.samples, 0, course.heldOut)
  const scores = new Float32Array(judgements, 0, heldOut.length)
  const labels = new Float32Array(judgements, 4 * heldOut.length)
  const [from, to] = member.partOf(heldOut.length)
  scores.fill(Number.NaN, from, to) // stays so for a sample that is gone
  for (let at = from; at < to; at += JUDGED_ROWS) {
    const batch = await read(heldOut.subarray(at, Math.min(to, at + JUDGED_ROWS)))
    if (batch.size === 0) continue
    scores.set(await model.predict(batch), at)
    labels.set(batch.labels, at)
  }
  member.meet()
  const there = (_: number, i: number) => !Number.isNaN(scores[i])
  const [some, their] = [scores.filter(there), labels.filter(there)]
  return { auc: auc(some, their), logLoss: logLoss(some, their) }
}

/** How these weights do, in this thread. */
export async function judgeWeights(store: Store, lesson: Lesson, weights: Weights): Promise<Judged> {
  const { course } = lesson
  const spec = din(course.schema)
  const engine = await createFusedEngine()
  try {
    const model = await engine.load(spec, weights)
    const member = joinTeam(createTeam(spec, 1, 0), 0)
    return await judge({ lesson, member, model, read: readerOf(store, course) })
  } finally {
    await engine.dispose()
  }
}

/** What is due between steps: a turn of the event loop, a word on how far it is, a checkpoint. */
function pulseOf(desk: Desk): () => Promise<void> {
  const { lesson, member, watch } = desk
  const tell = tellerOf(desk)
  let breathed = performance.now()
  let kept = breathed
  return async () => {
    const now = performance.now()
    if (now - breathed >= BREATH_MS) {
      if (member.index === 0) tell(now)
      await breathe(watch.signal)
      breathed = performance.now()
    }
    if (now - kept < lesson.keep.everyMs) return
    await keep(desk)
    kept = performance.now()
  }
}

function tellerOf({ lesson, standing, watch }: Desk): (now: number) => void {
  const { course } = lesson
  const length = course.samples.byteLength / 4 - course.heldOut
  const total = course.numbers.epochs * length
  const behind = () => standing.epoch * length + standing.at
  const began = { at: performance.now(), done: behind() }
  return (now) => {
    const done = behind()
    const rate = (1000 * (done - began.done)) / (now - began.at)
    const auc = standing.best?.auc
    const note = [
      `${Math.round(rate).toLocaleString('en-GB')} samples/s`,
      `${Math.ceil((total - done) / rate)} s left`,
      ...(auc === undefined ? [] : [`AUC ${auc.toFixed(4)}`]),
    ].join(', ')
    watch.progress({ stage: 'Training', done, total, note })
  }
}

async function keep({ lesson, member, model, standing, best }: Desk): Promise<void> {
  if (member.index !== 0) return
  const { dir, fingerprint } = lesson.keep
  const [weights, moments] = [await model.save(), await model.saveMoments()]
  writeCheckpoint(dir, fingerprint, { standing, weights, moments, best })
}
