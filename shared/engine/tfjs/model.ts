/**
 * A model on tfjs. Its state is a set of tensors that are never written to: a step makes the next set and drops this
 * one, so `mark` only has to keep a second handle on them, and a step that diverged only has to drop what it made.
 */
import * as tf from '@tensorflow/tfjs-core'
import { AppError } from '../../failure.ts'
import { type ModelSpec, shapesOf } from '../../model/spec.ts'
import type { Tensor, Weights } from '../../model/weights.ts'
import type { Batch } from '../../sample.ts'
import { BETA1, BETA2, corrected } from '../adam.ts'
import { checkBatch, padBatch, totalWeight } from '../batch.ts'
import type { Model } from '../engine.ts'
import { lossAndGradient, probabilities } from './network.ts'

/** Parameters and Adam's moments, each in the order of `shapesOf`. */
type State = {
  readonly t: number
  readonly parameters: tf.Tensor[]
  readonly first: tf.Tensor[]
  readonly second: tf.Tensor[]
}

export interface Surroundings {
  /** Runs work alone on the engine's backend. */
  alone<T>(work: () => Promise<T>): Promise<T>
  /** The size to which a batch is padded, so that few shapes occur. */
  paddedSize(size: number): number
  forget(): void
}

/** To be made inside `alone`, from checked weights. */
export class TfjsModel implements Model {
  readonly spec: ModelSpec
  readonly #around: Surroundings
  readonly #names: readonly string[]
  #now: State | undefined
  #marked: State | undefined

  constructor(spec: ModelSpec, weights: Weights, around: Surroundings) {
    this.spec = spec
    this.#around = around
    this.#names = [...shapesOf(spec).keys()]
    const shapes = [...shapesOf(spec).values()].map((shape) => [...shape])
    const zeros = () => shapes.map((shape) => tf.zeros(shape))
    this.#now = {
      t: 0,
      // The cpu backend computes in the very array that it is given.
      parameters: this.#names.map((name, i) => tf.tensor(weights[name]!.data.slice(), shapes[i])),
      first: zeros(),
      second: zeros(),
    }
  }

  step(batch: Batch, learningRate: number): Promise<number> {
    return this.#learn(batch, async (padded, total) => {
      const now = this.#alive()
      const { loss, next } = tf.tidy(() => {
        const { loss, gradient } = lossAndGradient(this.spec, this.#named(now), padded, total)
        return { loss, next: adam(now, gradient, learningRate) }
      })
      try {
        const value = await finite(loss)
        if (this.#now !== now) throw disposed()
        this.#now = next
        drop(now)
        return value
      } catch (error) {
        drop(next)
        throw error
      }
    })
  }

  predict(batch: Batch): Promise<Float32Array<ArrayBuffer>> {
    return this.#around.alone(async () => {
      const now = this.#alive()
      checkBatch(this.spec, batch)
      if (batch.size === 0) return new Float32Array(0)
      const padded = padBatch(this.spec, batch, this.#around.paddedSize(batch.size))
      const result = tf.tidy(() => probabilities(this.spec, this.#named(now), padded))
      return (await read(result)).slice(0, batch.size)
    })
  }

  gradient(batch: Batch): Promise<{ loss: number; gradient: Weights }> {
    return this.#learn(batch, async (padded, total) => {
      const parameters = this.#named(this.#alive())
      const { loss, gradient } = tf.tidy(() => lossAndGradient(this.spec, parameters, padded, total))
      try {
        return { loss: await finite(loss), gradient: await this.#export(gradient) }
      } finally {
        tf.dispose(gradient)
      }
    })
  }

  save(): Promise<Weights> {
    return this.#around.alone(() => this.#export(this.#alive().parameters))
  }

  mark(): Promise<void> {
    return this.#around.alone(async () => {
      const handle = share(this.#alive())
      drop(this.#marked)
      this.#marked = handle
    })
  }

  revert(): Promise<void> {
    return this.#around.alone(async () => {
      const now = this.#alive()
      if (!this.#marked) throw new AppError('not-ready', 'The model has no mark to go back to.')
      this.#now = share(this.#marked)
      drop(now)
    })
  }

  dispose(): void {
    drop(this.#now)
    drop(this.#marked)
    this.#now = undefined
    this.#marked = undefined
    this.#around.forget()
  }

  #learn<T>(batch: Batch, work: (padded: Batch, total: number) => Promise<T>): Promise<T> {
    return this.#around.alone(async () => {
      checkBatch(this.spec, batch)
      const total = totalWeight(batch)
      return work(padBatch(this.spec, batch, this.#around.paddedSize(batch.size)), total)
    })
  }

  #named({ parameters }: State): Map<string, tf.Tensor> {
    return new Map(this.#names.map((name, i) => [name, parameters[i]!]))
  }

  async #export(tensors: readonly tf.Tensor[]): Promise<Weights> {
    const exported: Record<string, Tensor> = {}
    const values = await Promise.all(tensors.map((tensor) => tensor.data()))
    this.#names.forEach((name, i) => {
      exported[name] = {
        shape: [...tensors[i]!.shape],
        data: (values[i] as Float32Array<ArrayBuffer>).slice(),
      }
    })
    return exported
  }

  #alive(): State {
    if (!this.#now) throw disposed()
    return this.#now
  }
}

/** The state after one step of Adam; to be called inside `tf.tidy`. */
function adam({ t, parameters, first, second }: State, gradient: tf.Tensor[], learningRate: number): State {
  const { rate, epsilon } = corrected(t + 1, learningRate)
  const beta1 = tf.scalar(BETA1)
  const alpha1 = tf.scalar(1 - BETA1)
  const beta2 = tf.scalar(BETA2)
  const alpha2 = tf.scalar(1 - BETA2)
  const scaled = tf.scalar(rate)
  const floor = tf.scalar(epsilon)
  const nextFirst = first.map((m, i) => tf.add(tf.mul(m, beta1), tf.mul(gradient[i]!, alpha1)))
  const nextSecond = second.map((v, i) => tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient[i]!), alpha2)))
  const moved = parameters.map((p, i) =>
    tf.sub(p, tf.div(tf.mul(nextFirst[i]!, scaled), tf.add(tf.sqrt(nextSecond[i]!), floor))),
  )
  return { t: t + 1, parameters: moved, first: nextFirst, second: nextSecond }
}

const disposed = () => new AppError('engine', 'The model was disposed of.')

const tensorsOf = ({ parameters, first, second }: State) => [...parameters, ...first, ...second]

function drop(state: State | undefined): void {
  if (state) tf.dispose(tensorsOf(state))
}

/** A second handle on the same memory. */
function share({ t, parameters, first, second }: State): State {
  const handles = (tensors: tf.Tensor[]) => tensors.map((tensor) => tf.clone(tensor))
  return { t, parameters: handles(parameters), first: handles(first), second: handles(second) }
}

/** Reads a tensor and drops it. */
async function read(tensor: tf.Tensor): Promise<Float32Array<ArrayBuffer>> {
  try {
    return (await tensor.data()) as Float32Array<ArrayBuffer>
  } finally {
    tensor.dispose()
  }
}

async function finite(loss: tf.Scalar): Promise<number> {
  const value = (await read(loss))[0]!
  if (!Number.isFinite(value)) throw new AppError('diverged', `The loss is ${value}.`)
  return value
}
