import fc from 'fast-check'
import { expect, test } from 'vitest'
import { factorise, invert, solve } from './linear.ts'

/** b·bᵀ + I, which is positive definite, of entries in [−2, 2]. */
const definite = fc
  .integer({ min: 1, max: 9 })
  .chain((n) =>
    fc.record({
      n: fc.constant(n),
      b: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: n * n, maxLength: n * n }),
      x: fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: n, maxLength: n }),
    }),
  )
  .map(({ n, b, x }) => {
    const a = new Float64Array(n * n)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let k = 0; k < n; k++) a[i * n + j]! += b[i * n + k]! * b[j * n + k]! + (i === j ? 1 / n : 0)
    return { n, a, x }
  })

const product = (a: Float64Array, n: number, x: ArrayLike<number>): number[] =>
  Array.from({ length: n }, (_, i) => Array.from(x).reduce((sum, value, j) => sum + a[i * n + j]! * value, 0))

test('the solution of a·x = b is found again from b', () => {
  fc.assert(
    fc.property(definite, ({ n, a, x }) => {
      const b = Float64Array.from(product(a, n, x))
      const l = a.slice()
      factorise(l, n)
      solve(l, n, b)
      x.forEach((value, i) => {
        expect(b[i]).toBeCloseTo(value, 6)
      })
    }),
    { seed: 1 },
  )
})

test('a matrix times its inverse is the identity', () => {
  fc.assert(
    fc.property(definite, ({ n, a }) => {
      const l = a.slice()
      const inverse = new Float64Array(n * n)
      factorise(l, n)
      invert(l, n, inverse)
      for (let j = 0; j < n; j++) {
        const column = Array.from({ length: n }, (_, i) => inverse[i * n + j]!)
        product(a, n, column).forEach((value, i) => {
          expect(value).toBeCloseTo(i === j ? 1 : 0, 6)
        })
      }
    }),
    { seed: 2 },
  )
})

test('what is not positive definite is refused', () => {
  expect(() => factorise(Float64Array.of(1, 0, 2, 1), 2)).toThrow('not positive definite')
})
