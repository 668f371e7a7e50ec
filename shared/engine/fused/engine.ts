/**
 * The engine that is one WebAssembly kernel: a whole training step in hand-written SIMD, where TensorFlow.js would issue
 * some hundred kernels. Bit for bit the same on every machine, and small enough for any page.
 */
import { AppError } from '../../failure.ts'
import { checkWeights, type ModelSpec, shapesOf } from '../../model/spec.ts'
import type { Tensor, Weights } from '../../model/weights.ts'
import type { Batch } from '../../sample.ts'
import { checkBatch, checkButIds, totalWeight } from '../batch.ts'
import type { Engine, Model } from '../engine.ts'
import { ADAGRAD_START, movesAlone, paceOf, type Settled, settle, tooSteep } from '../training.ts'
import { compileKernel, type Exports, instantiate, type Kernel } from './kernel.ts'
import { type Layout, layOut } from './layout.ts'
import { fill, read, write } from './space.ts'

export interface FusedOptions {
  /** Lazy embeddings, as the plain engine has it: a step's cost no longer grows with the rows that move by momentum alone. */
  readonly lazyEmbeddings?: boolean
}

/** Throws `engine` where there is no WebAssembly with SIMD. Each model has a memory of its own, as large as it needs. */
export async function createFusedEngine({ lazyEmbeddings = false }: FusedOptions = {}): Promise<Engine> {
  const kernel = await compileKernel()
  const models = new Set<FusedModel>()
  return {
    name: 'fused-wasm',
    async load(spec, weights, training) {
      checkWeights(spec, weights)
      const settled = settle(spec, training)
      const state = await createState(kernel, spec, weights, settled)
      const alone = movesAlone(settled) && !lazyEmbeddings
      const model = new FusedModel(spec, settled, state, alone, () => models.delete(model))
      models.add(model)
      return model
    },
    held: () => [...models].reduce((held, model) => held + model.held, 0),
    async dispose() {
      for (const model of models) model.dispose()
    },
  }
}

interface State {
  readonly kernel: Exports
  readonly layout: Layout
  readonly floats: Float32Array
  readonly ints: Int32Array
  /** All that a step changes and a mark remembers, with the number of steps made. */
  readonly bytes: Uint8Array
  t: number
  marked: { readonly bytes: Uint8Array; t: number } | undefined
}

async function createState(
  kernel: Kernel,
  spec: ModelSpec,
  weights: Weights,
  training: Settled,
): Promise<State> {
  const layout = layOut(spec, training)
  const { kernel: exports, memory } = await instantiate(kernel, layout)
  const floats = new Float32Array(memory)
  for (const [name, place] of layout.places) {
    write(floats, place, weights[name]!.data)
    if (layout.toStart > 0) write(floats, place, weights[name]!.data, layout.toStart)
    if (training.optimizer === 'adagrad') fill(floats, place, ADAGRAD_START, layout.toSecond)
  }
  const { from, to } = layout.state
  const ints = new Int32Array(memory)
  const bytes = new Uint8Array(memory, from, to - from)
  return { kernel: exports, layout, floats, ints, bytes, t: 0, marked: undefined }
}

class FusedModel implements Model {
  readonly spec: ModelSpec
  #state: State | undefined
  readonly #training: Settled
  /** Whether rows without a gradient move too. */
  readonly #alone: boolean
  readonly #forget: () => void

  constructor(spec: ModelSpec, training: Settled, state: State, alone: boolean, forget: () => void) {
    this.spec = spec
    this.#training = training
    this.#state = state
    this.#alone = alone
    this.#forget = forget
  }

  /** Buffers held: the model's memory, and a mark's. */
  get held(): number {
    return this.#state ? (this.#state.marked ? 2 : 1) : 0
  }

  async step(batch: Batch, learningRate: number): Promise<number> {
    const state = this.#alive()
    const { optimizer, pull, frozen } = this.#training
    const t = state.t + 1
    const { rate, epsilon } = paceOf(optimizer, t, learningRate)
    return this.#learn(batch, frozen.size > 0, () => {
      const { kernel, layout } = state
      if (!kernel.step(layout.model, t, rate, epsilon, 2 * pull, this.#alone)) throw tooSteep()
      state.t = t
    }).loss
  }

  async predict(batch: Batch): Promise<Float32Array<ArrayBuffer>> {
    const state = this.#alive()
    checkButIds(this.spec, batch)
    const { kernel, layout, floats } = state
    const probabilities = new Float32Array(batch.size)
    kernel.begin(layout.model, false, false)
    for (let from = 0; from < batch.size; from += layout.rows) {
      const to = Math.min(from + layout.rows, batch.size)
      put(state, this.spec, batch, from, to)
      if (!kernel.predict(layout.model, to - from)) checkBatch(this.spec, batch)
      const at = layout.input.probabilities / 4
      probabilities.set(floats.subarray(at, at + to - from), from)
    }
    return probabilities
  }

  async gradient(batch: Batch): Promise<{ loss: number; gradient: Weights }> {
    const { layout } = this.#alive()
    const { loss, result } = this.#learn(batch, false, () => this.#tensors(layout.toGradient))
    return { loss, gradient: result }
  }

  async save(): Promise<Weights> {
    return this.#tensors(0)
  }

  async mark(): Promise<void> {
    const state = this.#alive()
    state.marked ??= { bytes: new Uint8Array(state.bytes.length), t: 0 }
    state.marked.bytes.set(state.bytes)
    state.marked.t = state.t
  }

  async revert(): Promise<void> {
    const state = this.#alive()
    if (!state.marked) throw new AppError('not-ready', 'The model has no mark to go back to.')
    state.bytes.set(state.marked.bytes)
    state.t = state.marked.t
  }

  dispose(): void {
    this.#state = undefined
    this.#forget()
  }

  /** The loss, and what `use` makes of the gradient while it lies in its buffer; `sparing` frozen parameters'. */
  #learn<T>(batch: Batch, sparing: boolean, use: () => T): { loss: number; result: T } {
    const state = this.#alive()
    checkBatch(this.spec, batch)
    const total = totalWeight(batch)
    const { kernel, layout } = state
    kernel.begin(layout.model, true, sparing)
    try {
      let sum = 0
      for (const [from, to] of weightedRuns(batch, layout.rows)) {
        put(state, this.spec, batch, from, to)
        putLabels(state, batch, from, to, total)
        sum += kernel.learn(layout.model, to - from)
      }
      const loss = Math.fround(sum)
      if (!Number.isFinite(loss)) throw new AppError('diverged', `The loss is ${loss}.`)
      kernel.finish(layout.model)
      return { loss, result: use() }
    } finally {
      kernel.clear(layout.model)
    }
  }

  /** Copies of the parameters, or of what lies `shift` bytes further on. */
  #tensors(shift: number): Weights {
    const { layout, floats } = this.#alive()
    const tensors: Record<string, Tensor> = {}
    for (const [name, shape] of shapesOf(this.spec))
      tensors[name] = { shape, data: read(floats, layout.places.get(name)!, shift) }
    return tensors
  }

  #alive(): State {
    if (!this.#state) throw new AppError('engine', 'The model was disposed of.')
    return this.#state
  }
}

/** Runs of at most `most` rows, [from, to), that have weight: a row without any is not computed at all. */
function weightedRuns({ size, weights }: Batch, most: number): [number, number][] {
  const runs: [number, number][] = []
  for (let from = 0; from < size; from++) {
    if (weights[from] === 0) continue
    let to = from + 1
    while (to < size && to - from < most && weights[to] !== 0) to++
    runs.push([from, to])
    from = to - 1
  }
  return runs
}

/** Lays ids and dense values of rows [from, to) where the kernel reads them. */
function put({ layout, floats, ints }: State, spec: ModelSpec, batch: Batch, from: number, to: number): void {
  const { ids, dense } = layout.input
  ints.set(batch.ids.subarray(from * spec.idWidth, to * spec.idWidth), ids / 4)
  floats.set(batch.dense.subarray(from * spec.denseWidth, to * spec.denseWidth), dense / 4)
}

function putLabels({ layout, floats }: State, batch: Batch, from: number, to: number, total: number): void {
  const { labels, shares } = layout.input
  for (let row = from; row < to; row++) {
    floats[labels / 4 + row - from] = batch.labels[row]!
    floats[shares / 4 + row - from] = batch.weights[row]! / total
  }
}
