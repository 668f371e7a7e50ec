/** `kindred bench train`: global training in Node on all cores, next to one thread and to PyTorch on the CPU. */
import { availableParallelism } from 'node:os'
import { createFusedEngine } from '../../../shared/engine/fused/engine.ts'
import { initialWeights } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import {
  type Bench,
  type Contender,
  type Findings,
  FULL,
  interleaved,
  QUICK,
  rounded,
} from '../../../worker/bench/measure.ts'
import { makeBatch, shapes } from '../../../worker/bench/shapes.ts'
import { type PyTorch, startPyTorch, type Task } from './pytorch.ts'
import { startReplicas } from './replicas.ts'

const BATCH = 512
const BATCHES = 8
const CHECKED_STEPS = 3
const TOLERANCE = 1e-4

type Checked = Omit<Contender, 'run'> & { run(steps: number): Promise<number[]> }

const inThreads = (threads: number) => (threads === 1 ? '1 thread' : `${threads} threads`)

/** PyTorch's ways, as the rivals are named; the last is not usual. */
const rivalsOn = (threads: number) =>
  [
    { variant: 'adam', threads, name: `PyTorch, Adam, ${inThreads(threads)}` },
    ...(threads > 1 ? [{ variant: 'adam', threads: 1, name: 'PyTorch, Adam, 1 thread' } as const] : []),
    { variant: 'sparse', threads, name: `PyTorch, SparseAdam for the embeddings, ${inThreads(threads)}` },
    {
      variant: 'folded',
      threads,
      name: `PyTorch, that and the attention folded by hand, ${inThreads(threads)}`,
    },
  ] as const

/**
 * Rates are told by medians; the comparison is between the fastest turns, because what else runs on a shared machine
 * slows two threads that wait for each other far more than one.
 */
export async function benchTrain({ quick, progress }: Bench): Promise<Findings> {
  const spec = shapes.train
  const random = seeded(13)
  const batches = Array.from({ length: BATCHES }, () => makeBatch(spec, BATCH, { random }))
  const task: Task = { spec, weights: initialWeights(spec, random), batches, learningRate: 0.001 }
  const threads = availableParallelism()
  const replicas = threads > 1 ? await startReplicas(task, threads) : undefined
  const torch = await startPyTorch(task)
  try {
    const lazy = await ours(task, true)
    const dense = await ours(task, false)
    const together: Checked = replicas
      ? { name: `fused-wasm, lazy Adam, ${inThreads(threads)}`, run: (steps) => replicas.run(steps) }
      : lazy
    const rivals = torch
      ? rivalsOn(threads).map(({ variant, threads, name }) => ({
          name,
          run: (steps: number) => torch.run(variant, threads, steps),
        }))
      : []
    const apart = rivals[0] ? await distance(dense, rivals[0]) : 0
    const rounding = replicas ? await distance(lazy, together) : 0
    const pace = quick ? QUICK : { ...FULL, turnMs: 400, warmMs: 1500 }
    const contenders = [...new Set([together, lazy, dense, ...rivals])]
    const timed = await interleaved(contenders, pace, (done) =>
      progress('Training in Node', done, pace.rounds),
    )
    const rate = (ms: number) => rounded((1000 * BATCH) / ms)
    const rates = (which: 'median' | 'min') =>
      Object.fromEntries(Object.entries(timed).map(([name, time]) => [name, rate(time[which])]))
    const fastest = rates('min')
    const most = (some: readonly { name: string }[]) => Math.max(...some.map(({ name }) => fastest[name]!))
    const [usual, folded] = [rivals.slice(0, -1), rivals.slice(-1)].map(most)
    const detail = {
      shape: { batch: BATCH, history: 50, dim: 16, items: 4000, attention: 36, mlp: [64, 32] },
      samplesPerS: rates('median'),
      fastestSamplesPerS: fastest,
      threads,
      msAStep: timed,
    }
    const why = whyNot(torch, apart)
    const whyAlone = threads === 1 ? 'This machine has one core.' : tooFar(rounding)
    return {
      'train.samples_per_s': { value: rate(timed[together.name]!.median), detail },
      'train.vs_one_thread': {
        value: whyAlone === undefined ? rounded(fastest[together.name]! / fastest[lazy.name]!) : null,
        detail: {
          ...(whyAlone !== undefined && { why: whyAlone }),
          compared: 'fastest turns',
          byMedians: rounded(timed[lazy.name]!.median / timed[together.name]!.median),
          lossesApart: rounding,
          ...detail,
        },
      },
      'train.vs_pytorch': {
        value: why === undefined ? rounded(fastest[together.name]! / usual!) : null,
        detail: {
          ...(why !== undefined && { why }),
          ...(torch && {
            torch: torch.version,
            blas: torch.blas,
            compared: `fastest turns, ours on ${inThreads(threads)}; the best of PyTorch’s usual ways`,
            oneThreadAgainstOne: rounded(
              fastest[lazy.name]! / (fastest['PyTorch, Adam, 1 thread'] ?? usual!),
            ),
            vsFoldedByHand: rounded(fastest[together.name]! / folded!),
            lossesApart: apart,
          }),
          ...detail,
        },
      },
    }
  } finally {
    await torch?.close()
    await replicas?.close()
  }
}

const tooFar = (apart: number): string | undefined =>
  apart <= TOLERANCE ? undefined : `The losses are ${apart.toExponential(1)} apart.`

/** Why there is nothing to compare with, if so. */
function whyNot(torch: PyTorch | undefined, apart: number): string | undefined {
  if (!torch) return 'No python3 here imports torch.'
  // Netlib's: five times slower than any that people train with.
  const libraries = torch.blas.filter((path) => !/lapack[^/]*$/.test(path))
  const slow = libraries.length > 0 && libraries.every((path) => /\/blas\/libblas\.so/.test(path))
  if (slow)
    return 'PyTorch multiplies with the reference BLAS here; install a fast one (Debian: libopenblas0-pthread).'
  return tooFar(apart)
}

/** Lazy as `kindred train` does it, where a step leaves alone the embeddings that it does not touch; or dense. */
async function ours({ spec, weights, batches, learningRate }: Task, lazy: boolean): Promise<Checked> {
  const engine = await createFusedEngine({ lazyEmbeddings: lazy })
  const model = await engine.load(spec, weights)
  let next = 0
  return {
    name: `fused-wasm, ${lazy ? 'lazy' : 'dense'} Adam, 1 thread`,
    async run(steps) {
      const losses: number[] = []
      while (losses.length < steps)
        losses.push(await model.step(batches[next++ % batches.length]!, learningRate))
      return losses
    },
  }
}

/** How far apart the first losses are. */
async function distance(one: Checked, other: Checked): Promise<number> {
  const [a, b] = [await one.run(CHECKED_STEPS), await other.run(CHECKED_STEPS)]
  return Math.max(...a.map((loss, i) => Math.abs(loss - b[i]!)))
}
