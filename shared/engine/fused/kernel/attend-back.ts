/**
 * The activation unit's way back. With dScore of each key, and u = dScore where z ≤ 0 and 0 elsewhere, the two halves of
 * a score (see attend.ts) part again. The bent half gives, per row,
 *
 *   dBase = bend∗Σu,   dM = bend∗(kᵀ·u),   dk = u·(bend∗M)ᵀ,
 *
 * where the factor `bend` is left to the end of the batch (`finishUnit`) or lies in transposed weights made once. The linear
 * half gives the weights nothing but outer products of w2 with Σ dScore·q, Σ dScore·k and Σ dScore·k∗q of the whole batch.
 */
import { keyLinearOf } from './attend.ts'
import { product } from './product.ts'
import { Model, Part, Table, Unit } from './records.ts'
import { rowOf, touch } from './table.ts'
import { addProduct, addScaled, addTo, clearRow, dot, plusProduct, sumOf } from './vector.ts'

/** To be called after `prepareUnit` if there will be a way back. */
export function prepareUnitBack(part: Part): void {
  const unit = changetype<Unit>(part.unit)
  const width = changetype<Table>(part.table).width
  const row = unit.hiddenWidth << 2
  turn(unit, unit.queryWeights, unit.queryTurned, part.dim, width)
  turn(unit, unit.keyWeights, unit.keyTurned, part.dim, width)
  turn(unit, unit.w1 + 3 * width * row, unit.productTurned, part.dim, width)
  memory.fill(unit.sums, 0, (3 * width) << 2)
}

/** Transposes [dim, hidden] and multiplies by `bend`. */
function turn(unit: Unit, from: usize, to: usize, dim: usize, width: usize): void {
  for (let i: usize = 0; i < dim; i++)
    for (let j: usize = 0; j < unit.hidden; j++)
      store<f32>(
        to + ((j * width + i) << 2),
        load<f32>(unit.bend + (j << 2)) * load<f32>(from + ((i * unit.hiddenWidth + j) << 2)),
      )
}

/** Turns dx of the first `n` rows into gradients of embeddings, and of weights up to `finishUnit`. */
export function attendBack(model: Model, part: Part, n: usize): void {
  const unit = changetype<Unit>(part.unit)
  const table = changetype<Table>(part.table)
  const width = table.width << 2
  const row = unit.hiddenWidth << 2
  for (let r: usize = 0; r < n; r++) attendRowBack(model, part, table, unit, r)

  const dWq = unit.w1 + model.toGradient
  product(dWq, dWq, row, unit.queries, 4, width, unit.bends, table.width, n, unit.hiddenWidth)
  if (model.sparing !== 0 && table.trained === 0) return
  const dQueries = unit.dQueries
  product(dQueries, dQueries, width, unit.bends, row, 4, unit.queryTurned, n, unit.hidden, table.width)
  for (let r: usize = 0; r < n; r++) {
    const id = load<i32>(model.ids + ((r * model.idWidth + unit.query) << 2))
    if (id !== 0) addToRow(table, id, dQueries + r * width, model.toGradient)
  }
}

function attendRowBack(model: Model, part: Part, table: Table, unit: Unit, r: usize): void {
  const width = table.width << 2
  const row = unit.hiddenWidth << 2
  const query = unit.queries + r * width
  const keys = unit.keyRows + r * unit.keys * width
  const before = unit.before + r * unit.keys * row
  const count = load<usize>(part.counts + (r << 2))
  const dOut = part.share
  memory.copy(dOut, model.dx + ((r * model.dxWidth + part.to) << 2), part.dim << 2)

  keyLinearOf(unit, query, table.width)
  const total = backToScores(unit, keys, unit.scores + ((r * unit.keys) << 2), dOut, count, table.width)
  addTo(unit.b2 + model.toGradient, total)
  backThroughBend(model, unit, before, unit.scores + ((r * unit.keys) << 2), unit.bends + r * row, count)
  product(unit.dMatrix, model.zeros, 0, keys, 4, width, before, table.width, count, unit.hiddenWidth)
  backThroughFold(model, part, table, unit, query, total, unit.dQueries + r * width)

  if (model.sparing !== 0 && table.trained === 0) return
  turnMatrix(unit, query, table.width)
  product(unit.dKeys, unit.dKeys, width, before, row, 4, unit.turned, count, unit.hidden, table.width)
  const keyIds = unit.keyIds + ((r * unit.keys) << 2)
  for (let l: usize = 0; l < count; l++)
    addToRow(table, load<i32>(keyIds + (l << 2)), unit.dKeys + l * width, model.toGradient)
}

/**
 * Replaces each score by its derivative and answers their sum; starts `dKeys` with score·dOut + dScore·(M·w2) and
 * leaves Σ dScore·k in `keySum`.
 */
function backToScores(unit: Unit, keys: usize, scores: usize, dOut: usize, count: usize, width: usize): f32 {
  const keyLinear = unit.keyLinear
  const keySum = unit.keySum
  const dKeys = unit.dKeys
  let total: f32 = 0
  clearRow(keySum, width)
  for (let l: usize = 0; l < count; l++) {
    const key = keys + ((l * width) << 2)
    const dKey = dKeys + ((l * width) << 2)
    const dScore = dot(dOut, key, width)
    const score = v128.load32_splat(scores + (l << 2))
    const d = f32x4.splat(dScore)
    for (let i: usize = 0; i < width << 2; i += 16) {
      const linear = f32x4.mul(d, v128.load(keyLinear + i))
      v128.store(dKey + i, plusProduct(linear, score, v128.load(dOut + i)))
      v128.store(keySum + i, plusProduct(v128.load(keySum + i), d, v128.load(key + i)))
    }
    store<f32>(scores + (l << 2), dScore)
    total += dScore
  }
  return total
}

/** Turns z into u, where it lies; `bends` = Σu; adds Σu and Σ u∗z to the gradients of b1 and slope, for `finishUnit`. */
function backThroughBend(
  model: Model,
  unit: Unit,
  before: usize,
  dScores: usize,
  bends: usize,
  count: usize,
): void {
  const zero = f32x4.splat(0)
  const row = unit.hiddenWidth << 2
  const end = dScores + (count << 2)
  const dB1 = unit.b1 + model.toGradient
  const dSlope = unit.slope + model.toGradient
  for (let j: usize = 0; j < row; j += 16) {
    let sum = zero
    let weighted = zero
    let at = before + j
    for (let d = dScores; d < end; d += 4, at += row) {
      const z = v128.load(at)
      const u = v128.and(v128.load32_splat(d), f32x4.le(z, zero))
      v128.store(at, u)
      sum = f32x4.add(sum, u)
      weighted = plusProduct(weighted, u, z)
    }
    v128.store(bends + j, sum)
    v128.store(dB1 + j, f32x4.add(v128.load(dB1 + j), sum))
    v128.store(dSlope + j, f32x4.add(v128.load(dSlope + j), weighted))
  }
}

/** From `dMatrix` and `keySum` to the gradients of Wk and Wp, and to the query's, but for what comes through base. */
function backThroughFold(
  model: Model,
  part: Part,
  table: Table,
  unit: Unit,
  query: usize,
  total: f32,
  dQuery: usize,
): void {
  const width = table.width << 2
  const row = unit.hiddenWidth << 2
  const products = unit.w1 + 3 * table.width * row
  const dKeyWeights = unit.w1 + table.width * row + model.toGradient
  const dProducts = products + model.toGradient
  const bend = unit.bend
  const dMatrix = unit.dMatrix
  for (let i: usize = 0; i < part.dim; i++) {
    const value = v128.load32_splat(query + (i << 2))
    let sum = f32x4.splat(0)
    for (let j: usize = 0, c = i * row; j < row; j += 16, c += 16) {
      const d = v128.load(dMatrix + c)
      v128.store(dKeyWeights + c, f32x4.add(v128.load(dKeyWeights + c), d))
      v128.store(dProducts + c, plusProduct(v128.load(dProducts + c), value, d))
      sum = plusProduct(sum, f32x4.mul(d, v128.load(bend + j)), v128.load(products + c))
    }
    store<f32>(dQuery + (i << 2), sumOf(sum))
  }
  addScaled(dQuery, unit.linear, total, table.width)
  addProduct(dQuery, unit.keySum, unit.linear + 2 * width, table.width)
  addScaled(unit.sums, query, total, table.width)
  addScaled(unit.sums + width, unit.keySum, 1, table.width)
  addProduct(unit.sums + 2 * width, unit.keySum, query, table.width)
}

/** (bend∗M)ᵀ of one query. */
function turnMatrix(unit: Unit, query: usize, width: usize): void {
  const end = (unit.hidden * width) << 2
  const turned = unit.turned
  const keys = unit.keyTurned
  const products = unit.productTurned
  for (let i: usize = 0; i < width << 2; i += 16) {
    const value = v128.load(query + i)
    for (let c = i; c < end; c += width << 2)
      v128.store(turned + c, plusProduct(v128.load(keys + c), value, v128.load(products + c)))
  }
}

function addToRow(table: Table, id: i32, d: usize, toGradient: usize): void {
  touch(table, id)
  addScaled(rowOf(table, id) + toGradient, d, 1, table.width)
}

/**
 * Makes gradients of what the batch has left: times `bend`, plus the linear half. Σ dScore·z, which the gradient of w2 is
 * made of, needs no sum over keys either: it is the linear half's sums through the weights.
 */
export function finishUnit(model: Model, part: Part): void {
  const unit = changetype<Unit>(part.unit)
  const width = changetype<Table>(part.table).width
  const row = unit.hiddenWidth << 2
  const block = width * row
  const gradient = unit.w1 + model.toGradient
  const total = v128.load32_splat(unit.b2 + model.toGradient)
  for (let j: usize = 0; j < row; j += 16) {
    const bend = v128.load(unit.bend + j)
    const w2 = v128.load(unit.w2 + j)
    let dScoreZ = f32x4.mul(total, v128.load(unit.b1 + j))
    for (let i: usize = 0; i < part.dim; i++) {
      const sums = unit.sums + (i << 2)
      const c = i * row + j
      const sq = v128.load32_splat(sums)
      const sk = v128.load32_splat(sums + (width << 2))
      const sp = v128.load32_splat(sums + (width << 3))
      dScoreZ = plusProduct(dScoreZ, sq, v128.load(unit.queryWeights + c))
      dScoreZ = plusProduct(dScoreZ, sk, v128.load(unit.keyWeights + c))
      dScoreZ = plusProduct(dScoreZ, sp, v128.load(unit.w1 + 3 * block + c))
      const at = gradient + c
      const dQ = plusProduct(f32x4.mul(sq, w2), bend, v128.load(at))
      const dK = plusProduct(f32x4.mul(sk, w2), bend, v128.load(at + block))
      v128.store(at, dQ)
      v128.store(at + block, dK)
      v128.store(at + 2 * block, f32x4.sub(dQ, dK))
      v128.store(at + 3 * block, plusProduct(f32x4.mul(sp, w2), bend, v128.load(at + 3 * block)))
    }
    const dB1 = unit.b1 + model.toGradient + j
    const dSlope = unit.slope + model.toGradient + j
    const below = v128.load(dSlope) // Σ dScore·min(z, 0)
    const turned = f32x4.sub(v128.load(unit.slope + j), f32x4.splat(1))
    v128.store(dB1, plusProduct(f32x4.mul(total, w2), bend, v128.load(dB1)))
    v128.store(dSlope, f32x4.mul(w2, below))
    v128.store(unit.w2 + model.toGradient + j, plusProduct(dScoreZ, turned, below))
  }
}
