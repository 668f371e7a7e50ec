/** The one matrix product that everything is made of. */
import { plusProduct } from './vector.ts'

/**
 * c[n, m] = start + a[n, k] · b[k, m].
 *
 * b and c have rows of `m` floats, a multiple of four; `start` is c itself to add to it, or a bias with `startRow` 0.
 * `aRow` and `aColumn` are the steps in bytes from an element of a to the one below and beside it, so a may be taken
 * transposed. Rows come in fours: n is rounded up, and a and c must have that many.
 *
 * A tile of 4 × 8 sums stays in registers for the whole of k: 16 multiply-adds for 6 loads.
 */
export function product(
  c: usize,
  start: usize,
  startRow: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  n: usize,
  k: usize,
  m: usize,
): void {
  const row = m << 2
  for (let r: usize = 0; r < n; r += 4) {
    let j: usize = 0
    for (; j + 32 <= row; j += 32) tileOf8(c + j, row, start + j, startRow, a, aRow, aColumn, b + j, k)
    if (j < row) tileOf4(c + j, row, start + j, startRow, a, aRow, aColumn, b + j, k)
    c += row << 2
    start += startRow << 2
    a += aRow << 2
  }
}

function tileOf8(
  c: usize,
  row: usize,
  start: usize,
  startRow: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  k: usize,
): void {
  let c00 = v128.load(start)
  let c01 = v128.load(start, 16)
  start += startRow
  let c10 = v128.load(start)
  let c11 = v128.load(start, 16)
  start += startRow
  let c20 = v128.load(start)
  let c21 = v128.load(start, 16)
  start += startRow
  let c30 = v128.load(start)
  let c31 = v128.load(start, 16)
  const a1 = aRow
  const a2 = aRow + aRow
  const a3 = a2 + aRow
  for (; k > 0; k--) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    const v0 = v128.load32_splat(a)
    c00 = plusProduct(c00, v0, b0)
    c01 = plusProduct(c01, v0, b1)
    const v1 = v128.load32_splat(a + a1)
    c10 = plusProduct(c10, v1, b0)
    c11 = plusProduct(c11, v1, b1)
    const v2 = v128.load32_splat(a + a2)
    c20 = plusProduct(c20, v2, b0)
    c21 = plusProduct(c21, v2, b1)
    const v3 = v128.load32_splat(a + a3)
    c30 = plusProduct(c30, v3, b0)
    c31 = plusProduct(c31, v3, b1)
    a += aColumn
    b += row
  }
  v128.store(c, c00)
  v128.store(c, c01, 16)
  c += row
  v128.store(c, c10)
  v128.store(c, c11, 16)
  c += row
  v128.store(c, c20)
  v128.store(c, c21, 16)
  c += row
  v128.store(c, c30)
  v128.store(c, c31, 16)
}

function tileOf4(
  c: usize,
  row: usize,
  start: usize,
  startRow: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  k: usize,
): void {
  let c0 = v128.load(start)
  let c1 = v128.load(start + startRow)
  let c2 = v128.load(start + 2 * startRow)
  let c3 = v128.load(start + 3 * startRow)
  for (; k > 0; k--) {
    const value = v128.load(b)
    c0 = plusProduct(c0, v128.load32_splat(a), value)
    c1 = plusProduct(c1, v128.load32_splat(a + aRow), value)
    c2 = plusProduct(c2, v128.load32_splat(a + 2 * aRow), value)
    c3 = plusProduct(c3, v128.load32_splat(a + 3 * aRow), value)
    a += aColumn
    b += row
  }
  v128.store(c, c0)
  v128.store(c + row, c1)
  v128.store(c + 2 * row, c2)
  v128.store(c + 3 * row, c3)
}
