/**
 * How a run of a task that was cut off goes on. Mbuf of the models that it writes holds its last checkpoint; the next run of the
 * task goes on from there if it would be the very same one, begun today: same task, same data, same models, same samples with the
 * same labels. Otherwise the checkpoint is of no use. Nothing is counted and no sample is used before a run has ended, so nothing
 * counts twice.
 */
import { dayOf } from '../../../shared/clock.ts'
import type { FailureCode } from '../../../shared/failure.ts'
import { sha256 } from '../../../shared/hash.ts'
import type { Kept } from '../../trainer/job.ts'
import type { Active } from '../delivery/active.ts'
import type { Models } from '../models/models.ts'
import type { DeliveredRow, LocalRow, MatchedRow, Training } from '../storage/tables.ts'
import type { Lessons } from './lessons.ts'

/** Names a run by all that its outcome depends on but the seed; and by its day, after which it is too old to go on. */
export function nameOf(
  { manifest }: Active,
  { manifestSha256 }: DeliveredRow,
  models: Readonly<Record<string, string | undefined>>,
  { validation, training, matched, filtered }: Lessons,
  now: number,
): Promise<string> {
  const own = (rows: readonly LocalRow[]) => rows.map(({ exposure, label }) => [exposure, label])
  const borrowed = (rows: readonly MatchedRow[]) => rows.map(({ id }) => id)
  const name = JSON.stringify([
    manifest,
    manifestSha256,
    models,
    dayOf(now, manifest.hyper.dayMs),
    own(validation),
    own(training),
    borrowed(matched),
    borrowed(filtered),
  ])
  return sha256(new TextEncoder().encode(name))
}

/** A run to go on with: by the stored names of its models, how far it had come. */
export interface Continued {
  readonly training: Training
  readonly kept: ReadonlyMap<string, { readonly bytes: Uint8Array | null; readonly state: unknown }>
}

/** The run named `of`, if the Mbufs of these models hold it. */
export async function continued(
  models: Models,
  names: readonly string[],
  of: string,
): Promise<Continued | undefined> {
  const kept: [string, { bytes: Uint8Array | null; state: unknown }][] = []
  let training: Training | undefined
  for (const name of names) {
    const buffer = await models.buffered(name)
    const its = buffer?.row.training
    if (!buffer || its?.of !== of || !its.checkpoint) continue
    training ??= its
    kept.push([name, { bytes: buffer.bytes.length > 0 ? buffer.bytes : null, state: its.checkpoint.state }])
  }
  return training && { training, kept: new Map(kept) }
}

/** Drops buffers that no run will go on from: of another day, another M, or none of ours. */
export async function tidyBuffers(models: Models, { manifest }: Active, now: number): Promise<void> {
  const today = dayOf(now, manifest.hyper.dayMs)
  for (const { name, slot } of await models.list()) {
    if (slot !== 'Mbuf') continue
    const since = (await models.buffered(name))?.row.training?.since
    if (since === undefined || dayOf(since, manifest.hyper.dayMs) !== today) await models.discard(name)
  }
}

/** Failures that come from around a run. After any other it would only fail again. */
const FROM_AROUND: readonly FailureCode[] = ['cancelled', 'engine', 'storage', 'worker']
export const mayGoOn = (code: FailureCode): boolean => FROM_AROUND.includes(code)

/** Writes checkpoints one after the other. */
export interface Keeper {
  /** Of those of one model that come while one is being written, only the newest is. */
  keep(kept: Kept): void
  /** Keeps no more; done when nothing is being written. */
  end(): Promise<void>
}

export function createKeeper(write: (kept: Kept) => Promise<void>): Keeper {
  const next = new Map<string, Kept>()
  let writing: Promise<void> | undefined
  let ended = false

  async function writeAll(): Promise<void> {
    for (let [kept] = next.values(); kept; [kept] = next.values()) {
      next.delete(kept.name)
      // One that cannot be written costs some steps after a kill, and this run nothing.
      await write(kept).catch(() => {})
    }
    writing = undefined
  }

  return {
    keep(kept) {
      if (ended) return
      next.set(kept.name, kept)
      writing ??= writeAll()
    },
    async end() {
      ended = true
      next.clear()
      await writing
    },
  }
}
