/**
 * The two inner loops of the plain engine. Vectors and row-major matrices lie in flat buffers at an offset.
 *
 * Rows are taken four at a time: a typed-array access costs as much as a multiply-add here, and four rows share those
 * of y and dy. Everything is float64, JavaScript's only arithmetic: float32 would convert at every access.
 */

/** y[m] += x[n] · w[n, m] */
export function addProduct(
  x: Float64Array,
  xAt: number,
  n: number,
  w: Float64Array,
  wAt: number,
  m: number,
  y: Float64Array,
  yAt: number,
): void {
  let i = 0
  for (; i + 4 <= n; i += 4) {
    const x0 = x[xAt + i]!
    const x1 = x[xAt + i + 1]!
    const x2 = x[xAt + i + 2]!
    const x3 = x[xAt + i + 3]!
    const r0 = wAt + i * m
    const r1 = r0 + m
    const r2 = r1 + m
    const r3 = r2 + m
    for (let j = 0; j < m; j++)
      y[yAt + j]! += x0 * w[r0 + j]! + x1 * w[r1 + j]! + x2 * w[r2 + j]! + x3 * w[r3 + j]!
  }
  for (; i < n; i++) {
    const x0 = x[xAt + i]!
    const r0 = wAt + i * m
    for (let j = 0; j < m; j++) y[yAt + j]! += x0 * w[r0 + j]!
  }
}

/** The way back of `addProduct`: dw[n, m] += x ⊗ dy and dx[n] += w · dy. */
export function addProductBack(
  x: Float64Array,
  xAt: number,
  n: number,
  w: Float64Array,
  wAt: number,
  m: number,
  dy: Float64Array,
  dyAt: number,
  dw: Float64Array,
  dwAt: number,
  dx: Float64Array,
  dxAt: number,
): void {
  const shift = dwAt - wAt
  let i = 0
  for (; i + 4 <= n; i += 4) {
    const x0 = x[xAt + i]!
    const x1 = x[xAt + i + 1]!
    const x2 = x[xAt + i + 2]!
    const x3 = x[xAt + i + 3]!
    let g0 = 0
    let g1 = 0
    let g2 = 0
    let g3 = 0
    let r0 = wAt + i * m
    let r1 = r0 + m
    let r2 = r1 + m
    let r3 = r2 + m
    for (let j = dyAt; j < dyAt + m; j++, r0++, r1++, r2++, r3++) {
      const d = dy[j]!
      dw[r0 + shift]! += x0 * d
      dw[r1 + shift]! += x1 * d
      dw[r2 + shift]! += x2 * d
      dw[r3 + shift]! += x3 * d
      g0 += w[r0]! * d
      g1 += w[r1]! * d
      g2 += w[r2]! * d
      g3 += w[r3]! * d
    }
    dx[dxAt + i]! += g0
    dx[dxAt + i + 1]! += g1
    dx[dxAt + i + 2]! += g2
    dx[dxAt + i + 3]! += g3
  }
  for (; i < n; i++) {
    const x0 = x[xAt + i]!
    let g0 = 0
    let r0 = wAt + i * m
    for (let j = dyAt; j < dyAt + m; j++, r0++) {
      const d = dy[j]!
      dw[r0 + shift]! += x0 * d
      g0 += w[r0]! * d
    }
    dx[dxAt + i]! += g0
  }
}
