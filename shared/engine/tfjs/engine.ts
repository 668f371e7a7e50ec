/** TensorFlow.js behind the Engine interface: WebGPU where there is a GPU, WebAssembly elsewhere, plain JS at worst. */
import * as tf from '@tensorflow/tfjs-core'
import { checkWeights } from '../../model/spec.ts'
import type { Engine } from '../engine.ts'
import { settle } from '../training.ts'
import { alone, type BackendName, lossOf, startBackend, type WasmSource } from './backend.ts'
import { TfjsModel } from './model.ts'

export interface TfjsOptions {
  readonly backend: BackendName
  /** Used by `wasm` only; the first engine of a thread settles it. */
  readonly wasmPaths?: WasmSource | undefined
}

/** Throws `engine` if the backend cannot start here. Engines may coexist; their work takes turns. */
export async function createTfjsEngine({ backend, wasmPaths }: TfjsOptions): Promise<Engine> {
  await startBackend(backend, wasmPaths)
  const before = tf.memory().numTensors
  const models = new Set<TfjsModel>()
  const lost = lossOf(backend)
  return {
    name: `tfjs-${backend}`,
    ...(lost && { lost }),
    load(spec, weights, training) {
      return alone(backend, async () => {
        checkWeights(spec, weights)
        const model: TfjsModel = new TfjsModel(spec, weights, settle(spec, training), {
          alone: (work) => alone(backend, work),
          paddedSize: backend === 'webgpu' ? nextPowerOfTwo : (size) => size,
          forget: () => models.delete(model),
        })
        models.add(model)
        return model
      })
    },
    /** Tensors alive now less those alive at creation: counts all tfjs engines of this thread. */
    held: () => tf.memory().numTensors - before,
    async dispose() {
      for (const model of models) model.dispose()
    },
  }
}

/** WebGPU keeps a pool of buffers by exact size and a pipeline by shape, for ever: so few sizes must occur. */
const nextPowerOfTwo = (size: number): number => 2 ** Math.ceil(Math.log2(Math.max(size, 8)))
