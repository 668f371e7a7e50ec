/**
 * The network's parts in functional tfjs ops, each with its own way back.
 *
 * The derivatives are written out rather than left to tfjs's tape: a step of a usual DIN is then 284 kernels instead of
 * 459 (a WebGPU step is bound by their number; 168 of them are Adam's), needs none of the registered gradients, which
 * do not load everywhere, and none of those that fail.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Gradients } from './gradients.ts'

/** Parameters by name. */
export type Parameters = ReadonlyMap<string, tf.Tensor>

/** An output [batch, width], and the way back from the loss's derivative by it into `Gradients`. */
export interface Part {
  readonly value: tf.Tensor2D
  back(dValue: tf.Tensor2D, gradients: Gradients): void
}

/** The parts whose input is another part hand its derivative down. */
export interface Layer {
  readonly value: tf.Tensor2D
  back(dValue: tf.Tensor2D, gradients: Gradients): tf.Tensor2D
}

/** x·w + b, then `activation`, if it has one. */
export function dense(
  parameters: Parameters,
  name: string,
  x: tf.Tensor2D,
  activation?: (z: tf.Tensor2D) => Layer,
): Layer {
  const w = parameters.get(`${name}.w`) as tf.Tensor2D
  const z = tf.add(tf.matMul(x, w), parameters.get(`${name}.b`)!) as tf.Tensor2D
  const active = activation?.(z)
  return {
    value: active?.value ?? z,
    back(dValue, gradients) {
      const dz = active?.back(dValue, gradients) ?? dValue
      gradients.add(`${name}.b`, tf.sum(dz, 0))
      if (gradients.wants(`${name}.w`)) gradients.add(`${name}.w`, tf.matMul(x, dz, true, false))
      return tf.matMul(dz, w, false, true)
    },
  }
}

export function prelu(parameters: Parameters, name: string, z: tf.Tensor2D): Layer {
  const slope = parameters.get(`${name}.slope`)!
  return {
    value: tf.prelu(z, slope) as tf.Tensor2D,
    back: (dValue, gradients) => preluBack(z, slope, dValue, `${name}.slope`, gradients),
  }
}

/** The derivative by z of PReLU(z) [n, width]; the slope counts where z ≤ 0. */
function preluBack(
  z: tf.Tensor2D,
  slope: tf.Tensor,
  dValue: tf.Tensor2D,
  name: string,
  gradients: Gradients,
): tf.Tensor2D {
  gradients.add(name, tf.sum(tf.mul(dValue, tf.minimum(z, 0)), 0))
  return tf.where(tf.greater(z, 0), dValue, tf.mul(dValue, slope))
}

/** 1 for an id that is not padding: [ids.length, 1]. */
const presence = (ids: Int32Array): tf.Tensor2D =>
  tf.tensor2d(Float32Array.from(ids, Math.sign), [ids.length, 1])

const rowsOf = (table: tf.Tensor, ids: Int32Array): tf.Tensor2D =>
  tf.gather(table, tf.tensor1d(ids, 'int32')) as tf.Tensor2D

export function lookup(parameters: Parameters, table: string, ids: Int32Array): Part {
  return {
    value: rowsOf(parameters.get(table)!, ids),
    back(dValue, gradients) {
      gradients.addRows(table, ids, tf.mul(dValue, presence(ids)))
    },
  }
}

/** `ids` holds `length` per row of the batch. */
export function pool(parameters: Parameters, table: string, ids: Int32Array, length: number): Part {
  const size = ids.length / length
  const shares = new Float32Array(ids.length)
  for (let row = 0; row < size; row++) {
    const present = ids.subarray(row * length, (row + 1) * length).reduce((n, id) => n + Math.sign(id), 0)
    for (let i = row * length; i < (row + 1) * length; i++) if (ids[i] !== 0) shares[i] = 1 / present
  }
  const keys = rowsOf(parameters.get(table)!, ids)
  const dim = keys.shape[1]
  const share = tf.tensor3d(shares, [size, 1, length])
  return {
    value: tf.reshape(tf.matMul(share, tf.reshape(keys, [size, length, dim])), [size, dim]),
    back(dValue, gradients) {
      const dKeys = tf.mul(tf.reshape(share, [size, length, 1]), tf.reshape(dValue, [size, 1, dim]))
      gradients.addRows(table, ids, tf.reshape(dKeys, [ids.length, dim]))
    },
  }
}

/** The activation unit `unit` over `ids` (`length` per row) for the queries `queryIds` (one per row). */
export function attend(
  parameters: Parameters,
  table: string,
  unit: string,
  ids: Int32Array,
  length: number,
  queryIds: Int32Array,
): Part {
  const of = (name: string) => parameters.get(`${unit}.${name}`) as tf.Tensor2D
  const size = queryIds.length
  const present = tf.reshape(presence(ids), [size, length, 1])
  const keys2d = rowsOf(parameters.get(table)!, ids)
  const query = rowsOf(parameters.get(table)!, queryIds)
  const dim = query.shape[1]
  const keys = tf.reshape(keys2d, [size, length, dim]) as tf.Tensor3D
  const slope = of('slope')
  const w2 = of('w2')
  const hidden = w2.shape[0]

  // [q, k, q−k, q∗k]·W1 = q·(Wq + Wd) + k·((Wk − Wd) + diag(q)·Wp): one small matrix per row instead of 4·dim inputs.
  const [wq, wk, wd, wp] = tf.split(of('w1'), 4, 0) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]
  const queryWeights = tf.add(wq, wd) as tf.Tensor2D
  const wp3d = tf.reshape(wp, [1, dim, hidden])
  const query3d = tf.reshape(query, [size, dim, 1])
  const matrix = tf.add(tf.sub(wk, wd), tf.mul(query3d, wp3d)) as tf.Tensor3D
  const base = tf.reshape(tf.add(tf.matMul(query, queryWeights), of('b1')), [size, 1, hidden])
  const z = tf.reshape(tf.add(tf.matMul(keys, matrix), base), [size * length, hidden]) as tf.Tensor2D
  const active = tf.prelu(z, slope) as tf.Tensor2D
  const raw = tf.reshape(tf.add(tf.matMul(active, w2), of('b2')), [size, length, 1])
  const scores = tf.mul(raw, present) as tf.Tensor3D

  return {
    value: tf.reshape(tf.matMul(scores, keys, true, false), [size, dim]),
    back(dValue, gradients) {
      const dOut = tf.reshape(dValue, [size, 1, dim]) as tf.Tensor3D
      const dMasked = tf.mul(tf.matMul(keys, dOut, false, true), present)
      const dScores = tf.reshape(dMasked, [size * length, 1]) as tf.Tensor2D
      gradients.add(`${unit}.b2`, tf.reshape(tf.sum(dScores), [1]))
      gradients.add(`${unit}.w2`, tf.matMul(active, dScores, true, false))
      const dActive = tf.matMul(dScores, w2, false, true) as tf.Tensor2D
      const dz2d = preluBack(z, slope, dActive, `${unit}.slope`, gradients)
      const dz = tf.reshape(dz2d, [size, length, hidden]) as tf.Tensor3D

      const dBase = tf.sum(dz, 1) as tf.Tensor2D
      const dMatrix = tf.matMul(keys, dz, true, false) as tf.Tensor3D
      const dQueryWeights = tf.matMul(query, dBase, true, false)
      const dKeyWeights = tf.sum(dMatrix, 0) as tf.Tensor2D
      const dProduct = tf.sum(tf.mul(dMatrix, query3d), 0) as tf.Tensor2D
      const dDifference = tf.sub(dQueryWeights, dKeyWeights) as tf.Tensor2D
      gradients.add(`${unit}.b1`, tf.sum(dBase, 0))
      gradients.add(`${unit}.w1`, tf.concat([dQueryWeights, dKeyWeights, dDifference, dProduct], 0))

      const dKeys = tf.add(tf.matMul(dz, matrix, false, true), tf.mul(scores, dOut))
      gradients.addRows(table, ids, tf.reshape(dKeys, [size * length, dim]))
      const dQuery = tf.add(tf.matMul(dBase, queryWeights, false, true), tf.sum(tf.mul(dMatrix, wp3d), 2))
      gradients.addRows(table, queryIds, tf.mul(dQuery as tf.Tensor2D, presence(queryIds)))
    },
  }
}
