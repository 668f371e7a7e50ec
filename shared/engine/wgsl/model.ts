/** A model whose parameters live on the GPU: what is done to it is a few dispatches in one submission. */
import { AppError } from '../../failure.ts'
import type { ModelSpec } from '../../model/spec.ts'
import type { Weights } from '../../model/weights.ts'
import type { Batch } from '../../sample.ts'
import { checkBatch, checked, totalWeight } from '../batch.ts'
import type { Model } from '../engine.ts'
import { unflatten } from '../plain/buffers.ts'
import { paceOf, type Settled, tooSteep, tooWide } from '../training.ts'
import type { Gpu } from './device.ts'
import { diceLayers } from './dice.ts'
import { MOST_WORKGROUPS } from './memory.ts'
import type { Lesson } from './send.ts'
import type { Phase, State } from './state.ts'
import { WIDE } from './text.ts'

export class WgslModel implements Model {
  readonly spec: ModelSpec
  readonly #gpu: Gpu
  readonly #training: Settled
  readonly #lazy: boolean
  readonly #forget: () => void
  #state: State | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(gpu: Gpu, state: State, training: Settled, lazy: boolean, forget: () => void) {
    this.spec = state.layout.spec
    this.#gpu = gpu
    this.#state = state
    this.#training = training
    this.#lazy = lazy
    this.#forget = forget
  }

  step(batch: Batch, learningRate: number): Promise<number> {
    return this.#inTurn(async (state) => {
      const pace = paceOf(this.#training.optimizer, state.t + 1, learningRate)
      const { loss, verdict } = await this.#learn(state, batch, pace)
      if (verdict !== 0) throw tooSteep()
      state.t++
      return loss
    })
  }

  predict(batch: Batch): Promise<Float32Array<ArrayBuffer>> {
    return this.#inTurn(async (state) => {
      checkBatch(this.spec, batch)
      const probabilities = new Float32Array(batch.size)
      const rows = Array.from({ length: batch.size }, (_, row) => row)
      for (const piece of pieces(rows, state.memory.most)) {
        const results = await this.#submit(state, batch, piece, { phases: ['predict'] })
        probabilities.set(new Float32Array(results.buffer, 4), piece[0]!)
      }
      return checked(probabilities)
    })
  }

  gradient(batch: Batch): Promise<{ loss: number; gradient: Weights }> {
    return this.#inTurn(async (state) => {
      const { memory, layout } = state
      try {
        const { loss } = await this.#learn(state, batch)
        const flat = await this.#gpu.guard(() => memory.download(memory.get('gradient')))
        return { loss, gradient: unflatten(this.spec, layout.plan, flat) }
      } finally {
        await this.#gpu.guard(() => this.#copy((encoder) => encoder.clearBuffer(memory.get('gradient'))))
      }
    })
  }

  save(): Promise<Weights> {
    return this.#inTurn(async ({ memory, layout }) => {
      const flat = await this.#gpu.guard(() => memory.download(memory.get('parameters')))
      return unflatten(this.spec, layout.plan, flat)
    })
  }

  mark(): Promise<void> {
    return this.#inTurn((state) =>
      this.#gpu.guard(() => {
        const { memory, moving } = state
        state.marked ??= { buffers: moving.map(() => memory.twin()), t: 0 }
        const { buffers } = state.marked
        this.#copy((encoder) =>
          moving.forEach((name, i) => void encoder.copyBufferToBuffer(memory.get(name), buffers[i]!)),
        )
        state.marked.t = state.t
      }),
    )
  }

  revert(): Promise<void> {
    return this.#inTurn((state) =>
      this.#gpu.guard(() => {
        const { memory, moving, marked } = state
        if (!marked) throw new AppError('not-ready', 'The model has no mark to go back to.')
        this.#copy((encoder) =>
          moving.forEach((name, i) => void encoder.copyBufferToBuffer(marked.buffers[i]!, memory.get(name))),
        )
        state.t = marked.t
      }),
    )
  }

  dispose(): void {
    this.#state?.memory.dispose()
    for (const buffer of this.#state?.marked?.buffers ?? []) this.#gpu.free(buffer)
    this.#state = undefined
    this.#forget()
  }

  /**
   * The loss, and what `results[0]` says of the gradient, which stays in its buffer unless there is a `pace`: then the
   * optimizer has used it.
   */
  async #learn(
    state: State,
    batch: Batch,
    pace?: { rate: number; epsilon: number },
  ): Promise<{ loss: number; verdict: number }> {
    checkBatch(this.spec, batch)
    const lesson: Lesson = { total: totalWeight(batch), rate: 0, epsilon: 0, ...pace }
    const rows = Array.from({ length: batch.size }, (_, row) => row).filter((row) => batch.weights[row] !== 0)
    let sum = 0
    let verdict = 0
    const all = pieces(rows, mostOf(state, rows.length))
    for (const [i, piece] of all.entries()) {
      const moves = pace !== undefined && i === all.length - 1
      const results = await this.#submit(state, batch, piece, {
        phases: moves ? LEARN_AND_MOVE : LEARN,
        lesson,
        first: i === 0,
        others: moves && this.#lazy ? all.slice(0, -1).flat() : [],
      })
      for (const loss of new Float32Array(results.buffer, 4)) sum += loss
      verdict = results[0]!
    }
    const loss = Math.fround(sum)
    if (!Number.isFinite(loss)) throw new AppError('diverged', `The loss is ${loss}.`)
    if ((verdict & WIDE) !== 0) throw tooWide()
    return { loss, verdict }
  }

  /** Sends a piece of a batch, runs the phases' kernels on it in one submission, and reads `results`. */
  #submit(
    state: State,
    batch: Batch,
    rows: readonly number[],
    { phases, lesson, first = true, others }: Submission,
  ): Promise<Uint32Array<ArrayBuffer>> {
    const { memory, sender, kernels } = state
    const { device } = this.#gpu
    const { sent, touched } = sender.pack(batch, rows, lesson, others)
    return this.#gpu.guard(() => {
      memory.fit(rows.length, sent.length)
      memory.write('sent', sent)
      const encoder = device.createCommandEncoder()
      if (first) encoder.clearBuffer(memory.get('results'), 0, 4)
      const pass = encoder.beginComputePass()
      for (const { shader, pipeline, workgroups } of phases.flatMap((phase) => kernels[phase])) {
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, memory.bind(shader, pipeline).group)
        pass.dispatchWorkgroups(Math.min(workgroups(rows.length, touched), MOST_WORKGROUPS))
      }
      pass.end()
      return memory.submitForResults(encoder, 1 + rows.length)
    })
  }

  #copy(encode: (encoder: GPUCommandEncoder) => void): void {
    const encoder = this.#gpu.device.createCommandEncoder()
    encode(encoder)
    this.#gpu.device.queue.submit([encoder.finish()])
  }

  /** Runs `work` when all work before it is done: one buffer carries what is sent, and one what is read. */
  #inTurn<T>(work: (state: State) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (!this.#state) throw new AppError('engine', 'The model was disposed of.')
      return work(this.#state)
    })
    this.#last = result.catch(() => undefined)
    return result
  }
}

interface Submission {
  readonly phases: readonly Phase[]
  readonly lesson?: Lesson
  /** Whether it is the first of its batch. */
  readonly first?: boolean
  /** Rows of the batch that went before, and whose embeddings move with those of this piece. */
  readonly others?: readonly number[]
}

const LEARN = ['learn', 'gather'] as const
const LEARN_AND_MOVE = [...LEARN, 'optimize'] as const

/** How many of a batch's rows are learnt from at one time: Dice must have them all. */
function mostOf({ layout, memory }: State, rows: number): number {
  if (diceLayers(layout).length === 0) return memory.most
  if (rows <= MOST_WORKGROUPS) return rows
  throw new AppError(
    'engine',
    `The GPU takes at most ${MOST_WORKGROUPS} rows in a batch for Dice, not ${rows}.`,
  )
}

/** At most `most` rows at a time. */
function pieces(rows: readonly number[], most: number): number[][] {
  const count = Math.ceil(rows.length / most)
  return Array.from({ length: count }, (_, i) => rows.slice(i * most, (i + 1) * most))
}
