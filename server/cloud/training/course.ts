/** What is learnt from: which samples, in which order, and what names them. */
import { createHash } from 'node:crypto'
import { decodeSample } from '../../../shared/codec.ts'
import { AppError } from '../../../shared/failure.ts'
import { din } from '../../../shared/model/spec.ts'
import type { Random } from '../../../shared/random.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import { type FeatureSchema, layoutOf } from '../../../shared/schema.ts'
import type { Store } from '../../store/store.ts'
import { createPackings } from '../packing/folder.ts'

export interface TrainNumbers {
  /** The newest so many: a bound on time, since memory holds their numbers only. */
  readonly maxSamples: number
  /** Passes at most. */
  readonly epochs: number
  /** It stops at a pass after which more than so many in a row were no better on the held-out samples than the best. */
  readonly patience: number
  readonly batchSize: number
  /** At the start; it falls in a line to a twentieth. */
  readonly learningRate: number
  readonly seed: number
  /** Whether item embeddings begin at what is clicked together (`company.ts`) and not at random; default not. */
  readonly company?: boolean
}

/** All that decides what a training comes to, but for the number of its threads; may be sent to them. */
export interface Course {
  readonly schema: FeatureSchema
  /** Samples keep their time in days of this length. */
  readonly dayMs: number
  readonly numbers: TrainNumbers
  /** Numbers of samples (int32), newest first; the first `heldOut` judge and the others teach. */
  readonly samples: SharedArrayBuffer
  readonly heldOut: number
}

/** Share of the newest samples that judges, within bounds. */
const HELD_OUT = { share: 0.05, least: 200, most: 10_000 }

/** Throws `not-ready` without samples. `available` are all that there are. */
export async function planCourse(
  store: Store,
  { schema, dayMs }: Pick<Course, 'schema' | 'dayMs'>,
  numbers: TrainNumbers,
): Promise<{ course: Course; available: number }> {
  const { ids, available } = await newest(store, numbers.maxSamples)
  if (ids.length < 2) throw new AppError('not-ready', 'There are no samples to train on: prepare first.')
  const samples = new SharedArrayBuffer(4 * ids.length)
  new Int32Array(samples).set(ids)
  return { course: { schema, dayMs, numbers, samples, heldOut: heldOutOf(ids.length) }, available }
}

/** Changes with all that decides what the training comes to. */
export function fingerprintOf({ schema, dayMs, numbers, samples, heldOut }: Course): string {
  const told = { schema, model: din(schema), dayMs, numbers, heldOut }
  const hash = createHash('sha256').update(JSON.stringify(told))
  return hash.update(new Uint8Array(samples)).digest('hex')
}

/** The samples that teach, in the order of the pass `epoch` (0 is the first). */
export function* passes({ samples, heldOut }: Course, random: Random): Generator<Int32Array, never> {
  const order = new Int32Array(samples).slice(heldOut)
  for (;;) yield random.shuffle(order)
}

/** Rows stay in the store until they are wanted; one that is erased meanwhile is left out. */
export function readerOf(store: Store, { schema, dayMs }: Pick<Course, 'schema' | 'dayMs'>) {
  const layout = layoutOf(schema)
  const packings = createPackings(store)
  return async (ids: Int32Array): Promise<Batch> => {
    const rows = await packings.rows(ids)
    return pack(
      layout,
      rows.flatMap((row) => (row ? [decodeSample(schema, row, dayMs)] : [])),
    )
  }
}

function heldOutOf(count: number): number {
  const { share, least, most } = HELD_OUT
  return Math.ceil(Math.min(most, Math.max(share * count, Math.min(least, 0.2 * count))))
}

/** Samples, newest first: day by day, and within a day each user's last before anybody's last but one. */
async function newest(store: Store, limit: number): Promise<{ ids: number[]; available: number }> {
  const { starts, ids, days } = await store.samples.owned()
  /** By day: where each user's samples of that day begin and end. */
  const byDay = new Map<number, { from: number; to: number }[]>()
  for (let user = 0; user + 1 < starts.length; user++)
    for (let from = starts[user]!, to = from; from < starts[user + 1]!; from = to) {
      while (to < starts[user + 1]! && days[to] === days[from]) to++
      const there = byDay.get(days[from]!)
      if (there) there.push({ from, to })
      else byDay.set(days[from]!, [{ from, to }])
    }
  const chosen: number[] = []
  for (const day of [...byDay.keys()].sort((a, b) => b - a)) {
    const users = byDay.get(day)!
    const rounds = users.reduce((most, { from, to }) => Math.max(most, to - from), 0)
    for (let back = 1; back <= rounds && chosen.length < limit; back++)
      for (const { from, to } of users)
        if (back <= to - from && chosen.length < limit) chosen.push(ids[to - back]!)
  }
  return { ids: chosen, available: ids.length }
}
