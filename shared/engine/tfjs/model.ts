/**
 * A model on tfjs. Its state is a set of tensors that are never written to: a step makes the next set and drops this
 * one, so `mark` only has to keep a second handle on them, and a step that diverged only has to drop what it made.
 */
import * as tf from '@tensorflow/tfjs-core'
import { AppError } from '../../failure.ts'
import { DICE_MOMENTUM, type ModelSpec, shapesOf } from '../../model/spec.ts'
import type { Tensor, Weights } from '../../model/weights.ts'
import type { Batch } from '../../sample.ts'
import { checkBatch, checked, padBatch, totalWeight } from '../batch.ts'
import type { Model } from '../engine.ts'
import { type Settled, TOO_STEEP, tooSteep, tooWide } from '../training.ts'
import { type Lesson, lossAndGradient, probabilities } from './network.ts'
import { advance, type Moments, pulled, startMoments } from './optimizer.ts'

/** Parameters in the order of `shapesOf`; the optimizer's moments of those that are trained. */
type State = {
  readonly t: number
  readonly parameters: tf.Tensor[]
  readonly moments: Moments
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
  readonly #training: Settled
  readonly #names: readonly string[]
  /** Which of `#names` are not frozen. */
  readonly #trained: readonly number[]
  /** Where a pull pulls to, in the order of `#trained`; empty if there is none. */
  #start: readonly tf.Tensor[]
  #now: State | undefined
  #marked: State | undefined

  constructor(spec: ModelSpec, weights: Weights, training: Settled, around: Surroundings) {
    this.spec = spec
    this.#around = around
    this.#training = training
    this.#names = [...shapesOf(spec).keys()]
    this.#trained = [...this.#names.keys()].filter((i) => !training.frozen.has(this.#names[i]!))
    const shapes = [...shapesOf(spec).values()].map((shape) => [...shape])
    // The cpu backend computes in the very array that it is given.
    const parameters = this.#names.map((name, i) => tf.tensor(weights[name]!.data.slice(), shapes[i]))
    const moments = startMoments(training.optimizer, this.#ofTrained(shapes))
    this.#now = { t: 0, parameters, moments }
    this.#start = training.pull > 0 ? handles(this.#ofTrained(parameters)) : []
  }

  step(batch: Batch, learningRate: number): Promise<number> {
    return this.#learn(batch, async (padded, total) => {
      const now = this.#alive()
      const { verdict, next } = tf.tidy(() => {
        const wanted = this.#ofTrained(this.#names)
        const lesson = lossAndGradient(this.spec, this.#named(now), padded, total, wanted)
        const before = this.#ofTrained(now.parameters)
        const along = pulled(lesson.gradient, this.#training.pull, before, this.#start)
        const verdict = judge(lesson, along)
        return { verdict, next: this.#advance(now, along, lesson.statistics, learningRate) }
      })
      try {
        const value = await approved(verdict)
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

  /** The state after one step along this gradient of what is trained; to be called inside `tf.tidy`. */
  #advance(
    now: State,
    along: readonly tf.Tensor[],
    statistics: Lesson['statistics'],
    learningRate: number,
  ): State {
    const { optimizer, following } = this.#training
    const t = now.t + 1
    const before = this.#ofTrained(now.parameters)
    const after = advance(optimizer, t, learningRate, before, along, now.moments)
    const parameters: tf.Tensor[] = now.parameters.map((parameter, i) => {
      const name = this.#names[i]!
      if (following.has(name)) return followed(parameter, statistics.get(name)!)
      const at = this.#trained.indexOf(i)
      return at < 0 ? tf.clone(parameter) : after.parameters[at]!
    })
    return { t, parameters, moments: after.moments }
  }

  #ofTrained<T>(all: readonly T[]): T[] {
    return this.#trained.map((i) => all[i]!)
  }

  predict(batch: Batch): Promise<Float32Array<ArrayBuffer>> {
    return this.#around.alone(async () => {
      const now = this.#alive()
      checkBatch(this.spec, batch)
      if (batch.size === 0) return new Float32Array(0)
      const padded = padBatch(this.spec, batch, this.#around.paddedSize(batch.size))
      const result = tf.tidy(() => probabilities(this.spec, this.#named(now), padded))
      return checked((await read(result)).slice(0, batch.size))
    })
  }

  gradient(batch: Batch): Promise<{ loss: number; gradient: Weights }> {
    return this.#learn(batch, async (padded, total) => {
      const parameters = this.#named(this.#alive())
      const { verdict, gradient } = tf.tidy(() => {
        const lesson = lossAndGradient(this.spec, parameters, padded, total, this.#names)
        return { verdict: judge(lesson, []), gradient: lesson.gradient }
      })
      try {
        return { loss: await approved(verdict), gradient: await this.#export(gradient) }
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
    tf.dispose([...this.#start])
    this.#now = undefined
    this.#marked = undefined
    this.#start = []
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

const disposed = () => new AppError('engine', 'The model was disposed of.')

const tensorsOf = ({ parameters, moments }: State) => [...parameters, ...moments.flat()]

function drop(state: State | undefined): void {
  if (state) tf.dispose(tensorsOf(state))
}

/** A second handle on the same memory. */
const share = ({ t, parameters, moments }: State): State => ({
  t,
  parameters: handles(parameters),
  moments: moments.map(handles),
})

const handles = (tensors: readonly tf.Tensor[]): tf.Tensor[] => tensors.map((tensor) => tf.clone(tensor))

/** Reads a tensor and drops it. */
async function read(tensor: tf.Tensor): Promise<Float32Array<ArrayBuffer>> {
  try {
    return (await tensor.data()) as Float32Array<ArrayBuffer>
  } finally {
    tensor.dispose()
  }
}

/** Not far below the largest float32; infinity itself is no constant of WGSL. */
const HUGE = 3.4e38

const followed = (running: tf.Tensor, ofBatch: tf.Tensor): tf.Tensor =>
  tf.add(tf.mul(running, DICE_MOMENTUM), tf.mul(ofBatch, 1 - DICE_MOMENTUM))

/** The loss, how many statistics are not finite, and how many numbers of `along` are too steep: one read for all three. */
const judge = ({ loss, statistics }: Lesson, along: readonly tf.Tensor[]): tf.Tensor =>
  tf.stack([loss, beyond([...statistics.values()], HUGE), beyond(along, TOO_STEEP)])

/** How many of these numbers are not smaller than `limit`, either way: a NaN is not. */
function beyond(tensors: readonly tf.Tensor[], limit: number): tf.Scalar {
  if (tensors.length === 0) return tf.scalar(0)
  const all = tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])))
  return tf.sum(tf.cast(tf.logicalNot(tf.less(tf.abs(all), limit)), 'float32'))
}

/** The loss, if nothing speaks against what was computed. */
async function approved(verdict: tf.Tensor): Promise<number> {
  const [loss, wide, steep] = await read(verdict)
  if (!Number.isFinite(loss)) throw new AppError('diverged', `The loss is ${loss}.`)
  if (wide! > 0) throw tooWide()
  if (steep! > 0) throw tooSteep()
  return loss!
}
