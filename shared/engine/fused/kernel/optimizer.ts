/**
 * A step along the gradient buffer. Everything outside the embeddings moves at every step; embedding rows by the rules
 * that ../../plain/optimizer.ts explains. `last` of a row is 0: never; t: its last gradient; −t: at rest since t.
 */
import { exp } from './loss.ts'
import { ADAM, Model, SGD, Table } from './records.ts'
import { append, entry, rowOf } from './table.ts'
import { addScaled, clearRow, plusProduct } from './vector.ts'

const BETA1: f32 = 0.9
const BETA2: f32 = 0.999
const REST: i32 = 200
/** ln 0.999 */
const LN_BETA2: f64 = -0.0010005003335835335
/** A first moment below this moves nothing, and would sooner or later be denormal, which is slow. */
const LEAST: f32 = 1e-30
/** The square of anything smaller is a float32. */
const TOO_STEEP: f32 = 9e18

/**
 * Adds `pull`·(w − w₀) to the gradient of all that step `t` will move; false if any gradient is then too steep. Where
 * rows move without a gradient of their own (`alone`) and are pulled, those that this batch has touched join them.
 */
export function prepareStep(model: Model, t: i32, pull: f32, alone: bool): bool {
  const pulling = model.toStart !== 0
  if (pulling) addPull(model, model.other, model.trained, pull)
  let most = mostOf(i32x4.splat(0), model.other + model.toGradient, model.trained)
  for (let at = model.tables; at !== 0; at = changetype<Table>(at).next) {
    const table = changetype<Table>(at)
    if (table.trained === 0) continue
    if (pulling && alone) wakeTouched(model, table, t)
    const list = pulling && alone ? table.moving : table.touched
    if (pulling) pullRows(model, table, list, pull)
    most = mostOfRows(most, model, table, list)
  }
  const limit = i32x4.splat(reinterpret<i32>(TOO_STEEP) << 1)
  return i32x4.all_true(i32x4.lt_u(most, limit))
}

/** The largest absolute values yet, lane by lane, as bits shifted left: a NaN is larger than any number. */
function mostOf(most: v128, at: usize, floats: usize): v128 {
  for (const end = at + (floats << 2); at < end; at += 16)
    most = i32x4.max_u(most, i32x4.shl(v128.load(at), 1))
  return most
}

function mostOfRows(most: v128, model: Model, table: Table, list: usize): v128 {
  const base = table.parameters + model.toGradient
  const row = table.width << 2
  for (let at = list + 4, end = at + ((<usize>load<i32>(list)) << 2); at < end; at += 4) {
    let g = base + <usize>load<i32>(at) * row
    for (const last = g + row; g < last; g += 16) most = i32x4.max_u(most, i32x4.shl(v128.load(g), 1))
  }
  return most
}

function pullRows(model: Model, table: Table, list: usize, pull: f32): void {
  const length = load<i32>(list)
  for (let i = 0; i < length; i++) addPull(model, rowOf(table, load<i32>(entry(list, i))), table.width, pull)
}

function addPull(model: Model, at: usize, floats: usize, pull: f32): void {
  const toGradient = model.toGradient
  const toStart = model.toStart
  const factor = f32x4.splat(pull)
  for (const end = at + (floats << 2); at < end; at += 16) {
    const away = f32x4.sub(v128.load(at), v128.load(at + toStart))
    v128.store(at + toGradient, plusProduct(v128.load(at + toGradient), factor, away))
  }
}

/** Step `t`, after its `prepareStep`. */
export function moveAll(model: Model, t: i32, rate: f32, epsilon: f32, alone: bool): void {
  move(model, model.other, model.trained, rate, epsilon)
  for (let at = model.tables; at !== 0; at = changetype<Table>(at).next) {
    const table = changetype<Table>(at)
    if (table.trained === 0) continue
    if (!alone) moveEach(model, table, table.touched, rate, epsilon)
    else if (model.toStart !== 0) moveEach(model, table, table.moving, rate, epsilon)
    else moveRows(model, table, t, rate, epsilon)
  }
}

/** Zeroes the gradient of all rows that a pull has given one. */
export function clearPulled(model: Model): void {
  if (model.toStart === 0) return
  for (let at = model.tables; at !== 0; at = changetype<Table>(at).next) {
    const table = changetype<Table>(at)
    const length = load<i32>(table.moving)
    for (let i = 0; i < length; i++)
      clearRow(rowOf(table, load<i32>(entry(table.moving, i))) + model.toGradient, table.width)
  }
}

function move(model: Model, at: usize, floats: usize, rate: f32, epsilon: f32): void {
  if (model.optimizer === ADAM) moveByAdam(model, at, floats, rate, epsilon)
  else if (model.optimizer === SGD) addScaled(at, at + model.toGradient, -rate, floats)
  else moveByAdagrad(model, at, floats, rate, epsilon)
}

function moveByAdam(model: Model, at: usize, floats: usize, rate: f32, epsilon: f32): void {
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

function moveByAdagrad(model: Model, at: usize, floats: usize, rate: f32, epsilon: f32): void {
  const toGradient = model.toGradient
  const toSecond = model.toSecond
  const rates = f32x4.splat(rate)
  const epsilons = f32x4.splat(epsilon)
  for (const end = at + (floats << 2); at < end; at += 16) {
    const g = v128.load(at + toGradient)
    const sum = plusProduct(v128.load(at + toSecond), g, g)
    v128.store(at + toSecond, sum)
    const step = f32x4.div(f32x4.mul(rates, g), f32x4.add(f32x4.sqrt(sum), epsilons))
    v128.store(at, f32x4.sub(v128.load(at), step))
  }
}

function moveEach(model: Model, table: Table, list: usize, rate: f32, epsilon: f32): void {
  const length = load<i32>(list)
  for (let i = 0; i < length; i++)
    move(model, rowOf(table, load<i32>(entry(list, i))), table.width, rate, epsilon)
}

function wakeTouched(model: Model, table: Table, t: i32): void {
  const touched = load<i32>(table.touched)
  for (let i = 0; i < touched; i++) wake(model, table, load<i32>(entry(table.touched, i)), t)
}

/** Adam without a pull: moves all rows that are not at rest, in step `t`. */
function moveRows(model: Model, table: Table, t: i32, rate: f32, epsilon: f32): void {
  wakeTouched(model, table, t)
  const length = load<i32>(table.moving)
  let kept = 0
  for (let i = 0; i < length; i++) {
    const id = load<i32>(entry(table.moving, i))
    moveByAdam(model, rowOf(table, id), table.width, rate, epsilon)
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
