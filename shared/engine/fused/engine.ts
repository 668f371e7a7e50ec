/**
 * The engine that is one WebAssembly kernel: a whole training step in hand-written SIMD, where TensorFlow.js would issue
 * some hundred kernels. Bit for bit the same on every machine, and small enough for any page.
 */
import { AppError } from '../../failure.ts'
import { checkWeights, type ModelSpec, shapesOf } from '../../model/spec.ts'
import type { Tensor, Weights } from '../../model/weights.ts'
import type { Batch } from '../../sample.ts'
import { checkBatch, checkButIds, checked, totalWeight } from '../batch.ts'
import {
  ADAGRAD_START,
  followed,
  movesAlone,
  paceOf,
  type Settled,
  settle,
  tooSteep,
  tooWide,
} from '../training.ts'
import { compileKernel, type Exports, type Instance, instantiate, type Kernel } from './kernel.ts'
import { type Layout, layOut } from './layout.ts'
import {
  type FusedEngine,
  gradientIn,
  type Moments,
  type Peers,
  type ResumableModel,
  toFirstIn,
} from './replica.ts'
import { fill, read, write } from './space.ts'

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
    async dispose() {
      for (const model of models) model.dispose()
      home.spare = undefined
    },
  }
}

/** What an engine's models share. */
interface Home {
  readonly kernel: Kernel
  readonly peers: Peers | undefined
  spare: Instance | undefined
}

interface State {
  readonly instance: Instance
  readonly kernel: Exports
  readonly layout: Layout
  readonly floats: Float32Array
  readonly ints: Int32Array
  /** All that a step changes and a mark remembers, with the number of steps made. */
  readonly bytes: Uint8Array
  t: number
  marked: { readonly bytes: Uint8Array; t: number } | undefined
}

function createState(home: Home, spec: ModelSpec, weights: Weights, training: Settled): State {
  const layout = layOut(spec, training)
  const state = stateOf(home, layout)
  for (const [name, place] of layout.places) {
    write(state.floats, place, weights[name]!.data)
    if (layout.toStart > 0) write(state.floats, place, weights[name]!.data, layout.toStart)
    if (training.optimizer === 'adagrad') fill(state.floats, place, ADAGRAD_START, layout.toSecond)
  }
  return state
}

function stateOf(home: Home, layout: Layout): State {
  const instance = instantiate(home.kernel, layout, home.spare)
  if (instance === home.spare) home.spare = undefined
  const { kernel, memory } = instance
  const { from, to } = layout.state
  return {
    instance,
    kernel,
    layout,
    floats: new Float32Array(memory),
    ints: new Int32Array(memory),
    bytes: new Uint8Array(memory, from, to - from),
    t: 0,
    marked: undefined,
  }
}

/** The same state with room for a batch of so many rows, and for all smaller than the next power of two. */
function grow(home: Home, { instance, t, marked }: State, spec: ModelSpec, training: Settled, rows: number) {
  const layout = layOut(spec, training, 2 ** Math.ceil(Math.log2(rows)))
  const state = stateOf(home, layout)
  new Uint8Array(state.instance.memory).set(new Uint8Array(instance.memory, 0, layout.lasting))
  return { ...state, t, marked }
}

class FusedModel implements ResumableModel {
  readonly spec: ModelSpec
  readonly #home: Home
  #state: State | undefined
  readonly #training: Settled
  /** Whether rows without a gradient move too. */
  readonly #alone: boolean
  readonly #forget: () => void

  constructor(
    home: Home,
    spec: ModelSpec,
    training: Settled,
    state: State,
    alone: boolean,
    forget: () => void,
  ) {
    this.#home = home
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
    const { optimizer, pull, frozen, following } = this.#training
    const t = this.#alive().t + 1
    const { rate, epsilon } = paceOf(optimizer, t, learningRate)
    const move = (state: State) => {
      const { kernel, layout } = state
      if (!kernel.step(layout.model, t, rate, epsilon, 2 * pull, this.#alone)) throw tooSteep()
      follow(state, following)
      state.t = t
    }
    return this.#learn(batch, frozen.size > 0, move, this.#home.peers).loss
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
    return checked(probabilities)
  }

  async gradient(batch: Batch): Promise<{ loss: number; gradient: Weights }> {
    const { loss, result } = this.#learn(batch, false, ({ layout }) => this.#tensors(layout.toGradient))
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

  async saveMoments(): Promise<Moments> {
    const { t, layout } = this.#alive()
    return { t, first: this.#tensors(toFirstIn(layout)), second: this.#tensors(layout.toSecond) }
  }

  async loadMoments({ t, first, second }: Moments): Promise<void> {
    const state = this.#alive()
    const { floats, layout } = state
    for (const moments of [first, second]) checkWeights(this.spec, moments)
    for (const [name, place] of layout.places) {
      write(floats, place, first[name]!.data, toFirstIn(layout))
      write(floats, place, second[name]!.data, layout.toSecond)
    }
    state.t = t
  }

  dispose(): void {
    if (this.#state) this.#home.spare = this.#state.instance
    this.#state = undefined
    this.#forget()
  }

  /** The loss, and what `use` makes of the gradient while it lies in its buffer; `sparing` frozen parameters'. */
  #learn<T>(
    batch: Batch,
    sparing: boolean,
    use: (state: State) => T,
    peers?: Peers,
  ): { loss: number; result: T } {
    this.#alive()
    checkButIds(this.spec, batch)
    const total = peers?.total ?? totalWeight(batch)
    const state = this.#roomFor(batch)
    const { kernel, layout } = state
    const runs = weightedRuns(batch, layout.rows)
    // The kernel looks at the ids of the rows that it is given.
    if (batch.weights.includes(0)) checkBatch(this.spec, batch)
    kernel.begin(layout.model, true, sparing)
    try {
      let sum = 0
      for (const group of layout.statistics.size > 0 ? [runs] : runs.map((run) => [run]))
        sum += learnTogether(state, this.spec, batch, group, total)
      kernel.finish(layout.model)
      if (peers) sum = peers.add(gradientIn(state.floats, layout), sum)
      const loss = Math.fround(sum)
      if (!Number.isFinite(loss)) throw new AppError('diverged', `The loss is ${loss}.`)
      if (!hasFiniteStatistics(state)) throw tooWide()
      return { loss, result: use(state) }
    } finally {
      kernel.clear(layout.model)
    }
  }

  /** The state, with a larger memory if all of the batch must be there together and is more than any before. */
  #roomFor({ size }: Batch): State {
    const state = this.#alive()
    const { together, statistics } = state.layout
    if (statistics.size === 0 || size <= together) return state
    this.#state = grow(this.#home, state, this.spec, this.#training, size)
    return this.#state
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

/** Takes these runs of rows to the layers, those there and back with all of them, and them back; their loss. */
function learnTogether(
  state: State,
  spec: ModelSpec,
  batch: Batch,
  runs: readonly [number, number][],
  total: number,
): number {
  const { kernel, layout } = state
  let at = 0
  for (const [from, to] of runs) {
    put(state, spec, batch, from, to)
    putLabels(state, batch, from, to, at, total)
    if (!kernel.enter(layout.model, at, to - from)) checkBatch(spec, batch)
    at += to - from
  }
  const loss = kernel.learn(layout.model, at)
  for (const [i, [from, to]] of [...runs.entries()].reverse()) {
    at -= to - from
    if (i < runs.length - 1) {
      put(state, spec, batch, from, to)
      kernel.enter(layout.model, at, to - from)
    }
    kernel.leave(layout.model, at, to - from)
  }
  return loss
}

function hasFiniteStatistics({ layout, floats }: State): boolean {
  for (const [name, at] of layout.statistics) {
    const { columns } = layout.places.get(name)!
    if (!floats.subarray(at / 4, at / 4 + columns).every(Number.isFinite)) return false
  }
  return true
}

/** Draws these running statistics towards those of the rows learnt from last. */
function follow({ layout, floats }: State, names: ReadonlySet<string>): void {
  for (const [name, at] of layout.statistics) {
    if (!names.has(name)) continue
    const { at: running, columns } = layout.places.get(name)!
    for (let j = 0; j < columns; j++)
      floats[running / 4 + j] = followed(floats[running / 4 + j]!, floats[at / 4 + j]!)
  }
}

/** Lays ids and dense values of rows [from, to) where the kernel reads them. */
function put({ layout, floats, ints }: State, spec: ModelSpec, batch: Batch, from: number, to: number): void {
  const { ids, dense } = layout.input
  ints.set(batch.ids.subarray(from * spec.idWidth, to * spec.idWidth), ids / 4)
  floats.set(batch.dense.subarray(from * spec.denseWidth, to * spec.denseWidth), dense / 4)
}

/** Lays labels and shares of rows [from, to) where the kernel reads them, as its rows from `at` on. */
function putLabels(
  { layout, floats }: State,
  { labels, weights }: Batch,
  from: number,
  to: number,
  at: number,
  total: number,
): void {
  const { input } = layout
  for (let row = from; row < to; row++) {
    floats[input.labels / 4 + at + row - from] = labels[row]!
    floats[input.shares / 4 + at + row - from] = weights[row]! / total
  }
}
