/** PyTorch beside us: a Python process that trains the same model on the same batches when it is told to. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import * as z from 'zod'
import type { ModelSpec } from '../../../shared/model/spec.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import type { Batch } from '../../../shared/sample.ts'

/** As din.py explains them. */
export type Variant = 'adam' | 'sparse' | 'folded'

const helloSchema = z.strictObject({ torch: z.string(), blas: z.array(z.string()) })
const answerSchema = z.strictObject({ ms: z.number(), losses: z.array(z.number()) })

export interface PyTorch {
  readonly version: string
  /** The libraries that it multiplies matrices with, as paths; empty where that is not known. */
  readonly blas: readonly string[]
  /** The losses of so many steps on so many threads. */
  run(variant: Variant, threads: number, steps: number): Promise<number[]>
  close(): Promise<void>
}

export interface Task {
  readonly spec: ModelSpec
  readonly weights: Weights
  /** All of one size. */
  readonly batches: readonly Batch[]
  readonly learningRate: number
}

/** The first Python that has torch, or undefined. */
async function findPython(): Promise<string | undefined> {
  for (const python of ['python3', '/usr/bin/python3'])
    try {
      await promisify(execFile)(python, ['-c', 'import torch'], { timeout: 60_000 })
      return python
    } catch {}
  return undefined
}

/** Undefined where no Python has torch. */
export async function startPyTorch(task: Task): Promise<PyTorch | undefined> {
  const python = await findPython()
  if (python === undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'kindred-bench-'))
  await writeTask(folder, task)
  // Threads that wait must not spin: between its turns they would slow the others down, and in them each other.
  const env = { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' }
  const child = spawn(python, [resolve(import.meta.dirname, 'din.py'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env,
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const close = async () => {
    const exited = child.exitCode === null ? once(child, 'exit') : undefined
    child.stdin.end()
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  const answer = async <T>(schema: z.ZodType<T>): Promise<T> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('PyTorch stopped; what it said stands above.')
    return schema.parse(JSON.parse(value))
  }
  try {
    const { torch, blas } = await answer(helloSchema)
    return {
      version: torch,
      blas,
      async run(variant, threads, steps) {
        child.stdin.write(`${variant} ${threads} ${steps}\n`)
        return (await answer(answerSchema)).losses
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function writeTask(folder: string, { spec, weights, batches, learningRate }: Task) {
  const tensors = Object.values(weights)
  const [table] = spec.tables
  const shape = {
    rows: table!.rows,
    dim: table!.dim,
    attention: spec.attention,
    mlp: spec.mlp,
    shapes: tensors.map(({ shape }) => shape),
    batches: batches.length,
    batch: batches[0]!.size,
    learningRate,
  }
  await writeFile(join(folder, 'shape.json'), JSON.stringify(shape))
  await writeFile(join(folder, 'weights.bin'), bytesOf(tensors.map(({ data }) => data)))
  await writeFile(join(folder, 'ids.bin'), bytesOf(batches.map(({ ids }) => ids)))
  await writeFile(join(folder, 'labels.bin'), bytesOf(batches.map(({ labels }) => labels)))
}

const bytesOf = (arrays: readonly (Int32Array | Float32Array)[]): Buffer =>
  Buffer.concat(
    arrays.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  )
