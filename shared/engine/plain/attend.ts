/**
 * The activation unit, with its algebra used: its first layer is linear in [q, k, q−k, q∗k], so with W1 split in four
 * blocks of `dim` rows, Wq Wk Wd Wp, and one query q per row of the batch,
 *
 *   [q, k, q−k, q∗k]·W1 + b1 = base + k·M,   base = q·(Wq + Wd) + b1,   M = (Wk − Wd) + diag(q)·Wp.
 *
 * `base` and M are made once per row; then a key costs dim × H multiply-adds instead of 4·dim × H.
 */
import type { TouchedRows } from './buffers.ts'
import { addProduct, addProductBack } from './kernels.ts'
import type { Buffers, Part, Row, Share, TableAt } from './parts.ts'

/** Where the unit's parameters lie, and its sizes. */
export interface UnitAt {
  readonly w1: number
  readonly b1: number
  readonly slope: number
  readonly w2: number
  readonly b2: number
  readonly hidden: number
  /** Of the sequence and of the query in a row's ids. */
  readonly at: number
  readonly length: number
  readonly query: number
}

export function attend(
  { parameters, gradient, work, dWork }: Buffers,
  touched: TouchedRows,
  { offset, first, dim }: TableAt,
  unit: UnitAt,
  { x, dx, to }: Share,
): Part {
  const { w1, b1, slope, w2, b2, hidden, at, length, query } = unit
  const block = dim * hidden
  const w1Product = w1 + 3 * block
  const queryWeights = new Float64Array(block) // Wq + Wd
  const keyWeights = new Float64Array(block) // Wk − Wd
  const dQueryWeights = new Float64Array(block)
  const dKeyWeights = new Float64Array(block)
  const base = new Float64Array(hidden)
  const dBase = new Float64Array(hidden)
  const matrix = new Float64Array(block)
  const dMatrix = new Float64Array(block)
  const key = new Float64Array(dim)
  const dKey = new Float64Array(dim)
  /** Before the PReLU, for each key: what the way back needs of the way there. */
  const before = new Float64Array(length * hidden)
  const beforeBits = new Int32Array(before.buffer)
  const dBefore = new Float64Array(hidden)
  const scores = new Float64Array(length)
  // w2·PReLU(z) = odd·z + even·|z|; its derivative by z is gates[j] above 0, gates[hidden + j] elsewhere.
  const odd = new Float64Array(hidden)
  const even = new Float64Array(hidden)
  const gates = new Float64Array(2 * hidden)
  /** Σ dScore·z, then Σ dScore·|z|: what the gradients of w2 and slope are made of. */
  const sums = new Float64Array(2 * hidden)

  function begin(): void {
    for (let i = 0; i < block; i++) {
      const difference = work[w1 + 2 * block + i]!
      queryWeights[i] = work[w1 + i]! + difference
      keyWeights[i] = work[w1 + block + i]! - difference
    }
    for (let j = 0; j < hidden; j++) {
      const weight = work[w2 + j]!
      const a = work[slope + j]!
      odd[j] = (weight * (1 + a)) / 2
      even[j] = (weight * (1 - a)) / 2
      gates[j] = weight
      gates[hidden + j] = weight * a
    }
    dQueryWeights.fill(0)
    dKeyWeights.fill(0)
    sums.fill(0)
  }

  function forward({ ids, idsAt }: Row): void {
    fold(offset + ids[idsAt + query]! * dim)
    x.fill(0, to, to + dim)
    for (let l = 0; l < length; l++) {
      const id = ids[idsAt + at + l]!
      if (id === 0) continue
      for (let i = 0; i < dim; i++) key[i] = parameters[offset + id * dim + i]!
      const row = l * hidden
      for (let j = 0; j < hidden; j++) before[row + j] = base[j]!
      addProduct(key, 0, dim, matrix, 0, hidden, before, row)
      let score = work[b2]!
      let rest = 0 // a second sum, so that additions need not wait for each other
      for (let j = 0; j < hidden; j++) {
        const z = before[row + j]!
        score += z * odd[j]!
        rest += Math.abs(z) * even[j]!
      }
      score += rest
      scores[l] = score
      for (let i = 0; i < dim; i++) x[to + i]! += score * key[i]!
    }
  }

  function fold(q: number): void {
    for (let j = 0; j < hidden; j++) base[j] = work[b1 + j]!
    for (let i = 0; i < dim; i++) key[i] = parameters[q + i]!
    addProduct(key, 0, dim, queryWeights, 0, hidden, base, 0)
    for (let i = 0, c = 0; i < dim; i++) {
      const value = key[i]!
      for (let j = 0; j < hidden; j++, c++) matrix[c] = keyWeights[c]! + value * work[w1Product + c]!
    }
  }

  function back({ ids, idsAt }: Row): void {
    dBase.fill(0)
    dMatrix.fill(0)
    for (let l = 0; l < length; l++) {
      const id = ids[idsAt + at + l]!
      if (id === 0) continue
      const k = offset + id * dim
      const score = scores[l]!
      let dScore = 0
      for (let i = 0; i < dim; i++) {
        const value = parameters[k + i]!
        const dOut = dx[to + i]!
        key[i] = value
        dKey[i] = score * dOut
        dScore += value * dOut
      }
      dWork[b2]! += dScore
      backThroughUnit(l * hidden, dScore)
      addProductBack(key, 0, dim, matrix, 0, hidden, dBefore, 0, dMatrix, 0, dKey, 0)
      for (let i = 0; i < dim; i++) gradient[k + i]! += dKey[i]!
      touched.touch(first + id)
    }
    backThroughFold(ids[idsAt + query]!)
  }

  /** Leaves the derivative by `before` in `dBefore`; no branch, since the sign of z is a coin toss to a CPU. */
  function backThroughUnit(row: number, dScore: number): void {
    for (let j = 0; j < hidden; j++) {
      const z = before[row + j]!
      const high = beforeBits[2 * (row + j) + 1]!
      const negative = (high | (high - 1)) >> 31 // all ones unless z > 0
      const d = dScore * gates[j + (negative & hidden)]!
      dBefore[j] = d
      dBase[j]! += d
      sums[j]! += dScore * z
      sums[hidden + j]! += dScore * Math.abs(z)
    }
  }

  function backThroughFold(id: number): void {
    const q = offset + id * dim
    for (let j = 0; j < hidden; j++) dWork[b1 + j]! += dBase[j]!
    for (let i = 0, c = 0; i < dim; i++) {
      const value = parameters[q + i]!
      let dQuery = 0
      for (let j = 0; j < hidden; j++, c++) {
        const dM = dMatrix[c]!
        const dB = dBase[j]!
        dKeyWeights[c]! += dM
        dQueryWeights[c]! += value * dB
        dWork[w1Product + c]! += value * dM
        dQuery += dM * work[w1Product + c]! + dB * queryWeights[c]!
      }
      if (id !== 0) gradient[q + i]! += dQuery
    }
    if (id !== 0) touched.touch(first + id)
  }

  function finish(): void {
    for (let i = 0; i < block; i++) {
      dWork[w1 + i]! += dQueryWeights[i]!
      dWork[w1 + block + i]! += dKeyWeights[i]!
      dWork[w1 + 2 * block + i]! += dQueryWeights[i]! - dKeyWeights[i]!
    }
    for (let j = 0; j < hidden; j++) {
      const a = work[slope + j]!
      const plain = sums[j]!
      const absolute = sums[hidden + j]!
      dWork[w2 + j]! += ((1 + a) * plain + (1 - a) * absolute) / 2
      dWork[slope + j]! += (work[w2 + j]! * (plain - absolute)) / 2
    }
  }

  return { begin, forward, back, finish }
}
