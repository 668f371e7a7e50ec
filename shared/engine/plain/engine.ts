/**
 * The engine in plain TypeScript: no dependency, no start-up, no copies to and from a backend. It ranks in the device
 * worker and trains the global model on the server.
 */
import { AppError } from '../../failure.ts'
import { checkWeights, type ModelSpec } from '../../model/spec.ts'
import type { Weights } from '../../model/weights.ts'
import type { Batch } from '../../sample.ts'
import { checkBatch, checked, totalWeight } from '../batch.ts'
import type { Engine, Model } from '../engine.ts'
import { type Settled, settle } from '../training.ts'
import { flatten, planOf, TouchedRows, unflatten } from './buffers.ts'
import { createNetwork } from './network.ts'
import { Optimizer } from './optimizer.ts'

export interface PlainOptions {
  /**
   * An embedding row and its moments change, and are pulled, only in steps that give the row a gradient; Adam's bias
   * correction counts all steps. Makes a step's cost independent of the tables' sizes, for global training.
   */
  readonly lazyEmbeddings?: boolean
}

/** Starts at once and needs nothing; memory is the garbage collector's. */
export function createPlainEngine({ lazyEmbeddings = false }: PlainOptions = {}): Engine {
  const models = new Set<PlainModel>()
  return {
    name: 'plain',
    async load(spec, weights, training) {
      checkWeights(spec, weights)
      const state = createState(spec, weights, lazyEmbeddings, settle(spec, training))
      const model = new PlainModel(spec, state, () => models.delete(model))
      models.add(model)
      return model
    },
    held: () => [...models].reduce((held, model) => held + model.held, 0),
    async dispose() {
      for (const model of models) model.dispose()
    },
  }
}

type State = ReturnType<typeof createState>

class PlainModel implements Model {
  readonly spec: ModelSpec
  #state: State | undefined
  readonly #forget: () => void

  constructor(spec: ModelSpec, state: State, forget: () => void) {
    this.spec = spec
    this.#state = state
    this.#forget = forget
  }

  /** Buffers held: parameters and gradient, the optimizer's, a mark's. */
  get held(): number {
    return this.#state ? 2 + this.#state.optimizer.held + (this.#state.marked ? 1 : 0) : 0
  }

  async step(batch: Batch, learningRate: number): Promise<number> {
    const { optimizer, network, following, touched, gradient } = this.#alive()
    const loss = this.#learn(batch, true)
    try {
      optimizer.step(learningRate)
      network.follow(following)
    } finally {
      touched.clear(gradient)
    }
    return loss
  }

  async predict(batch: Batch): Promise<Float32Array<ArrayBuffer>> {
    checkBatch(this.spec, batch)
    const probabilities = new Float32Array(batch.size)
    this.#alive().network.predict(batch, probabilities)
    return checked(probabilities)
  }

  async gradient(batch: Batch): Promise<{ loss: number; gradient: Weights }> {
    const { plan, touched, gradient } = this.#alive()
    const loss = this.#learn(batch, false)
    const copy = unflatten(this.spec, plan, gradient)
    touched.clear(gradient)
    return { loss, gradient: copy }
  }

  async save(): Promise<Weights> {
    const { plan, parameters } = this.#alive()
    return unflatten(this.spec, plan, parameters)
  }

  async mark(): Promise<void> {
    const state = this.#alive()
    state.marked ??= new Float32Array(state.parameters.length)
    state.marked.set(state.parameters)
    state.optimizer.mark()
  }

  async revert(): Promise<void> {
    const { marked, parameters, optimizer } = this.#alive()
    if (!marked) throw new AppError('not-ready', 'The model has no mark to go back to.')
    parameters.set(marked)
    optimizer.revert()
  }

  dispose(): void {
    this.#state = undefined
    this.#forget()
  }

  /** The loss; leaves the gradient in its buffer, to be cleared by the caller. */
  #learn(batch: Batch, sparing: boolean): number {
    const { network, touched, gradient } = this.#alive()
    checkBatch(this.spec, batch)
    const total = totalWeight(batch)
    try {
      const loss = Math.fround(network.learn(batch, total, sparing)) // what overflows a float32 would overflow the weights
      if (!Number.isFinite(loss)) throw new AppError('diverged', `The loss is ${loss}.`)
      return loss
    } catch (error) {
      touched.clear(gradient)
      throw error
    }
  }

  #alive(): State {
    if (!this.#state) throw new AppError('engine', 'The model was disposed of.')
    return this.#state
  }
}

function createState(spec: ModelSpec, weights: Weights, lazy: boolean, training: Settled) {
  const { frozen } = training
  const plan = planOf(spec, frozen)
  const parameters = flatten(spec, plan, weights)
  const gradient = new Float32Array(plan.size)
  const touched = new TouchedRows(spec, frozen)
  const work = new Float64Array(plan.size - plan.embedded)
  const buffers = { parameters, gradient, work, dWork: new Float64Array(work.length) }
  const network = createNetwork(spec, plan, buffers, touched, frozen)
  const optimizer = new Optimizer(buffers, plan, touched, lazy, training)
  return {
    plan,
    parameters,
    gradient,
    touched,
    network,
    following: training.following,
    optimizer,
    marked: undefined as typeof parameters | undefined,
  }
}
