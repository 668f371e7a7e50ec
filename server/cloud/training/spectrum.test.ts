import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seeded } from '../../../shared/random.ts'
import { eigen, positivePart, type Sparse } from './spectrum.ts'

type Matrix = number[][]
const multiply = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)))
const turned = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!))
const rowsOf = (flat: Float64Array, width: number): Matrix =>
  Array.from({ length: flat.length / width }, (_, i) => [...flat.subarray(i * width, (i + 1) * width)])

function expectNear(one: Matrix, other: Matrix): void {
  one.forEach((row, i) => {
    row.forEach((value, j) => {
      expect(value).toBeCloseTo(other[i]![j]!, 5)
    })
  })
}

/** Those entries that are not 0, each pair once. */
function sparse(a: Matrix): Sparse {
  const entries = a.flatMap((row, i) =>
    row.slice(0, i + 1).flatMap((value, j) => (value === 0 ? [] : [[j, i, value]])),
  )
  const column = (which: number) => entries.map((entry) => entry[which]!)
  return {
    rows: a.length,
    one: Int32Array.from(column(0)),
    other: Int32Array.from(column(1)),
    values: Float32Array.from(column(2)),
  }
}

const symmetric = fc.integer({ min: 1, max: 9 }).chain((size) =>
  fc
    .array(fc.integer({ min: -4, max: 4 }), { minLength: size * size, maxLength: size * size })
    .map((flat) => {
      const a = Array.from({ length: size }, (_, i) => flat.slice(i * size, (i + 1) * size))
      return a.map((row, i) => row.map((value, j) => value + a[j]![i]!))
    }),
)

test('eigenvectors are unit vectors at right angles that the matrix only stretches', () => {
  fc.assert(
    fc.property(symmetric, (a) => {
      const size = a.length
      const { values, vectors } = eigen(Float64Array.from(a.flat()), size)
      const v = rowsOf(vectors, size)
      const one = a.map((_, i) => a.map((_, j) => Number(i === j)))
      expectNear(multiply(turned(v), v), one)
      expectNear(
        multiply(a, v),
        v.map((row) => row.map((value, j) => value * values[j]!)),
      )
    }),
    { seed: 3 },
  )
})

test('a matrix that is positive already comes back whole, where there are dimensions for it', async () => {
  const root: Matrix = [
    [1, 2],
    [0, 1],
    [3, -1],
    [0, 0],
    [2, 2],
  ]
  const a = multiply(root, turned(root))
  const factors = rowsOf(await positivePart(sparse(a), 3, seeded(1)), 3)
  expectNear(multiply(factors, turned(factors)), a)
  expect(factors[3]).toEqual([0, 0, 0])
})

test('of all others comes what their largest positive eigenvalues make', async () => {
  // Eigenvalues 5, 3, 1 on (1,1,0)/√2, (0,0,1) and (1,−1,0)/√2, then −4 by itself.
  const a = [
    [3, 2, 0, 0],
    [2, 3, 0, 0],
    [0, 0, 3, 0],
    [0, 0, 0, -4],
  ]
  const one = rowsOf(await positivePart(sparse(a), 1, seeded(2)), 1)
  expectNear(multiply(one, turned(one)), [
    [2.5, 2.5, 0, 0],
    [2.5, 2.5, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ])
  const all = rowsOf(await positivePart(sparse(a), 4, seeded(2)), 4)
  expectNear(multiply(all, turned(all)), [...a.slice(0, 3), [0, 0, 0, 0]])
})
