/** Small systems of linear equations, row-major in float64: the symmetric and positive definite ones of least squares. */

/**
 * Replaces the lower triangle of `a` [n × n] by its Cholesky factor L, a = L·Lᵀ; what is above the diagonal is neither read
 * nor written. Throws a RangeError where `a` is not positive definite.
 */
export function factorise(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!
      if (j < i) {
        a[i * n + j] = sum / a[j * n + j]!
        continue
      }
      if (!(sum > 0)) throw new RangeError('the matrix is not positive definite')
      a[i * n + i] = Math.sqrt(sum)
    }
}

/** Replaces `b` [n] by the solution x of L·Lᵀ·x = b. */
export function solve(l: Float64Array, n: number, b: Float64Array): void {
  for (let i = 0; i < n; i++) {
    let sum = b[i]!
    for (let k = 0; k < i; k++) sum -= l[i * n + k]! * b[k]!
    b[i] = sum / l[i * n + i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = b[i]!
    for (let k = i + 1; k < n; k++) sum -= l[k * n + i]! * b[k]!
    b[i] = sum / l[i * n + i]!
  }
}

/** The inverse of L·Lᵀ into `out` [n × n], both triangles. */
export function invert(l: Float64Array, n: number, out: Float64Array): void {
  const column = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    column.fill(0)
    column[j] = 1
    solve(l, n, column)
    for (let i = 0; i < n; i++) out[i * n + j] = column[i]!
  }
}
