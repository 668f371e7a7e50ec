/** A model in a memory of its own: what is done to it are calls of the kernel. */
import { AppError } from '../../failure.ts'
import { checkWeights, type ModelSpec, shapesOf } from '../../model/spec.ts'
import type { Tensor, Weights } from '../../model/weights.ts'
import type { Batch } from '../../sample.ts'
import { checkBatch, checkButIds, checked, totalWeight } from '../batch.ts'
import { paceOf, type Settled, tooSteep, tooWide } from '../training.ts'
import { follow, hasFiniteStatistics, learnTogether, put, weightedRuns } from './pieces.ts'
import { gradientIn, type Moments, type Peers, type ResumableModel, toFirstIn } from './replica.ts'
import { read, write } from './space.ts'
import { grow, type Home, type State } from './state.ts'

export class FusedModel implements ResumableModel {
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

  get bytes(): number {
    const state = this.#state
    return state ? state.instance.memory.byteLength + (state.marked?.bytes.byteLength ?? 0) : 0
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
