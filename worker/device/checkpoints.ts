/**
 * How a round that was cut off while its ranking model trained goes on. Mbuf holds the last checkpoint; the next round goes
 * on from it if its own training would be the very same one, begun today: same task, same M, same samples with the same
 * labels. Otherwise the checkpoint is discarded. Nothing is counted and no sample is used before a round has ended, so
 * nothing counts twice.
 */
import { dayOf } from '../../shared/clock.ts'
import type { FailureCode } from '../../shared/failure.ts'
import { sha256 } from '../../shared/hash.ts'
import type { Checkpoint } from '../trainer/job.ts'
import type { Active } from './active.ts'
import type { LocalRow, Training } from './db.ts'
import type { Lessons } from './lessons.ts'
import type { Models, Stored } from './models.ts'

/** Names a training by all that its outcome depends on but the seed; and by its day, after which it is too old to go on. */
export function nameOf({ manifest }: Active, base: Stored, lessons: Lessons, now: number): Promise<string> {
  const own = (rows: readonly LocalRow[]) => rows.map(({ exposure, label }) => [exposure, label])
  const name = JSON.stringify([
    manifest,
    base.row.sha256,
    dayOf(now, manifest.hyper.dayMs),
    own(lessons.validation),
    own(lessons.training),
    lessons.filtered.map(({ id }) => id),
  ])
  return sha256(new TextEncoder().encode(name))
}

/** A training to go on with. */
export interface Continued {
  readonly training: Training
  readonly from: Checkpoint
}

/** The training named `of`, if Mbuf holds it. */
export async function continued(models: Models, name: string, of: string): Promise<Continued | undefined> {
  const buffer = await models.buffered(name)
  const training = buffer?.row.training
  if (!buffer || training?.of !== of || !training.checkpoint) return undefined
  const model = buffer.bytes.length > 0 ? buffer.bytes : null
  return { training, from: { ...training.checkpoint, model } }
}

/** Drops a buffer that no round will go on from: of another day, another M, or none of ours. */
export async function tidyBuffer(models: Models, { manifest }: Active, now: number): Promise<void> {
  const { name, hyper } = manifest
  const since = (await models.buffered(name))?.row.training?.since
  if (since === undefined || dayOf(since, hyper.dayMs) !== dayOf(now, hyper.dayMs)) await models.discard(name)
}

/** Failures that come from around a training. After any other it would only fail again. */
const FROM_AROUND: readonly FailureCode[] = ['cancelled', 'engine', 'storage', 'worker']
export const mayGoOn = (code: FailureCode): boolean => FROM_AROUND.includes(code)

/** Writes checkpoints one after the other. */
export interface Keeper {
  /** Of those that come while one is being written, only the newest is. */
  keep(checkpoint: Checkpoint): void
  /** Keeps no more; done when nothing is being written. */
  end(): Promise<void>
}

export function createKeeper(write: (checkpoint: Checkpoint) => Promise<void>): Keeper {
  let next: Checkpoint | undefined
  let writing: Promise<void> | undefined
  let ended = false

  async function writeAll(): Promise<void> {
    while (next) {
      const checkpoint = next
      next = undefined
      // One that cannot be written costs some steps after a kill, and this round nothing.
      await write(checkpoint).catch(() => {})
    }
    writing = undefined
  }

  return {
    keep(checkpoint) {
      if (ended) return
      next = checkpoint
      writing ??= writeAll()
    },
    async end() {
      ended = true
      next = undefined
      await writing
    },
  }
}
