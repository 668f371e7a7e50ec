/** The K nearest users of all users: how many of them are found, and how long it takes beside faiss. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import * as z from 'zod'
import { AppError } from '../../../../shared/failure.ts'
import { hyper } from '../../../../shared/hyper.ts'
import { rounded } from '../../../../worker/bench/measure.ts'
import { buildNeighbours, type Neighbours, type Query } from '../../../cloud/neighbours.ts'
import { recallOf } from '../../../cloud/recall.ts'
import { openStore } from '../../../store/lmdb.ts'
import { type CloudBench, type Findings, filled } from './part.ts'

const ASKED = 1000
const CHUNK = 512

/** An index and how widely it had to look; seconds by the clock, and of processors. */
const indexSchema = z.strictObject({
  index: z.string(),
  width: z.int(),
  built: z.number(),
  builtCpu: z.number(),
  recall: z.number(),
})
const rivalSchema = z.strictObject({
  version: z.string(),
  vectors: z.int(),
  /** What each would take in all, by what it takes for some of the vectors. */
  others: z.array(indexSchema.extend({ cpu: z.number() })),
  best: indexSchema.extend({ searched: z.number(), searchedCpu: z.number() }).nullable(),
})

export async function knn(bench: CloudBench): Promise<Findings> {
  const { neighbours: k } = hyper()
  const { progress, quick } = bench
  const { source } = await filled(bench, { everyone: false })
  const users = await vectorsOf(bench.dir)
  if (users.length <= k)
    throw new AppError('not-ready', 'There are too few users to look for neighbours among.')
  const stage = 'Neighbours of everybody'
  progress(stage, 0, users.length)
  const began = performance.now()
  const cpuBefore = process.cpuUsage()
  const index = buildNeighbours(users[0]!.vector.length, users)
  const built = performance.now() - began
  const all = index.users()
  for (let at = 0; at < all.length; at += CHUNK) {
    index.nearestTo(all.subarray(at, at + CHUNK), k)
    progress(stage, Math.min(at + CHUNK, all.length), all.length)
  }
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const recall = recallOf(index, k, quick ? ASKED / 10 : ASKED, 1)
  const detail = { source, users: index.count, points: index.points, k, recall: rounded(recall) }
  const rival = await againstFaiss(bench, index, k, recall, {
    ...detail,
    seconds: { built: rounded(built / 1000), all: rounded(seconds) },
    cpuSeconds: rounded((user + system) / 1e6),
  })
  return {
    'cloud.knn.recall100': {
      value: rounded(recall),
      detail: { ...detail, asked: Math.min(ASKED, index.count) },
    },
    'cloud.knn.vs_faiss': rival,
  }
}

async function vectorsOf(dir: string): Promise<Query[]> {
  const store = openStore(join(dir, 'store'))
  try {
    const users: Query[] = []
    for await (const { user, sum } of store.profiles.all())
      if (sum.some((value) => value !== 0)) users.push({ user, vector: sum })
    return users
  } finally {
    await store.close()
  }
}

/** Faiss gets what we give the graph: users who are alike are one vector. So both spend their time on the same searches. */
async function againstFaiss(
  { scratch, progress }: CloudBench,
  index: Neighbours,
  k: number,
  recall: number,
  detail: { seconds: { built: number; all: number }; cpuSeconds: number },
): Promise<Findings[string]> {
  const python = await findPython()
  if (!python) return { value: null, detail: { ...detail, why: 'No python3 here imports faiss.' } }
  progress('Faiss', 0, 1)
  const path = join(scratch('knn'), 'vectors')
  writeFileSync(path, index.rows())
  const threads = Math.min(8, availableParallelism())
  const settings = [path, index.dims, k, Math.max(0, recall - 0.001), threads].map(String)
  const { stdout } = await promisify(execFile)(python, [
    resolve(import.meta.dirname, 'nearest.py'),
    ...settings,
  ])
  progress('Faiss', 1, 1)
  const faiss = rivalSchema.parse(JSON.parse(stdout))
  const more = { ...detail, threads, faiss }
  if (!faiss.best) return { value: null, detail: { ...more, why: 'No index of faiss found as many.' } }
  const { built, searched, builtCpu, searchedCpu } = faiss.best
  // What else runs here takes from both, but not as much at every moment: of processors' time it takes little.
  const ofCpu = rounded((builtCpu + searchedCpu) / detail.cpuSeconds)
  return { value: rounded((built + searched) / detail.seconds.all), detail: { ...more, ofCpu } }
}

/** The first Python that has faiss, or undefined. */
async function findPython(): Promise<string | undefined> {
  for (const python of ['python3', '/usr/bin/python3'])
    try {
      await promisify(execFile)(python, ['-c', 'import faiss'], { timeout: 60_000 })
      return python
    } catch {}
  return undefined
}
