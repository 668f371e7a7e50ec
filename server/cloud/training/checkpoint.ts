/** A training that was cut off goes on from the last checkpoint: one file in the data folder, whole or not there. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { Moments } from '../../../shared/engine/fused/replica.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import { readSafetensors, writeSafetensors } from '../../../shared/safetensors.ts'
import { replaceFile } from '../files.ts'

const NAME = 'training.checkpoint'
const HASH_BYTES = 32

const judgedSchema = z.strictObject({ auc: z.number().optional(), logLoss: z.number() })
/** How well a model does on the held-out samples; `auc` is undefined where they are all of one class. */
export type Judged = z.infer<typeof judgedSchema>

const standingSchema = z.strictObject({
  /** Passes that are over, and the samples of the present one that are behind. */
  epoch: z.int().min(0),
  at: z.int().min(0),
  /** Sum of these samples' losses; and of each pass that is over the mean. */
  loss: z.number(),
  losses: z.array(z.number()),
  /** Of the best pass yet, and how many are over since. */
  best: judgedSchema.optional(),
  since: z.int().min(0),
})
/** How far a training is. The order of samples follows from seed and pass, so no state of chance is part of it. */
export type Standing = z.infer<typeof standingSchema>

export interface Checkpoint {
  readonly standing: Standing
  readonly weights: Weights
  readonly moments: Moments
  /** Of the best pass; empty before the first is over. */
  readonly best: Weights
}

const headSchema = z.strictObject({ fingerprint: z.string(), standing: standingSchema, t: z.int().min(0) })
const GROUPS = ['weights', 'first', 'second', 'best'] as const

/** `fingerprint` names the training. All of it is on disk on return. */
export function writeCheckpoint(dir: string, fingerprint: string, checkpoint: Checkpoint): void {
  const { standing, weights, moments, best } = checkpoint
  const groups = { weights, first: moments.first, second: moments.second, best }
  const tensors = GROUPS.flatMap((group) =>
    Object.entries(groups[group]).map(([name, tensor]) => [`${group}/${name}`, tensor] as const),
  )
  const head = Buffer.from(`${JSON.stringify({ fingerprint, standing, t: moments.t })}\n`)
  const body = Buffer.concat([head, writeSafetensors(Object.fromEntries(tensors))])
  const hash = createHash('sha256').update(body).digest()
  replaceFile(join(dir, NAME), (beside) => writeFileSync(beside, Buffer.concat([hash, body])))
}

/** What is there: nothing, the checkpoint of this training, or why it was left aside, in a sentence. */
export function readCheckpoint(dir: string, fingerprint: string): { found?: Checkpoint; ignored?: string } {
  const path = join(dir, NAME)
  if (!existsSync(path)) return {}
  const bytes = readFileSync(path)
  const body = bytes.subarray(HASH_BYTES)
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(0, HASH_BYTES)))
    return { ignored: 'A checkpoint was there, but it is damaged: the training began anew.' }
  const end = body.indexOf('\n')
  const head = headSchema.safeParse(JSON.parse(body.subarray(0, end).toString()))
  if (head.data?.fingerprint !== fingerprint)
    return {
      ignored: 'A checkpoint of other samples, numbers or features was there: the training began anew.',
    }
  const tensors = readSafetensors(body.subarray(end + 1))
  const { standing, t } = head.data
  const moments = { t, first: groupOf(tensors, 'first'), second: groupOf(tensors, 'second') }
  return {
    found: { standing, weights: groupOf(tensors, 'weights'), moments, best: groupOf(tensors, 'best') },
  }
}

const groupOf = (tensors: Weights, group: (typeof GROUPS)[number]): Weights =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(`${group}/`) ? [[name.slice(group.length + 1), tensor]] : [],
    ),
  )

/** Removes the checkpoint, and what a process that was killed left of one half-written. */
export function removeCheckpoint(dir: string): void {
  for (const name of readdirSync(dir)) if (name.startsWith(NAME)) rmSync(join(dir, name))
}
