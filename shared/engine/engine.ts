/** What computes: the one interface behind which tfjs, plain TypeScript and later kernels stand. */
import type { AppError } from '../failure.ts'
import type { ModelSpec } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import type { Batch } from '../sample.ts'

export const ENGINE_NAMES = [
  'fused-webgpu',
  'tfjs-webgpu',
  'fused-wasm',
  'tfjs-wasm',
  'tfjs-cpu',
  'plain',
] as const
export type EngineName = (typeof ENGINE_NAMES)[number]

export const OPTIMIZERS = ['adam', 'sgd', 'adagrad'] as const
export type Optimizer = (typeof OPTIMIZERS)[number]

/** How a model learns; what is left out is Adam over everything, pulled nowhere. */
export interface Training {
  /**
   * `adam` (Kingma & Ba 2015; β 0.9 and 0.999, ε 1e-7) · `sgd`: w −= η·g · `adagrad` (Duchi et al. 2011; the sum of
   * squares begins at 0.1, ε 1e-7).
   */
  readonly optimizer?: Optimizer
  /**
   * λ ≥ 0 of an L2 pull towards the weights that were loaded: adds λ·Σ(w − w₀)² over all trained parameters to what is
   * minimised (not to the loss that `step` and `gradient` tell), so 2λ·(w − w₀) to the step's gradient.
   */
  readonly pull?: number
  /**
   * Parameters whose name begins with one of these stay as they are: `embedding.`, `mlp.0`, … Dice's running statistics,
   * which no optimizer moves and no pull holds, follow every step's mini-batch unless they are among these.
   */
  readonly frozen?: readonly string[]
}

/** Holds one backend's memory; `dispose` gives all of it back. */
export interface Engine {
  readonly name: EngineName
  /**
   * A model with a copy of `weights`, ready to predict and to train with a fresh optimizer.
   * Throws `bad-artifact` if the weights do not fit the spec, `bad-input` for a training that makes no sense.
   */
  load(spec: ModelSpec, weights: Weights, training?: Training): Promise<Model>
  /** Buffers or tensors now held, over all models: a leak shows here. */
  held(): number
  /** Bytes now held, with room kept for the next model; absent where that cannot be told. */
  bytes?(): number
  dispose(): Promise<void>
  /** Where it can be taken away (a GPU): settles once it was, with what every later call throws; never rejects. */
  readonly lost?: Promise<AppError>
}

/**
 * One model on one engine. The loss is the weighted mean binary cross-entropy Σ w·bce / Σ w over a batch.
 * Ids outside their vocabulary throw `bad-input`; a loss, or a variance of Dice, that is not finite throws `diverged` and
 * leaves the weights as they were before the step. So does a step whose gradient is not finite or beyond 9e18, where its
 * square would no longer be a float32.
 */
export interface Model {
  readonly spec: ModelSpec
  /** One step of the optimizer on a batch; the loss before it. */
  step(batch: Batch, learningRate: number): Promise<number>
  /** The click probability of each row. Throws `diverged` where that is not a number. */
  predict(batch: Batch): Promise<Float32Array<ArrayBuffer>>
  /** Loss and its gradient at the present weights; changes nothing. */
  gradient(batch: Batch): Promise<{ loss: number; gradient: Weights }>
  /** A copy of the present weights. */
  save(): Promise<Weights>
  /** Remembers weights and optimizer … */
  mark(): Promise<void>
  /** … and goes back to what the last `mark` remembered. */
  revert(): Promise<void>
  dispose(): void
}
