import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frameOf, histogram, line, scoreAt, ticksOf } from './plot.ts'

const frame = { width: 320, height: 130, left: 36, bottom: 20, edge: 4 }
const at = (...values: number[]) => values.map((y, x) => ({ x, y }))

describe('the numbers at an axis', () => {
  it.each([
    [0, 1, [0, 0.5, 1]],
    [0.2, 0.7, [0.2, 0.4, 0.6, 0.8]],
    [0.61, 0.67, [0.6, 0.62, 0.64, 0.66, 0.68]],
    [-3, 4, [-5, 0, 5]],
    [0.5, 0.5, [0.5]],
    [0, 5e-324, [0]],
    [0.3, 0.1 + 0.2, [0.3]],
  ])('between %d and %d are round', (low, high, ticks) => {
    expect(ticksOf(low, high)).toEqual(ticks)
  })

  it('span the values, evenly, few of them, and have few digits', () => {
    const value = fc.double({ noNaN: true, min: -1e6, max: 1e6 })
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        fc.pre(high - low > 1e-6 * Math.max(1, Math.abs(low), Math.abs(high)))
        const ticks = ticksOf(low, high)
        const step = ticks[1]! - ticks[0]!
        const slack = step * 1e-6
        expect(ticks.length).toBeGreaterThanOrEqual(2)
        expect(ticks.length).toBeLessThanOrEqual(5)
        expect(ticks[0]).toBeLessThanOrEqual(low + slack)
        expect(ticks[0]).toBeGreaterThan(low - step - slack)
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(high - slack)
        expect(ticks.at(-1)).toBeLessThan(high + step + slack)
        for (const [i, tick] of ticks.entries()) expect(tick).toBeCloseTo(ticks[0]! + i * step, 4)
        expect([1, 2, 5]).toContain(
          Number((step / 10 ** Math.floor(Math.log10(step * 1.0000001))).toFixed(3)),
        )
      }),
      { seed: 1 },
    )
  })
})

describe('a line', () => {
  it('spans the frame: first value at the left, last at the right, between the numbers of the axis', () => {
    const { points, ticks } = line(at(1, 0, 0.5), frame)
    expect(points).toEqual([
      { x: 36, y: 4 },
      { x: 176, y: 110 },
      { x: 316, y: 57 },
    ])
    expect(ticks).toEqual([
      { value: 0, y: 110 },
      { value: 0.5, y: 57 },
      { value: 1, y: 4 },
    ])
  })

  it('puts values where their x is, not where their number is', () => {
    const points = [0, 3, 4].map((x) => ({ x, y: x }))
    expect(line(points, frame).points.map(({ x }) => x)).toEqual([36, 246, 316])
  })

  it('one value, equal values and no values stay inside the frame', () => {
    expect(line(at(0.5), frame).points).toEqual([{ x: 36, y: 57 }])
    expect(line(at(0.5, 0.5), frame).points.map(({ y }) => y)).toEqual([57, 57])
    expect(line([], frame)).toEqual({ points: [], path: '', ticks: [] })
  })

  it('values that are not finite leave a gap and do not move the others', () => {
    const { points, path } = line(at(0, Number.NaN, 1), frame)
    expect(points.map(({ x }) => x)).toEqual([36, 316])
    expect(path).toBe('M36 110L316 4')
  })

  it('whatever the values and however small the frame, all lies inside, higher where the value is higher', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e3, max: 1e3 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(
        values,
        fc.integer({ min: 120, max: 1200 }),
        fc.integer({ min: 10, max: 32 }),
        (ys, width, em) => {
          const frame = frameOf(width, em)
          const { points } = line(at(...ys), frame)
          for (const { x, y } of points) {
            expect(x).toBeGreaterThanOrEqual(frame.left)
            expect(x).toBeLessThanOrEqual(width - frame.edge)
            expect(y).toBeGreaterThanOrEqual(frame.edge)
            expect(y).toBeLessThanOrEqual(frame.height - frame.bottom)
          }
          for (const [i, value] of ys.entries())
            if (i > 0 && value > ys[i - 1]!) expect(points[i]!.y).toBeLessThanOrEqual(points[i - 1]!.y)
        },
      ),
      { seed: 1 },
    )
  })
})

describe('the histogram of scores', () => {
  it('counts every score once, 1 in the last bar', () => {
    const bars = histogram([0, 0.049, 0.05, 0.2, 0.999, 1], 20, frame)
    expect(bars.map(({ count }) => count)).toEqual([2, 1, 0, 0, 1, ...new Array(14).fill(0), 2])
  })

  it('the fullest bar is as high as the frame, the others in proportion', () => {
    const bars = histogram([0.1, 0.1, 0.1, 0.1, 0.9], 2, frame)
    expect(bars.map(({ height }) => height)).toEqual([106, 26.5])
    for (const { y, height } of bars) expect(y + height).toBe(110)
  })

  it('σ lies where the bar of that score begins', () => {
    const bar = histogram([], 20, frame)[4]!
    expect(bar.from).toBeCloseTo(0.2, 12)
    expect(scoreAt(0.2, frame)).toBeCloseTo(bar.x, 2)
  })

  it('loses no score, and no bar is higher than the frame', () => {
    const score = fc.double({ noNaN: true, min: 0, max: 1 })
    fc.assert(
      fc.property(fc.array(score), fc.integer({ min: 1, max: 40 }), (scores, bins) => {
        const bars = histogram(scores, bins, frame)
        expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(scores.length)
        for (const { from, to, count, height } of bars) {
          const inside = scores.filter((s) => s >= from && (s < to || to === 1))
          expect(count).toBe(inside.length)
          expect(height).toBeLessThanOrEqual(106)
        }
      }),
      { seed: 1 },
    )
  })
})
