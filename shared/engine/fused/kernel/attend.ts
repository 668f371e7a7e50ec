/**
 * The activation unit there: scores = w2·PReLU(W1ᵀ[q, k, q−k, q∗k] + b1) + b2, and Σ score·k.
 *
 * Two pieces of algebra make it cheap. The first layer is linear in [q, k, q−k, q∗k], so with W1 cut into four blocks
 * Wq Wk Wd Wp and one query q for a whole history,
 *
 *   z = base + k·M,   base = b1 + q·(Wq + Wd),   M = (Wk − Wd) + diag(q)·Wp;
 *
 * and PReLU(z) = z + (slope − 1)·min(z, 0), whose linear half needs no hidden layer at all:
 *
 *   score = [b2 + w2·base + k·(M·w2)] + bend·min(z, 0),   bend = w2·(slope − 1),
 *   w2·base = w2·b1 + q·lq,   M·w2 = lk + q∗lp,   lq = (Wq + Wd)·w2,   lk = (Wk − Wd)·w2,   lp = Wp·w2.
 */
import { product } from './product.ts'
import { Model, Part, Table, Unit } from './records.ts'
import { rowOf } from './table.ts'
import { addProduct, clearRow, copyRow, dot, plusProduct, sumOf } from './vector.ts'

/** Makes from the weights what every row of a batch needs of them. */
export function prepareUnit(part: Part): void {
  const unit = changetype<Unit>(part.unit)
  const width = changetype<Table>(part.table).width
  const row = unit.hiddenWidth << 2
  const block = width * row
  for (let i: usize = 0; i < block; i += 16) {
    const difference = v128.load(unit.w1 + 2 * block + i)
    v128.store(unit.queryWeights + i, f32x4.add(v128.load(unit.w1 + i), difference))
    v128.store(unit.keyWeights + i, f32x4.sub(v128.load(unit.w1 + block + i), difference))
  }
  for (let j: usize = 0; j < row; j += 16) {
    const below = f32x4.sub(v128.load(unit.slope + j), f32x4.splat(1))
    v128.store(unit.bend + j, f32x4.mul(v128.load(unit.w2 + j), below))
  }
  for (let i: usize = 0; i < width; i++) {
    const to = unit.linear + (i << 2)
    store<f32>(to, dot(unit.queryWeights + i * row, unit.w2, unit.hiddenWidth))
    store<f32>(to + (width << 2), dot(unit.keyWeights + i * row, unit.w2, unit.hiddenWidth))
    store<f32>(to + (width << 3), dot(unit.w1 + 3 * block + i * row, unit.w2, unit.hiddenWidth))
  }
  store<f32>(unit.linearBase, load<f32>(unit.b2) + dot(unit.b1, unit.w2, unit.hiddenWidth))
}

/** Scores and their weighted sums for the first `n` rows of the batch. */
export function attend(model: Model, part: Part, n: usize): void {
  const unit = changetype<Unit>(part.unit)
  const table = changetype<Table>(part.table)
  const width = table.width << 2
  for (let r: usize = 0; r < n; r++) {
    const ids = model.ids + ((r * model.idWidth) << 2)
    gather(part, table, unit, ids, r)
    copyRow(unit.queries + r * width, rowOf(table, load<i32>(ids + (unit.query << 2))), table.width)
  }
  product(unit.bases, unit.b1, 0, unit.queries, width, 4, unit.queryWeights, n, part.dim, unit.hiddenWidth)
  for (let r: usize = 0; r < n; r++) attendRow(model, part, table, unit, r)
}

/** Copies the embeddings of a row's ids, padding left out, to where they lie side by side. */
function gather(part: Part, table: Table, unit: Unit, ids: usize, r: usize): void {
  const width = table.width << 2
  const keyIds = unit.keyIds + ((r * unit.keys) << 2)
  let key = unit.keyRows + r * unit.keys * width
  let count: usize = 0
  ids += part.at << 2
  for (const end = ids + (part.length << 2); ids < end; ids += 4) {
    const id = load<i32>(ids)
    if (id === 0) continue
    store<i32>(keyIds + (count++ << 2), id)
    const from = rowOf(table, id)
    for (let i: usize = 0; i < width; i += 16) v128.store(key + i, v128.load(from + i))
    key += width
  }
  store<usize>(part.counts + (r << 2), count)
}

function attendRow(model: Model, part: Part, table: Table, unit: Unit, r: usize): void {
  const width = table.width << 2
  const row = unit.hiddenWidth << 2
  const query = unit.queries + r * width
  const keys = unit.keyRows + r * unit.keys * width
  const before = unit.before + r * unit.keys * row
  const scores = unit.scores + ((r * unit.keys) << 2)
  const count = load<usize>(part.counts + (r << 2))
  const out = model.x + ((r * model.xWidth + part.to) << 2)

  foldQuery(unit, query, part.dim, table.width)
  const base = unit.bases + r * row
  product(before, base, 0, keys, width, 4, unit.matrix, count, part.dim, unit.hiddenWidth)
  const same = load<f32>(unit.linearBase) + dot(query, unit.linear, table.width)
  const keyLinear = unit.keyLinear
  const bend = unit.bend
  clearRow(out, table.width)
  for (let l: usize = 0, key = keys, z = before; l < count; l++, key += width, z += row) {
    const score = same + sumOf(plusBent(dotLanes(key, keyLinear, width), bend, z, row))
    store<f32>(scores + (l << 2), score)
    const factor = f32x4.splat(score)
    for (let i: usize = 0; i < width; i += 16)
      v128.store(out + i, plusProduct(v128.load(out + i), factor, v128.load(key + i)))
  }
}

/** k·(M·w2), its lanes still to be summed. */
function dotLanes(key: usize, keyLinear: usize, width: usize): v128 {
  let sum = f32x4.splat(0)
  for (let i: usize = 0; i < width; i += 16)
    sum = plusProduct(sum, v128.load(key + i), v128.load(keyLinear + i))
  return sum
}

/** sum + bend∗min(z, 0); the order of pmin lets a NaN through. */
function plusBent(sum: v128, bend: usize, z: usize, row: usize): v128 {
  const zero = f32x4.splat(0)
  for (let j: usize = 0; j < row; j += 16)
    sum = plusProduct(sum, v128.load(bend + j), f32x4.pmin(v128.load(z + j), zero))
  return sum
}

/** M and M·w2 of one query. */
function foldQuery(unit: Unit, query: usize, dim: usize, width: usize): void {
  const row = unit.hiddenWidth << 2
  const products = unit.w1 + 3 * width * row
  for (let i: usize = 0; i < dim; i++) {
    const value = v128.load32_splat(query + (i << 2))
    for (let c = i * row, end = c + row; c < end; c += 16)
      v128.store(unit.matrix + c, plusProduct(v128.load(unit.keyWeights + c), value, v128.load(products + c)))
  }
  keyLinearOf(unit, query, width)
}

/** M·w2 = lk + q∗lp */
export function keyLinearOf(unit: Unit, query: usize, width: usize): void {
  copyRow(unit.keyLinear, unit.linear + (width << 2), width)
  addProduct(unit.keyLinear, query, unit.linear + (width << 3), width)
}
