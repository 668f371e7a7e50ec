/** The global model: a DIN on the newest samples of all users, by the engine and the model code that devices run. */
import { decodeSample } from '../../shared/codec.ts'
import type { Engine, Model } from '../../shared/engine/engine.ts'
import { createFusedEngine } from '../../shared/engine/fused/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { auc, logLoss } from '../../shared/metrics.ts'
import { din, initialWeights } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { seeded } from '../../shared/random.ts'
import { type Batch, pack } from '../../shared/sample.ts'
import { layoutOf } from '../../shared/schema.ts'
import type { Store } from '../store/store.ts'
import type { Population } from './population.ts'
import { breathe, type Watch } from './progress.ts'

export interface TrainNumbers {
  /** The newest so many: a bound on time, since memory holds their numbers only. */
  readonly maxSamples: number
  /** Passes at most; it stops when one does not improve on the held-out samples. */
  readonly epochs: number
  readonly batchSize: number
  /** At the start; it falls in a line to a twentieth. */
  readonly learningRate: number
  readonly seed: number
}
export const TRAINING: TrainNumbers = {
  maxSamples: 1_000_000,
  epochs: 4,
  batchSize: 128,
  learningRate: 0.003,
  seed: 1,
}

export interface Trained {
  readonly weights: Weights
  /** On the held-out samples; undefined where they are all of one class. */
  readonly auc: number | undefined
  readonly logLoss: number
  /** Mean training loss of each epoch. */
  readonly losses: readonly number[]
  readonly trained: number
  readonly heldOut: number
  readonly available: number
  readonly epochs: number
}

/** Share of the newest samples that judges, within bounds. */
const HELD_OUT = { share: 0.05, least: 200, most: 10_000 }

/** Trains from fresh weights. Throws `not-ready` without samples, `diverged` where the loss does. */
export async function trainGlobal(
  store: Store,
  { schema, dayMs }: Pick<Population, 'schema' | 'dayMs'>,
  numbers: TrainNumbers,
  { progress, signal }: Watch,
): Promise<Trained> {
  const layout = layoutOf(schema)
  const { ids, available } = await newest(store, numbers.maxSamples)
  if (ids.length < 2) throw new AppError('not-ready', 'There are no samples to train on: prepare first.')
  /** Rows stay in the store until they are wanted; one that is erased meanwhile is left out. */
  const read = async (some: Int32Array) => {
    const rows = await store.samples.rows(Uint32Array.from(some))
    return pack(
      layout,
      rows.flatMap((row) => (row ? [decodeSample(schema, row, dayMs)] : [])),
    )
  }
  const heldOut = ids.subarray(0, heldOutOf(ids.length))
  const training = ids.subarray(heldOut.length)
  const random = seeded(numbers.seed)
  const spec = din(schema)
  const engine = await createEngine()
  const model = await engine.load(spec, initialWeights(spec, random))
  const total = numbers.epochs * training.length
  const losses: number[] = []
  let best: (Judged & { weights: Weights }) | undefined
  try {
    while (losses.length < numbers.epochs) {
      random.shuffle(training)
      let loss = 0
      for (let at = 0; at < training.length; at += numbers.batchSize) {
        const batch = await read(training.subarray(at, at + numbers.batchSize))
        if (batch.size === 0) continue
        const left = 1 - (losses.length * training.length + at) / total
        loss += (await model.step(batch, numbers.learningRate * Math.max(0.05, left))) * batch.size
        progress({ stage: 'Training', done: losses.length * training.length + at + batch.size, total })
        await breathe(signal)
      }
      losses.push(loss / training.length)
      const judged = await judge(model, heldOut, read)
      if (best && !better(judged, best)) break
      best = { ...judged, weights: await model.save() }
    }
  } finally {
    await engine.dispose()
  }
  progress({ stage: 'Training', done: total, total })
  return {
    ...best!,
    losses,
    trained: training.length,
    heldOut: heldOut.length,
    available,
    epochs: losses.length,
  }
}

/** Plain where WebAssembly has no SIMD. Embeddings learn lazily: a step must not cost by the size of the catalogue. */
const createEngine = (): Promise<Engine> =>
  createFusedEngine({ lazyEmbeddings: true }).catch(() => createPlainEngine({ lazyEmbeddings: true }))

interface Judged {
  readonly auc: number | undefined
  readonly logLoss: number
}

const better = (one: Judged, other: Judged): boolean =>
  one.auc !== undefined && other.auc !== undefined ? one.auc > other.auc : one.logLoss < other.logLoss

async function judge(
  model: Model,
  ids: Int32Array,
  read: (ids: Int32Array) => Promise<Batch>,
): Promise<Judged> {
  const scores: number[] = []
  const labels: number[] = []
  for (let at = 0; at < ids.length; at += 500) {
    const batch = await read(ids.subarray(at, at + 500))
    if (batch.size === 0) continue
    scores.push(...(await model.predict(batch)))
    labels.push(...batch.labels)
  }
  return { auc: auc(scores, labels), logLoss: logLoss(scores, labels) }
}

function heldOutOf(count: number): number {
  const { share, least, most } = HELD_OUT
  return Math.ceil(Math.min(most, Math.max(share * count, Math.min(least, 0.2 * count))))
}

/** Samples, newest first: day by day, and within a day each user's last before anybody's last but one. */
async function newest(store: Store, limit: number): Promise<{ ids: Int32Array; available: number }> {
  const days = new Map<number, Uint32Array[]>()
  let available = 0
  for await (const { day, ids } of store.samples.byDay()) {
    available += ids.length
    const there = days.get(day)
    if (there) there.push(ids)
    else days.set(day, [ids])
  }
  const chosen: number[] = []
  for (const day of [...days.keys()].sort((a, b) => b - a)) {
    const users = days.get(day)!
    const rounds = users.reduce((most, { length }) => Math.max(most, length), 0)
    for (let back = 1; back <= rounds && chosen.length < limit; back++)
      for (const ids of users) if (back <= ids.length && chosen.length < limit) chosen.push(ids.at(-back)!)
  }
  return { ids: Int32Array.from(chosen), available }
}
