/** What all arms have in common: the cloud that knows everybody's past, and a global model for each seed. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { hyper } from '../../shared/hyper.ts'
import { type Manifest, manifestSchema } from '../../shared/task.ts'
import { type Cloud, openCloud } from '../cloud/cloud.ts'
import { replaceFile } from '../cloud/files.ts'
import type { Progress } from '../cloud/progress.ts'
import { type Artifact, readArtifact, writeArtifact } from '../cloud/release.ts'
import type { TrainSettings } from '../cloud/training.ts'
import type { Source } from '../sources/source.ts'
import { openStore } from '../store/lmdb.ts'

export interface GroundOptions {
  /** Made if it is not there. */
  readonly dir: string
  readonly past: Source
  readonly clock: Clock
  /** K. */
  readonly neighbours: number
  readonly progress: Progress
  readonly signal?: AbortSignal | undefined
}

/** The cloud with the past imported and everybody matched; what is done already is not done again. */
export async function openGround({
  dir,
  past,
  clock,
  neighbours,
  progress,
  signal,
}: GroundOptions): Promise<Cloud> {
  await drawLots(dir)
  const cloud = await openCloud({
    dataDir: dir,
    clock,
    hyper: hyper({ neighbours }),
    // The paper's way: nothing comes in during the day that batches were held back for.
    freshBatches: 0,
    linkThreads: 1,
    // Devices get the same model either way, and one that is whole can be kept for each seed.
    sliceAbove: Number.MAX_SAFE_INTEGER,
  })
  try {
    if (await cloud.isEmpty()) await cloud.importSource(past, progress, signal)
    if (!(await cloud.status()).prepared) await cloud.prepare({ everyone: true, progress, signal })
  } catch (error) {
    await cloud.close()
    throw error
  }
  return cloud
}

/** Chance hangs on a secret of the folder; here it is none, so that the same command gives the same figures. */
export async function drawLots(dir: string): Promise<void> {
  const path = join(dir, 'store')
  mkdirSync(path, { recursive: true })
  const store = openStore(path)
  const secret = createHash('sha256').update('experiment').digest('hex')
  if ((await store.meta.get('secret', z.string())) === undefined) await store.meta.put('secret', secret)
  await store.close()
}

const trainedSchema = z.strictObject({
  manifest: manifestSchema,
  /** On what training held out. */
  auc: z.number().nullable(),
  logLoss: z.number(),
  passes: z.int(),
  /** Whether it ended because a pass did not improve. */
  converged: z.boolean(),
  seconds: z.number(),
})

/** A global model of one seed. */
export interface Trained extends z.infer<typeof trainedSchema> {
  readonly manifest: Manifest
  artifact(sha256: string): Promise<Artifact | undefined>
}

/** Threads that train: what comes out differs between numbers of them by rounding. */
const THREADS = 2

/** The model of `seed` that lies in `dir`, if there is one. */
export function keptModel(dir: string, seed: number): Trained | undefined {
  const file = fileOf(dir, seed)
  if (!existsSync(file)) return undefined
  const kept = parse(trainedSchema, JSON.parse(readFileSync(file, 'utf8')), file)
  return { ...kept, artifact: (sha256) => readArtifact(dir, sha256) }
}

const fileOf = (dir: string, seed: number): string => join(dir, `seed-${seed}.json`)

/** The model of `seed`, trained until a pass does not improve unless it lies in `dir` already. */
export async function modelOf(
  cloud: Cloud,
  dir: string,
  seed: number,
  settings: Partial<TrainSettings>,
  watch: { progress: Progress; signal?: AbortSignal | undefined },
): Promise<Trained> {
  const kept = keptModel(dir, seed)
  if (kept) return kept
  const { auc, logLoss, losses, seconds } = await cloud.train({
    threads: THREADS,
    ...settings,
    seed,
    ...watch,
  })
  const manifest = await cloud.manifest()
  if (!manifest) throw new AppError('not-ready', 'There is no task after training.')
  const { model, catalogue, factors } = manifest
  for (const { sha256 } of [model, catalogue, ...(factors ? [factors] : [])])
    writeArtifact(dir, (await cloud.artifact(sha256))!.bytes)
  const converged = settings.epochs === undefined || losses.length < settings.epochs
  const trained = { manifest, auc, logLoss, passes: losses.length, converged, seconds }
  replaceFile(fileOf(dir, seed), (beside) => writeFileSync(beside, JSON.stringify(trained)))
  return { ...trained, artifact: (sha256) => readArtifact(dir, sha256) }
}
