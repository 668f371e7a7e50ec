/**
 * The inputs of the network, one part at a time for all rows of a batch. A part writes whole lanes, so the zeros that it
 * writes beyond its own floats are the next part's to overwrite: parts come in the order of x.
 */
import { attend } from './attend.ts'
import { attendBack } from './attend-back.ts'
import { ATTEND, DENSE, LOOKUP, Model, Part, POOL, Table, Unit } from './records.ts'
import { rowOf, touch } from './table.ts'
import { addScaled, copyRow } from './vector.ts'

/** Whether the part's ids in the first `n` rows all lie in its table. */
export function idsFit(model: Model, part: Part, n: usize): bool {
  if (part.kind === DENSE) return true
  const most = i32x4.splat(<i32>changetype<Table>(part.table).rows - 1)
  const stride = model.idWidth << 2
  const query = part.kind === ATTEND ? changetype<Unit>(part.unit).query : part.at
  let beyond = i32x4.splat(0)
  for (let row = model.ids, end = row + n * stride; row < end; row += stride) {
    let at = row + (part.at << 2)
    const last = at + (part.length << 2)
    for (; at + 16 <= last; at += 16) beyond = v128.or(beyond, i32x4.gt_u(v128.load(at), most))
    for (; at < last; at += 4) beyond = v128.or(beyond, i32x4.gt_u(v128.load32_splat(at), most))
    beyond = v128.or(beyond, i32x4.gt_u(v128.load32_splat(row + (query << 2)), most))
  }
  return !v128.any_true(beyond)
}

export function partForward(model: Model, part: Part, n: usize): void {
  if (part.kind === ATTEND) {
    attend(model, part, n)
    return
  }
  for (let r: usize = 0; r < n; r++) {
    const to = model.x + ((r * model.xWidth + part.to) << 2)
    const ids = model.ids + ((r * model.idWidth + part.at) << 2)
    if (part.kind === LOOKUP) lookup(part, ids, to)
    else if (part.kind === POOL) pool(model, part, ids, to, r)
    else memory.copy(to, model.dense + ((r * model.denseWidth + part.at) << 2), part.dim << 2)
  }
}

function lookup(part: Part, ids: usize, to: usize): void {
  const table = changetype<Table>(part.table)
  copyRow(to, rowOf(table, load<i32>(ids)), table.width)
}

/** The mean of the embeddings that are not padding. */
function pool(model: Model, part: Part, ids: usize, to: usize, r: usize): void {
  const counts = part.counts + (r << 2)
  if (r > 0 && sameIds(ids, ids - (model.idWidth << 2), part.length)) {
    // Candidates for one user's feed share that user's sequences.
    memory.copy(to, to - (model.xWidth << 2), part.dim << 2)
    store<usize>(counts, load<usize>(counts - 4))
    return
  }
  const table = changetype<Table>(part.table)
  const bytes = table.width << 2
  const end = ids + (part.length << 2)
  let count: usize = 0
  for (let i: usize = 0; i < bytes; i += 16) {
    const column = table.parameters + i
    // A sum waits for the one before it, so four are made side by side as far as there is no padding.
    let a = f32x4.splat(0)
    let b = a
    let c = a
    let d = a
    let at = ids
    for (; at + 16 <= end && i32x4.all_true(v128.load(at)); at += 16) {
      a = f32x4.add(a, v128.load(column + <usize>load<i32>(at) * bytes))
      b = f32x4.add(b, v128.load(column + <usize>load<i32>(at, 4) * bytes))
      c = f32x4.add(c, v128.load(column + <usize>load<i32>(at, 8) * bytes))
      d = f32x4.add(d, v128.load(column + <usize>load<i32>(at, 12) * bytes))
    }
    count = (at - ids) >> 2
    for (; at < end; at += 4) {
      const id = load<i32>(at)
      if (id === 0) continue
      count++
      a = f32x4.add(a, v128.load(column + <usize>id * bytes))
    }
    const sum = f32x4.add(f32x4.add(a, b), f32x4.add(c, d))
    v128.store(to + i, f32x4.div(sum, f32x4.splat(<f32>max<usize>(count, 1))))
  }
  store<usize>(counts, count)
}

function sameIds(one: usize, other: usize, length: usize): bool {
  const end = one + (length << 2)
  for (; one + 16 <= end; one += 16, other += 16)
    if (v128.any_true(v128.xor(v128.load(one), v128.load(other)))) return false
  for (; one < end; one += 4, other += 4) if (load<i32>(one) !== load<i32>(other)) return false
  return true
}

export function partBack(model: Model, part: Part, n: usize): void {
  if (part.kind === DENSE) return
  if (part.kind === ATTEND) {
    attendBack(model, part, n)
    return
  }
  const table = changetype<Table>(part.table)
  for (let r: usize = 0; r < n; r++) {
    memory.copy(part.share, model.dx + ((r * model.dxWidth + part.to) << 2), part.dim << 2)
    const ids = model.ids + ((r * model.idWidth + part.at) << 2)
    const count = part.kind === POOL ? load<usize>(part.counts + (r << 2)) : 1
    if (count > 0) spread(model, part, table, ids, <f32>1 / <f32>count)
  }
}

/** Adds `scale`·share to the gradient of each row that is not padding. */
function spread(model: Model, part: Part, table: Table, ids: usize, scale: f32): void {
  const width = table.width
  const flags = table.flags
  const gradient = table.parameters + model.toGradient
  const share = part.share
  for (const end = ids + (part.length << 2); ids < end; ids += 4) {
    const id = load<i32>(ids)
    if (id === 0) continue
    if (load<u8>(flags + <usize>id) === 0) touch(table, id)
    addScaled(gradient + ((<usize>id * width) << 2), share, scale, width)
  }
}
