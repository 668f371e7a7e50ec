/**
 * Adam along the gradient buffer. Everything outside the embeddings moves at every step; embedding rows by one of the two
 * rules that ../../plain/adam.ts explains: dense, where a row is put to rest `REST` steps after its last gradient, or
 * lazy. `last` of a row is 0: never; t: its last gradient; −t: at rest since t.
 */
import { exp } from './loss.ts'
import { Model, Table } from './records.ts'
import { append, entry, rowOf } from './table.ts'
import { clearRow } from './vector.ts'

const BETA1: f32 = 0.9
const BETA2: f32 = 0.999
const REST: i32 = 200
/** ln 0.999 */
const LN_BETA2: f64 = -0.0010005003335835335
/** A first moment below this moves nothing, and would sooner or later be denormal, which is slow. */
const LEAST: f32 = 1e-30

export function moveOthers(model: Model, rate: f32, epsilon: f32): void {
  move(model, model.other, model.others, rate, epsilon)
}

function move(model: Model, at: usize, floats: usize, rate: f32, epsilon: f32): void {
  const toGradient = model.toGradient
  const toFirst = model.toFirst
  const toSecond = model.toSecond
  const rates = f32x4.splat(rate)
  const epsilons = f32x4.splat(epsilon)
  for (const end = at + (floats << 2); at < end; at += 16) {
    const g = v128.load(at + toGradient)
    const sum = f32x4.add(
      f32x4.mul(f32x4.splat(BETA1), v128.load(at + toFirst)),
      f32x4.mul(f32x4.splat(1 - BETA1), g),
    )
    const m = v128.andnot(sum, f32x4.lt(f32x4.abs(sum), f32x4.splat(LEAST)))
    const v = f32x4.add(
      f32x4.mul(f32x4.splat(BETA2), v128.load(at + toSecond)),
      f32x4.mul(f32x4.splat(1 - BETA2), f32x4.mul(g, g)),
    )
    v128.store(at + toFirst, m)
    v128.store(at + toSecond, v)
    const step = f32x4.div(f32x4.mul(rates, m), f32x4.add(f32x4.sqrt(v), epsilons))
    v128.store(at, f32x4.sub(v128.load(at), step))
  }
}

/** Moves the rows that this batch has touched, and no others. */
export function moveTouched(model: Model, table: Table, rate: f32, epsilon: f32): void {
  const length = load<i32>(table.touched)
  for (let i = 0; i < length; i++)
    move(model, rowOf(table, load<i32>(entry(table.touched, i))), table.width, rate, epsilon)
}

/** Moves all rows that are not at rest, in step `t`. */
export function moveRows(model: Model, table: Table, t: i32, rate: f32, epsilon: f32): void {
  const touched = load<i32>(table.touched)
  for (let i = 0; i < touched; i++) wake(model, table, load<i32>(entry(table.touched, i)), t)
  const length = load<i32>(table.moving)
  let kept = 0
  for (let i = 0; i < length; i++) {
    const id = load<i32>(entry(table.moving, i))
    move(model, rowOf(table, id), table.width, rate, epsilon)
    const last = table.last + ((<usize>id) << 2)
    if (t - load<i32>(last) < REST) {
      store<i32>(entry(table.moving, kept++), id)
    } else {
      store<i32>(last, -t)
      clearRow(rowOf(table, id) + model.toFirst, table.width)
    }
  }
  store<i32>(table.moving, kept)
}

/** A row that rested has still to see its second moment decay, once for each step that it slept through. */
function wake(model: Model, table: Table, id: i32, t: i32): void {
  const at = table.last + ((<usize>id) << 2)
  const last = load<i32>(at)
  store<i32>(at, t)
  if (last > 0) return
  append(table.moving, id)
  if (last === 0) return
  const decay = f32x4.splat(<f32>exp(<f64>(t - 1 + last) * LN_BETA2))
  let second = rowOf(table, id) + model.toSecond
  for (const end = second + (table.width << 2); second < end; second += 16)
    v128.store(second, f32x4.mul(v128.load(second), decay))
}
