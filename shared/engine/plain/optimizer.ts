/**
 * Steps over flat buffers. Every parameter outside the embeddings moves at every step; embedding rows by one of two rules.
 *
 * Dense (default) is the optimizer as everyone defines it. With SGD or Adagrad a row without gradient stays where it is.
 * With Adam it still moves by its momentum; what that costs is cut without changing the result: a row never touched has
 * no momentum and is left out, and a row is put to rest `REST` steps after its last gradient, when its momentum has
 * shrunk by 0.9^200 ≈ 7e-10 and all the moves that it would still make together, ≤ 32·lr·0.9004^200 ≈ 2e-8·lr, vanish in
 * a float32. A resting row's second moment is decayed when it wakes. With a pull every row that was ever touched has a
 * gradient at every step, so none rests; a row never touched is still where it is pulled to.
 *
 * Lazy updates a row, moments and all, only in the steps that give it a gradient, and pulls it only then; bias correction
 * counts all steps. It is another optimizer (TensorFlow's LazyAdam), not an approximation that converges to the same
 * weights.
 */
import { BETA1, BETA2 } from '../adam.ts'
import { ADAGRAD_START, movesAlone, paceOf, type Settled, TOO_STEEP, tooSteep } from '../training.ts'
import type { Plan, TouchedRows } from './buffers.ts'
import type { Buffers } from './parts.ts'

/** Steps after its last gradient in which a row is still moved. */
export const REST = 200

/** A snapshot's arrays are written again and again by `remember`. What an optimizer does not need is empty. */
interface Memory {
  readonly first: Float32Array<ArrayBuffer>
  /** Adam's second moment, Adagrad's sum of squares. */
  readonly second: Float32Array<ArrayBuffer>
  readonly moving: Int32Array<ArrayBuffer>
  readonly last: Int32Array<ArrayBuffer>
  count: number
  t: number
}

export class Optimizer {
  readonly #buffers: Buffers
  readonly #plan: Plan
  readonly #touched: TouchedRows
  readonly #training: Settled
  /** Whether embedding rows without a gradient move too. */
  readonly #alone: boolean
  /** Where a pull pulls to. */
  readonly #start: Float32Array | undefined
  #now: Memory
  #marked: Memory | undefined

  constructor(buffers: Buffers, plan: Plan, touched: TouchedRows, lazy: boolean, training: Settled) {
    this.#buffers = buffers
    this.#plan = plan
    this.#touched = touched
    this.#training = training
    this.#alone = movesAlone(training) && !lazy
    if (training.pull > 0) this.#start = buffers.parameters.slice()
    const tracked = this.#alone ? touched.rows : 0
    const { optimizer } = training
    this.#now = {
      first: new Float32Array(optimizer === 'adam' ? plan.size : 0),
      second: new Float32Array(optimizer === 'sgd' ? 0 : plan.size),
      moving: new Int32Array(tracked),
      last: new Int32Array(tracked), // 0: never; t: its last gradient; −t: at rest since t
      count: 0,
      t: 0,
    }
    if (optimizer === 'adagrad') this.#now.second.fill(ADAGRAD_START)
  }

  /** Arrays held. */
  get held(): number {
    return (this.#marked ? 8 : 4) + (this.#start ? 1 : 0)
  }

  /**
   * One step along the gradient buffer. Throws `diverged`, and nothing has moved, if a gradient is not finite or so large
   * that its square would not be.
   */
  step(learningRate: number): void {
    const now = this.#now
    const { rate, epsilon } = paceOf(this.#training.optimizer, now.t + 1, learningRate)
    const pulledAlone = this.#alone && this.#start !== undefined
    if (pulledAlone) this.#enroll()
    const [list, count] = pulledAlone ? [now.moving, now.count] : [this.#touched.list, this.#touched.count]
    const eachRow = (visit: (from: number, to: number) => void) =>
      this.#touched.each(list, count, (_row, offset, width) => visit(offset, offset + width))
    try {
      for (const [from, to] of this.#plan.trained) this.#prepare(from, to)
      eachRow((from, to) => this.#prepare(from, to))
      now.t++
      for (const [from, to] of this.#plan.trained) this.#move(from, to, rate, epsilon)
      if (this.#alone && !pulledAlone) this.#moveRows(rate, epsilon)
      else eachRow((from, to) => this.#move(from, to, rate, epsilon))
    } finally {
      if (pulledAlone) eachRow((from, to) => this.#buffers.gradient.fill(0, from, to))
    }
  }

  /** Rows with a pull move from their first gradient on. */
  #enroll(): void {
    const now = this.#now
    this.#touched.each(this.#touched.list, this.#touched.count, (row) => {
      if (now.last[row] !== 0) return
      now.last[row] = now.t + 1
      now.moving[now.count++] = row
    })
  }

  /** Adds the pull to the gradient, and looks at it. */
  #prepare(from: number, to: number): void {
    const { parameters, gradient } = this.#buffers
    const start = this.#start
    const factor = 2 * this.#training.pull
    if (start) for (let i = from; i < to; i++) gradient[i]! += factor * (parameters[i]! - start[i]!)
    for (let i = from; i < to; i++) if (!(Math.abs(gradient[i]!) < TOO_STEEP)) throw tooSteep()
  }

  #move(from: number, to: number, rate: number, epsilon: number): void {
    const { optimizer } = this.#training
    if (optimizer === 'adam') this.#moveByAdam(from, to, rate, epsilon)
    else if (optimizer === 'adagrad') this.#moveByAdagrad(from, to, rate, epsilon)
    else {
      const { parameters, gradient } = this.#buffers
      for (let i = from; i < to; i++) parameters[i]! -= rate * gradient[i]!
    }
  }

  #moveByAdam(from: number, to: number, rate: number, epsilon: number): void {
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

  #moveByAdagrad(from: number, to: number, rate: number, epsilon: number): void {
    const { parameters, gradient } = this.#buffers
    const { second } = this.#now
    for (let i = from; i < to; i++) {
      const g = gradient[i]!
      const sum = second[i]! + g * g
      second[i] = sum
      parameters[i]! -= (rate * g) / (Math.sqrt(sum) + epsilon)
    }
  }

  /** Adam without a pull: all rows that are not at rest. */
  #moveRows(rate: number, epsilon: number): void {
    const now = this.#now
    const touched = this.#touched
    touched.each(touched.list, touched.count, (row, offset, width) => this.#wake(row, offset, width))
    let kept = 0
    touched.each(now.moving, now.count, (row, offset, width) => {
      this.#moveByAdam(offset, offset + width, rate, epsilon)
      if (now.t - now.last[row]! < REST) now.moving[kept++] = row
      else this.#rest(row, offset, width)
    })
    now.count = kept
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
