/**
 * Adam over flat buffers. Every parameter outside the embeddings moves at every step; embedding rows by one of two rules.
 *
 * Dense (default) is Adam as everyone defines it: a row without gradient still moves by its momentum. What it costs is
 * cut without changing the result: a row never touched has no momentum and is left out, and a row is put to rest
 * `REST` steps after its last gradient, when its momentum has shrunk by 0.9^200 ≈ 7e-10 and all the moves that it would
 * still make together, ≤ 32·lr·0.9004^200 ≈ 2e-8·lr, vanish in a float32. A resting row's second moment is decayed when
 * it wakes.
 *
 * Lazy updates a row, moments and all, only in the steps that give it a gradient; bias correction counts all steps. It
 * is another optimizer (TensorFlow's LazyAdam), not an approximation that converges to the same weights.
 */
import { BETA1, BETA2, corrected } from '../adam.ts'
import type { Plan, TouchedRows } from './buffers.ts'
import type { Buffers } from './parts.ts'

/** Steps after its last gradient in which a row is still moved. */
export const REST = 200

/** A snapshot's arrays are written again and again by `remember`. */
interface Memory {
  readonly first: Float32Array<ArrayBuffer>
  readonly second: Float32Array<ArrayBuffer>
  readonly moving: Int32Array<ArrayBuffer>
  readonly last: Int32Array<ArrayBuffer>
  count: number
  t: number
}

export class Adam {
  readonly #buffers: Buffers
  readonly #plan: Plan
  readonly #touched: TouchedRows
  readonly #lazy: boolean
  #now: Memory
  #marked: Memory | undefined

  constructor(buffers: Buffers, plan: Plan, touched: TouchedRows, lazy: boolean) {
    this.#buffers = buffers
    this.#plan = plan
    this.#touched = touched
    this.#lazy = lazy
    const tracked = lazy ? 0 : touched.rows
    this.#now = {
      first: new Float32Array(plan.size),
      second: new Float32Array(plan.size),
      moving: new Int32Array(tracked),
      last: new Int32Array(tracked), // 0: never; t: its last gradient; −t: at rest since t
      count: 0,
      t: 0,
    }
  }

  /** Arrays held. */
  get held(): number {
    return this.#marked ? 8 : 4
  }

  /** One step along the gradient buffer, which it leaves as it is. */
  step(learningRate: number): void {
    const now = this.#now
    const { rate, epsilon } = corrected(now.t + 1, learningRate)
    now.t++
    const move = (from: number, to: number) => this.#move(from, to, rate, epsilon)
    move(this.#plan.embedded, this.#plan.size)
    const touched = this.#touched
    if (this.#lazy) {
      touched.each(touched.list, touched.count, (_row, offset, width) => move(offset, offset + width))
      return
    }
    touched.each(touched.list, touched.count, (row, offset, width) => this.#wake(row, offset, width))
    let kept = 0
    touched.each(now.moving, now.count, (row, offset, width) => {
      move(offset, offset + width)
      if (now.t - now.last[row]! < REST) now.moving[kept++] = row
      else this.#rest(row, offset, width)
    })
    now.count = kept
  }

  #move(from: number, to: number, rate: number, epsilon: number): void {
    const { parameters, gradient } = this.#buffers
    const { first, second } = this.#now
    for (let i = from; i < to; i++) {
      const g = gradient[i]!
      const m = BETA1 * first[i]! + (1 - BETA1) * g
      const v = BETA2 * second[i]! + (1 - BETA2) * g * g
      first[i] = m
      second[i] = v
      parameters[i]! -= (rate * m) / (Math.sqrt(v) + epsilon)
    }
  }

  #wake(row: number, offset: number, width: number): void {
    const now = this.#now
    const last = now.last[row]!
    now.last[row] = now.t
    if (last > 0) return
    now.moving[now.count++] = row
    if (last === 0) return
    const decay = BETA2 ** (now.t - 1 + last) // −last is the step in which it went to rest
    for (let i = offset; i < offset + width; i++) now.second[i]! *= decay
  }

  #rest(row: number, offset: number, width: number): void {
    this.#now.last[row] = -this.#now.t
    this.#now.first.fill(0, offset, offset + width)
  }

  mark(): void {
    this.#marked ??= {
      ...this.#now,
      first: new Float32Array(this.#now.first.length),
      second: new Float32Array(this.#now.second.length),
      moving: new Int32Array(this.#now.moving.length),
      last: new Int32Array(this.#now.last.length),
    }
    copy(this.#now, this.#marked)
  }

  revert(): void {
    if (this.#marked) copy(this.#marked, this.#now)
  }
}

function copy(from: Memory, to: Memory): void {
  to.first.set(from.first)
  to.second.set(from.second)
  to.moving.set(from.moving)
  to.last.set(from.last)
  to.count = from.count
  to.t = from.t
}
