/** Dice of a layer's hidden units (../../model/spec.ts defines it) in functional tfjs ops, with its own way back. */
import * as tf from '@tensorflow/tfjs-core'
import { DICE_EPSILON } from '../../model/spec.ts'
import type { Gradients } from './gradients.ts'
import type { Layer, Parameters } from './layers.ts'

/** The rows of a batch that have weight: those that the statistics are of. */
export interface Counted {
  readonly first: number
  readonly count: number
  /** [size, 1]: 1 for each of them. */
  readonly mask: tf.Tensor2D
}

export function countedRows(weights: Float32Array): Counted {
  const mask = weights.map(Math.sign)
  return {
    first: mask.indexOf(1),
    count: mask.reduce((sum, one) => sum + one, 0),
    mask: tf.tensor2d(mask, [mask.length, 1]),
  }
}

export interface Diced extends Layer {
  /** Mean and variance of the counted rows; absent where the running ones were used. */
  readonly statistics?: { readonly mean: tf.Tensor; readonly variance: tf.Tensor }
}

/** With the statistics of the rows that are `counted`, or without any such the running ones. */
export function dice(parameters: Parameters, name: string, z: tf.Tensor2D, counted?: Counted): Diced {
  const alpha = parameters.get(`${name}.slope`)!
  const rest = tf.sub(1, alpha)
  const { mean, variance, apart } = counted ? measure(z, counted) : running(parameters, name, z)
  const scale = tf.rsqrt(tf.add(variance, DICE_EPSILON))
  const n = tf.mul(apart, scale)
  const p = tf.sigmoid(n)
  const gate = tf.add(alpha, tf.mul(rest, p))
  return {
    value: tf.mul(z, gate),
    ...(counted ? { statistics: { mean, variance } } : {}),
    back(dValue: tf.Tensor2D, gradients: Gradients) {
      const dShut = tf.mul(tf.mul(dValue, z), tf.sub(1, p))
      gradients.add(`${name}.slope`, tf.sum(dShut, 0))
      const along = tf.mul(dValue, gate) as tf.Tensor2D
      if (!counted) return along
      // What goes through mean and variance are the two means over the rows; rows without weight have no derivative.
      const dN = tf.mul(tf.mul(dShut, rest), p)
      const middle = tf.div(tf.sum(dN, 0), counted.count)
      const slope = tf.div(tf.sum(tf.mul(dN, n), 0), counted.count)
      const through = tf.mul(tf.sub(tf.sub(dN, middle), tf.mul(n, slope)), counted.mask)
      return tf.add(along, tf.mul(scale, through))
    },
  }
}

/** Counted from the first of them on: rows that are alike have no variance at all. */
function measure(z: tf.Tensor2D, { first, count, mask }: Counted) {
  const start = tf.slice(z, [first, 0], [1, z.shape[1]])
  const ahead = tf.sub(z, start)
  const away = tf.div(tf.sum(tf.mul(ahead, mask), 0), count)
  const apart = tf.sub(ahead, away)
  return {
    mean: tf.add(tf.reshape(start, [z.shape[1]]), away),
    variance: tf.div(tf.sum(tf.mul(tf.square(apart), mask), 0), count),
    apart,
  }
}

function running(parameters: Parameters, name: string, z: tf.Tensor2D) {
  const mean = parameters.get(`${name}.running.mean`)!
  return { mean, variance: parameters.get(`${name}.running.variance`)!, apart: tf.sub(z, mean) }
}
