/**
 * Picks the engine of this place: WebGPU on a true GPU, else our own WebAssembly, else tfjs in WebAssembly without SIMD
 * or in plain JavaScript. All but the plain one are loaded only when tried.
 */
import { AppError } from '../failure.ts'
import { initialWeights, type ModelSpec } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { hasTrueAdapter } from './adapter.ts'
import type { Engine, EngineName } from './engine.ts'
import { createPlainEngine } from './plain/engine.ts'
import type { WasmPaths } from './tfjs/backend.ts'

export interface Choice {
  /** Forces one engine; then a software adapter will do too. */
  readonly preferred?: EngineName | undefined
  readonly wasmPaths?: WasmPaths | undefined
}

export interface Chosen {
  readonly engine: Engine
  /** What was passed over, and why; best first. */
  readonly tried: readonly { readonly name: EngineName; readonly reason: string }[]
}

const BEST_FIRST: readonly EngineName[] = ['tfjs-webgpu', 'fused-wasm', 'tfjs-wasm', 'tfjs-cpu']

/**
 * The best engine that starts and passes its self-check. Throws `engine` if none does, or if the preferred one does
 * not: a caller that asked for one engine is measuring or testing it, and must not get another silently.
 */
export async function chooseEngine({ preferred, wasmPaths }: Choice = {}): Promise<Chosen> {
  const tried: { name: EngineName; reason: string }[] = []
  for (const name of preferred ? [preferred] : BEST_FIRST) {
    if (name === 'tfjs-webgpu' && !preferred && !(await hasTrueAdapter())) {
      tried.push({ name, reason: 'There is no GPU adapter, or only a software one.' })
      continue
    }
    try {
      return { engine: await startChecked(name, wasmPaths), tried }
    } catch (error) {
      tried.push({ name, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  throw new AppError(
    'engine',
    `No engine: ${tried.map(({ name, reason }) => `${name}: ${reason}`).join(' ')}`,
  )
}

async function startChecked(name: EngineName, wasmPaths: WasmPaths | undefined): Promise<Engine> {
  const engine = await start(name, wasmPaths)
  try {
    await selfCheck(engine)
    return engine
  } catch (error) {
    await engine.dispose()
    throw error
  }
}

async function start(name: EngineName, wasmPaths: WasmPaths | undefined): Promise<Engine> {
  if (name === 'plain') return createPlainEngine()
  if (name === 'fused-wasm') {
    const { createFusedEngine } = await import('./fused/engine.ts')
    return createFusedEngine()
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
