import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPoints, directionOf } from './points.ts'

describe('directions', () => {
  it('of one length, the same for all multiples, and none of nothing', () => {
    expect(directionOf([3, 0, -4])).toEqual(Float32Array.of(0.6, 0, -0.8))
    const vector = Float64Array.of(7, 1, 5, 3)
    for (let times = 1; times <= 100; times++)
      expect(directionOf(vector.map((value) => value * times))).toEqual(directionOf(vector))
    expect(directionOf([0, 0])).toBeUndefined()
    // −0 and 0 are other bits of the same direction.
    expect(Object.is(directionOf([-0, 1])![0], 0)).toBe(true)
  })
})

describe('points', () => {
  it('are one for each direction, and found again wherever others went', () => {
    const step = fc.record({
      row: fc.nat({ max: 60 }),
      to: fc.option(fc.nat({ max: 60 }), { nil: undefined }),
    })
    const rowOf = (n: number) => directionOf([Math.cos(n), Math.sin(n), 0.5])!
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const points = createPoints(3)
        /** By point: which row it holds. */
        const due: number[] = []
        for (const { row, to } of steps) {
          const known = due.indexOf(row)
          const point = points.at(rowOf(row))
          if (known < 0) due.push(row)
          expect(due[point]).toBe(row)
          if (to === undefined || due.includes(to)) continue
          points.move(point, rowOf(to))
          due[point] = to
        }
        expect(points.size).toBe(due.length)
        for (let row = 0; row <= 60; row++) expect(points.find(rowOf(row))).toBe(due.indexOf(row))
        expect([...points.rows()]).toEqual(due.flatMap((row) => [...rowOf(row)]))
        expect(createPoints(3, points.rows()).find(rowOf(due[0] ?? 0))).toBe(due.length > 0 ? 0 : -1)
      }),
      { seed: 1, numRuns: 200 },
    )
  })
})
