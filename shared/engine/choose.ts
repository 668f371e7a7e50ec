/**
 * Picks the engine of this place. Which of our own is the fastest depends on the task: a small model's step takes less
 * time in WebAssembly than a GPU takes to begin one, so they are timed on the shape that they are for. What computes on
 * a GPU is loaded only when tried, TensorFlow.js only when it is asked for: it is slower than plain TypeScript.
 */
import { AppError } from '../failure.ts'
import { initialWeights, type ModelSpec } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { hasTrueAdapter } from './adapter.ts'
import type { Engine, EngineName } from './engine.ts'
import { createFusedEngine } from './fused/engine.ts'
import { createPlainEngine } from './plain/engine.ts'
import type { WasmSource } from './tfjs/backend.ts'
import { type Shape, timeStep } from './timing.ts'

export interface Choice {
  /** Forces one engine; then a software adapter will do too. */
  readonly preferred?: EngineName | undefined
  readonly wasmPaths?: WasmSource | undefined
  /** What the engine is for: then the fastest at it is chosen. */
  readonly shape?: Shape | undefined
  /**
   * The fastest for this shape before, in this browser and version: taken, if it starts, without being timed. On a GPU it
   * must pass its self-check again, for drivers change; WebAssembly computes today what it did then.
   */
  readonly known?: EngineName | undefined
  /** What failed here while it was used: not tried again. */
  readonly lost?: readonly Failed[]
  /** How an engine is started, and what times it (ms); tests give others. */
  readonly start?: typeof start
  readonly now?: () => number
}

export interface Chosen {
  readonly engine: Engine
  /** What could not be used, and why. */
  readonly tried: readonly Failed[]
  /** Median milliseconds of a step of each engine that was timed, fastest first. */
  readonly timings: readonly Timing[]
}

export interface Failed {
  readonly name: EngineName
  readonly reason: string
}

interface Timing {
  readonly name: EngineName
  readonly ms: number
}

/** Timed against each other where the shape is known. */
const TIMED: readonly EngineName[] = ['fused-webgpu', 'fused-wasm']

/** Taken without being timed: our own WebAssembly, or portable TypeScript where its SIMD is missing. */
const BEST_FIRST: readonly EngineName[] = ['fused-wasm', 'plain']

const ON_GPU: readonly EngineName[] = ['fused-webgpu', 'tfjs-webgpu']

/**
 * The fastest engine for the shape, or the best one without, of those that start and pass their self-check. Throws
 * `engine` if none does, or if the preferred one does not: a caller that asked for one engine is measuring or testing
 * it, and must not get another silently.
 */
export async function chooseEngine(choice: Choice = {}): Promise<Chosen> {
  const { preferred, known, shape, lost = [] } = choice
  const tried = [...lost]
  if (!preferred) {
    const before = known && (await attempt(known, choice, tried))
    if (before) return { engine: before, tried, timings: [] }
    const fastest = shape && (await race(choice, shape, tried))
    if (fastest) return fastest
  }
  for (const name of preferred ? [preferred] : BEST_FIRST) {
    const engine = await attempt(name, choice, tried)
    if (engine) return { engine, tried, timings: [] }
  }
  throw new AppError(
    'engine',
    `No engine: ${tried.map(({ name, reason }) => `${name}: ${reason}`).join(' ')}`,
  )
}

/** Times the engines one after the other and keeps the fastest; what failed goes to `tried`. */
async function race(choice: Choice, shape: Shape, tried: Failed[]): Promise<Chosen | undefined> {
  const timings: Timing[] = []
  let fastest: Engine | undefined
  for (const name of TIMED) {
    const engine = await attempt(name, choice, tried)
    if (!engine) continue
    try {
      const ms = await timeStep(engine, shape, choice.now ?? (() => performance.now()))
      const best = timings.every((other) => ms < other.ms)
      timings.push({ name, ms })
      if (!best) await engine.dispose()
      else {
        await fastest?.dispose()
        fastest = engine
      }
    } catch (error) {
      tried.push({ name, reason: reasonOf(error) })
      await engine.dispose()
    }
  }
  timings.sort((a, b) => a.ms - b.ms)
  return fastest && { engine: fastest, tried, timings }
}

/** The engine, started and checked, or undefined with the reason in `tried`, where it may stand already. */
async function attempt(
  name: EngineName,
  { preferred, known, wasmPaths, start: startEngine = start }: Choice,
  tried: Failed[],
): Promise<Engine | undefined> {
  if (tried.some((failed) => failed.name === name)) return undefined
  try {
    if (ON_GPU.includes(name) && !preferred && !(await hasTrueAdapter()))
      throw new AppError('engine', 'There is no GPU adapter, or only a software one.')
    const engine = await startEngine(name, wasmPaths)
    return name === known && !ON_GPU.includes(name) ? engine : await checked(engine)
  } catch (error) {
    tried.push({ name, reason: reasonOf(error) })
    return undefined
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

async function checked(engine: Engine): Promise<Engine> {
  try {
    await selfCheck(engine)
    return engine
  } catch (error) {
    await engine.dispose()
    throw error
  }
}

async function start(name: EngineName, wasmPaths: WasmSource | undefined): Promise<Engine> {
  if (name === 'plain') return createPlainEngine()
  if (name === 'fused-wasm') {
    return createFusedEngine()
  }
  if (name === 'fused-webgpu') {
    const { createWgslEngine } = await import('./wgsl/engine.ts')
    return createWgslEngine()
  }
  const { createTfjsEngine } = await import('./tfjs/engine.ts')
  const backend = { 'tfjs-webgpu': 'webgpu', 'tfjs-wasm': 'wasm', 'tfjs-cpu': 'cpu' } as const
  return createTfjsEngine({ backend: backend[name], wasmPaths })
}

/** One of each kind of input and layer. */
const TINY: ModelSpec = {
  idWidth: 6,
  denseWidth: 1,
  tables: [{ name: 'items', rows: 5, dim: 2 }],
  inputs: [
    { kind: 'lookup', feature: 'item', table: 0, at: 0 },
    { kind: 'attend', feature: 'clicks', table: 0, at: 1, length: 3, query: 0 },
    { kind: 'pool', feature: 'seen', table: 0, at: 4, length: 2 },
    { kind: 'dense', feature: 'taste', at: 0, size: 1 },
  ],
  attention: 3,
  mlp: [2],
}

const TINY_BATCH: Batch = {
  size: 2,
  ids: Int32Array.of(2, 3, 4, 0, 2, 0, /**/ 4, 2, 2, 3, 1, 3),
  dense: Float32Array.of(0.5, -1),
  labels: Float32Array.of(1, 0),
  weights: Float32Array.of(1, 2),
}

/** Far above float32 rounding on a model this small, far below what a wrong kernel or a broken driver gives. */
const TOLERANCE = 1e-3

/**
 * Throws `engine` unless the engine's loss and gradient of a tiny model are the plain engine's, which is portable
 * arithmetic and has its own proofs: GPU drivers and miscompiled kernels fail by wrong numbers as often as by errors.
 */
export async function selfCheck(engine: Engine): Promise<void> {
  const weights = initialWeights(TINY, seeded(1))
  const due = await gradientOn(createPlainEngine(), weights)
  const got = await gradientOn(engine, weights)
  const near = (a: number, b: number) => Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(b))
  if (!near(got.loss, due.loss))
    throw new AppError('engine', `Its loss is ${got.loss}, where ${due.loss} is due.`)
  for (const [name, { data }] of Object.entries(due.gradient)) {
    const wrong = data.findIndex((value, i) => !near(got.gradient[name]?.data[i] ?? Number.NaN, value))
    if (wrong >= 0) throw new AppError('engine', `Its gradient of ${name} is wrong.`)
  }
}

async function gradientOn(engine: Engine, weights: Weights) {
  const model = await engine.load(TINY, weights)
  try {
    return await model.gradient(TINY_BATCH)
  } finally {
    model.dispose()
  }
}
