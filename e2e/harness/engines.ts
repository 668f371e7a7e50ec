/** A page in which engines pass their contract, are timed, counted and robbed of their GPU, as the browser tests ask. */
import {
  dinSpec,
  randomBatch,
  smallBatch,
  smallSpec,
  smallWeights,
} from '../../shared/engine/contract.data.ts'
import { embeddingContract } from '../../shared/engine/contract.embeddings.ts'
import { watchWasmMemory } from '../../shared/engine/contract.expect.ts'
import { type ContractOptions, engineContract } from '../../shared/engine/contract.ts'
import type { Engine } from '../../shared/engine/engine.ts'
import { createFusedEngine } from '../../shared/engine/fused/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { createTfjsEngine } from '../../shared/engine/tfjs/engine.ts'
import { createWgslEngine } from '../../shared/engine/wgsl/engine.ts'
import type { WgslOptions } from '../../shared/engine/wgsl/state.ts'
import { toFailure } from '../../shared/failure.ts'
import { initialWeights, type ModelSpec } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { runTests } from './vitest.ts'

const engines = {
  'fused-webgpu': (options?: WgslOptions) => createWgslEngine(options),
  /** So little memory that every row is a piece of its own. */
  'fused-webgpu, row by row': (options?: WgslOptions) => createWgslEngine({ ...options, traceBytes: 1 }),
  'tfjs-webgpu': () => createTfjsEngine({ backend: 'webgpu' }),
  'fused-wasm': () => createFusedEngine(),
  plain: async () => createPlainEngine(),
} satisfies Record<string, () => Promise<Engine>>

type Name = keyof typeof engines

function runContract(name: Name, options: ContractOptions, matching?: string) {
  const bytes = name === 'fused-wasm' ? { bytes: watchWasmMemory() } : {}
  const contract = () => engineContract(name, () => engines[name](), { ...options, ...bytes })
  return runTests({ [name]: contract }, matching)
}

const runEmbeddings = (name: 'fused-webgpu' | 'fused-webgpu, row by row', matching?: string) =>
  runTests({ [name]: () => embeddingContract(name, engines[name]) }, matching)

/** Both shapes of the project's figures, in batches of 32. */
const shapes: Record<string, ModelSpec> = {
  'history 50, 8 dimensions': { ...dinSpec(4000, 8, 50), attention: 36, mlp: [64, 32] },
  'history 512, 3 dimensions': { ...dinSpec(4000, 3, 512), attention: 36, mlp: [64, 32] },
}

/** The median milliseconds of `steps` steps, and what one of them asks of the GPU. */
async function timeSteps(name: Name, shape: string, steps: number) {
  const engine = await engines[name]()
  const random = seeded(1)
  const model = await engine.load(shapes[shape]!, initialWeights(shapes[shape]!, random))
  const batch = randomBatch(shapes[shape]!, 32, random)
  for (let i = 0; i < Math.min(steps, 2); i++) await model.step(batch, 1e-3)
  const calls = watch()
  const times: number[] = []
  for (let i = 0; i < steps; i++) {
    const start = performance.now()
    await model.step(batch, 1e-3)
    times.push(performance.now() - start)
  }
  const { dispatches, submissions } = calls()
  await engine.dispose()
  return {
    ms: times.sort((a, b) => a - b)[steps >> 1]!,
    dispatches: dispatches / steps,
    submissions: submissions / steps,
  }
}

/** Counts what is asked of WebGPU until the answer is called. */
function watch() {
  const counts = { dispatches: 0, submissions: 0, buffers: 0 }
  const count = <T extends object>(prototype: T, method: keyof T & string, as: keyof typeof counts) => {
    const original = prototype[method] as (...args: unknown[]) => unknown
    const counting = function (this: unknown, ...args: unknown[]) {
      counts[as]++
      return original.apply(this, args)
    }
    Object.assign(prototype, { [method]: counting })
    return () => Object.assign(prototype, { [method]: original })
  }
  const restore = [
    count(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', 'dispatches'),
    count(GPUQueue.prototype, 'submit', 'submissions'),
    count(GPUDevice.prototype, 'createBuffer', 'buffers'),
  ]
  return () => {
    for (const undo of restore) undo()
    return counts
  }
}

/** What 2,000 steps on batches of all sizes up to 32 leave behind. */
async function trainLong() {
  const engine = await engines['fused-webgpu']()
  const model = await engine.load(smallSpec, smallWeights)
  await model.step(smallBatch(0, 32), 1e-3)
  const before = engine.held()
  const calls = watch()
  for (let i = 0; i < 2000; i++) await model.step(smallBatch(i % 50, 1 + (i % 32)), 1e-3)
  const { buffers } = calls()
  const after = engine.held()
  await engine.dispose()
  return { before, after, made: buffers, left: engine.held() }
}

/** Takes the GPU away from an engine in the middle of a step; the failures that its callers get to see. */
async function loseGpu() {
  const { requestDevice } = GPUAdapter.prototype
  let device: GPUDevice | undefined
  GPUAdapter.prototype.requestDevice = async function (...args) {
    device = await requestDevice.apply(this, args)
    return device
  }
  const engine = await engines['fused-webgpu']().finally(() =>
    Object.assign(GPUAdapter.prototype, { requestDevice }),
  )
  const model = await engine.load(smallSpec, smallWeights)
  const failureOf = (call: Promise<unknown>) => call.then(() => undefined, toFailure)
  const cut = failureOf(model.step(smallBatch(1), 0.1))
  device!.destroy()
  const lost = toFailure(await engine.lost)
  const failures = [
    await cut,
    await failureOf(model.step(smallBatch(1), 0.1)),
    await failureOf(model.predict(smallBatch(1))),
    await failureOf(model.save()),
    await failureOf(engine.load(smallSpec, smallWeights)),
  ]
  await engine.dispose()
  return { lost, failures, held: engine.held() }
}

/** A model that the GPU has no room for. */
async function loadTooMuch() {
  const engine = await engines['fused-webgpu']()
  const limits = (await navigator.gpu.requestAdapter())!.limits
  const rows = Math.ceil(limits.maxStorageBufferBindingSize / 4 / 1000) + 1
  const spec = dinSpec(rows, 1000, 1)
  const tooMuch = Object.assign(initialWeights(dinSpec(2, 1000, 1), seeded(1)), {
    'embedding.items': { shape: [rows, 1000], data: new Float32Array(rows * 1000) },
  })
  const failure = await engine.load(spec, tooMuch).then(() => undefined, toFailure)
  const held = engine.held()
  await engine.dispose()
  return { failure, held }
}

const harness = { runContract, runEmbeddings, timeSteps, trainLong, loseGpu, loadTooMuch }
export type Harness = typeof harness
Object.assign(window, harness)
