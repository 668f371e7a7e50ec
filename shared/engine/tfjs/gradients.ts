/** Gathers the gradient of one pass by parameter name; embedding rows are collected and scattered once per table. */
import * as tf from '@tensorflow/tfjs-core'

export class Gradients {
  readonly #whole = new Map<string, tf.Tensor>()
  readonly #rows = new Map<string, { ids: Int32Array[]; updates: tf.Tensor2D[] }>()
  readonly #wanted: readonly string[]

  /** `wanted` are the parameters whose gradient will be asked for: what is added for others may be left out. */
  constructor(wanted: readonly string[]) {
    this.#wanted = wanted
  }

  /** Whether any wanted parameter's name begins so. */
  wants(prefix: string): boolean {
    return this.#wanted.some((name) => name.startsWith(prefix))
  }

  add(name: string, gradient: tf.Tensor): void {
    const before = this.#whole.get(name)
    this.#whole.set(name, before ? tf.add(before, gradient) : gradient)
  }

  /** `updates` [ids.length, dim]; those of id 0 must be zero. */
  addRows(name: string, ids: Int32Array, updates: tf.Tensor2D): void {
    const rows = this.#rows.get(name) ?? { ids: [], updates: [] }
    rows.ids.push(ids)
    rows.updates.push(updates)
    this.#rows.set(name, rows)
  }

  /**
   * The whole gradient of one parameter. By scatterND: all three backends have that kernel and sum repeated rows in it,
   * while the gather's own gradient, unsortedSegmentSum, is absent from wasm and masks the whole table per id on cpu.
   */
  of(name: string, shape: readonly number[]): tf.Tensor {
    const rows = this.#rows.get(name)
    if (!rows) return this.#whole.get(name) ?? tf.zeros([...shape])
    const count = rows.ids.reduce((sum, { length }) => sum + length, 0)
    const ids = new Int32Array(count)
    let at = 0
    for (const part of rows.ids) {
      ids.set(part, at)
      at += part.length
    }
    const updates = rows.updates.length === 1 ? rows.updates[0]! : tf.concat(rows.updates, 0)
    return tf.scatterND(tf.tensor2d(ids, [count, 1], 'int32'), updates, [...shape])
  }
}
