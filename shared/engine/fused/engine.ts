/**
 * The engine that is one WebAssembly kernel: a whole training step in hand-written SIMD, where TensorFlow.js would issue
 * some hundred kernels. Bit for bit the same on every machine, and small enough for any page.
 */
import { AppError } from '../../failure.ts'
import { checkWeights } from '../../model/spec.ts'
import { movesAlone, settle } from '../training.ts'
import { compileKernel } from './kernel.ts'
import { FusedModel } from './model.ts'
import type { FusedEngine, Peers } from './replica.ts'
import { createState, type Home } from './state.ts'

export interface FusedOptions {
  /** Lazy embeddings, as the plain engine has it: a step's cost no longer grows with the rows that move by momentum alone. */
  readonly lazyEmbeddings?: boolean
  /** Of the one model that is loaded, where that is one of several replicas. */
  readonly peers?: Peers | undefined
}

/**
 * Throws `engine` where there is no WebAssembly with SIMD. Each model has a memory of its own, as large as it needs; that of
 * the model disposed of last is kept for the next that needs as much.
 */
export async function createFusedEngine({
  lazyEmbeddings = false,
  peers,
}: FusedOptions = {}): Promise<FusedEngine> {
  const home: Home = { kernel: await compileKernel(), spare: undefined, peers }
  const models = new Set<FusedModel>()
  return {
    name: 'fused-wasm',
    async load(spec, weights, training) {
      checkWeights(spec, weights)
      if (peers && spec.activation === 'dice')
        throw new AppError(
          'bad-input',
          'Dice takes its statistics of a whole mini-batch, which no replica has.',
        )
      const settled = settle(spec, training)
      const state = createState(home, spec, weights, settled)
      const alone = movesAlone(settled) && !lazyEmbeddings
      const model: FusedModel = new FusedModel(home, spec, settled, state, alone, () => models.delete(model))
      models.add(model)
      return model
    },
    held: () => [...models].reduce((held, model) => held + model.held, 0),
    bytes: () => [...models].reduce((sum, model) => sum + model.bytes, home.spare?.memory.byteLength ?? 0),
    async dispose() {
      for (const model of models) model.dispose()
      home.spare = undefined
    },
  }
}
