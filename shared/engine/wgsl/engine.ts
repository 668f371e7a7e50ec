/**
 * The engine that is one WebGPU submission a step, of three dispatches: every row there and back through the network in
 * a workgroup of its own, the sum of their gradients, the optimizer. TensorFlow.js issues some hundred for the same.
 * Each hidden layer with Dice makes four more (dice.ts).
 * Parameters and moments stay on the GPU; one word per row comes back. Sums are taken in a fixed order: on one GPU the
 * same batches give the same bits.
 */
import { AppError } from '../../failure.ts'
import { checkWeights } from '../../model/spec.ts'
import type { Engine } from '../engine.ts'
import { settle } from '../training.ts'
import { openGpu } from './device.ts'
import { WgslModel } from './model.ts'
import { createState, type WgslOptions } from './state.ts'

/** Throws `engine` where there is no WebGPU. A software adapter will do: who wants a true one asks adapter.ts first. */
export async function createWgslEngine({
  traceBytes = 1 << 26,
  lazyEmbeddings = false,
}: WgslOptions = {}): Promise<Engine> {
  const gpu = await openGpu()
  const models = new Set<WgslModel>()
  let disposed = false
  return {
    name: 'fused-webgpu',
    lost: gpu.lost,
    async load(spec, weights, training) {
      if (disposed) throw new AppError('engine', 'The engine was disposed of.')
      checkWeights(spec, weights)
      const settled = settle(spec, training)
      const state = await createState(gpu, spec, weights, settled, { traceBytes, lazyEmbeddings })
      const model = new WgslModel(gpu, state, settled, lazyEmbeddings, () => models.delete(model))
      models.add(model)
      return model
    },
    held: gpu.held,
    bytes: gpu.bytes,
    async dispose() {
      disposed = true
      for (const model of models) model.dispose()
      gpu.close()
    },
  }
}
