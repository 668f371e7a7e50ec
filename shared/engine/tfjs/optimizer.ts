/** One step over tensors that are never written to. */
import * as tf from '@tensorflow/tfjs-core'
import { BETA1, BETA2 } from '../adam.ts'
import type { Optimizer } from '../engine.ts'
import { ADAGRAD_START, paceOf } from '../training.ts'

/** For each moment of the optimizer, one tensor for each trained parameter: Adam has two, Adagrad one, SGD none. */
export type Moments = tf.Tensor[][]

export function startMoments(optimizer: Optimizer, shapes: readonly (readonly number[])[]): Moments {
  const filled = (value: number) => shapes.map((shape) => tf.fill([...shape], value, 'float32'))
  return { adam: () => [filled(0), filled(0)], adagrad: () => [filled(ADAGRAD_START)], sgd: () => [] }[
    optimizer
  ]()
}

/** Parameters and moments after step `t`; to be called inside `tf.tidy`. */
export function advance(
  optimizer: Optimizer,
  t: number,
  learningRate: number,
  parameters: readonly tf.Tensor[],
  gradient: readonly tf.Tensor[],
  moments: Moments,
): { parameters: tf.Tensor[]; moments: Moments } {
  const pace = paceOf(optimizer, t, learningRate)
  const rate = tf.scalar(pace.rate)
  if (optimizer === 'sgd')
    return { parameters: parameters.map((p, i) => tf.sub(p, tf.mul(gradient[i]!, rate))), moments }
  const epsilon = tf.scalar(pace.epsilon)
  const moved = (first: readonly tf.Tensor[], second: readonly tf.Tensor[]) =>
    parameters.map((p, i) => tf.sub(p, tf.div(tf.mul(first[i]!, rate), tf.add(tf.sqrt(second[i]!), epsilon))))
  if (optimizer === 'adagrad') {
    const sums = moments[0]!.map((sum, i) => tf.add(sum, tf.square(gradient[i]!)))
    return { parameters: moved(gradient, sums), moments: [sums] }
  }
  const [beta1, alpha1, beta2, alpha2] = [BETA1, 1 - BETA1, BETA2, 1 - BETA2].map((value) => tf.scalar(value))
  const first = moments[0]!.map((m, i) => tf.add(tf.mul(m, beta1!), tf.mul(gradient[i]!, alpha1!)))
  const second = moments[1]!.map((v, i) =>
    tf.add(tf.mul(v, beta2!), tf.mul(tf.square(gradient[i]!), alpha2!)),
  )
  return { parameters: moved(first, second), moments: [first, second] }
}

/** gradient + 2λ·(parameters − start); to be called inside `tf.tidy`. */
export function pulled(
  gradient: readonly tf.Tensor[],
  pull: number,
  parameters: readonly tf.Tensor[],
  start: readonly tf.Tensor[],
): readonly tf.Tensor[] {
  if (pull === 0) return gradient
  const factor = tf.scalar(2 * pull)
  return gradient.map((g, i) => tf.add(g, tf.mul(tf.sub(parameters[i]!, start[i]!), factor)))
}
