import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frameOf } from '../my-model/plot.ts'
import { intervals, type Series } from './intervals.ts'

/** 100 wide between 36 and 316, that is 280; from 4 down to 110. */
const frame = { width: 320, height: 130, left: 36, bottom: 20, edge: 4 }

describe('a plot of values with intervals', () => {
  it('gives each day an equal share of the width, and arms stand side by side in it', () => {
    const series = [
      { name: 'a', values: [10, 11].map((x) => ({ x, value: 0.5, interval: null })) },
      { name: 'b', values: [{ x: 11, value: 0.5, interval: null }] },
    ]
    const [a, b] = intervals(series, frame).series
    // Two days of 140: their middles are at 106 and 246; two marks 9 apart.
    expect(a!.map(({ x }) => x)).toEqual([101.5, 241.5])
    expect(b!.map(({ x }) => x)).toEqual([250.5])
  })

  it('leaves room for a day on which nothing was seen', () => {
    const values = [3, 5].map((x) => ({ x, value: 1, interval: null }))
    expect(intervals([{ name: 'a', values }], { ...frame, width: 340 }).series[0]!.map(({ x }) => x)).toEqual(
      [86, 286],
    )
  })

  it('spans all intervals between round numbers, and draws each from its low to its high end', () => {
    const values = [{ x: 0, value: 0.5, interval: [0.1, 0.9] as const }]
    const { series, ticks } = intervals([{ name: 'a', values }], frame)
    expect(ticks.map(({ value }) => value)).toEqual([0, 0.5, 1])
    expect(ticks.map(({ y }) => y)).toEqual([110, 57, 4])
    // 106 high: 0.9 of it above the floor, 0.1 of it.
    expect(series[0]).toEqual([{ x: 176, y: 57, bar: [14.6, 99.4] }])
  })

  it('begins no later than at its floor', () => {
    const values = [{ x: 0, value: 8, interval: null }]
    const { series, ticks } = intervals([{ name: 'a', values }], frame, 0)
    expect(ticks.map(({ value }) => value)).toEqual([0, 5, 10])
    // 8 of 10, of 106 above 110.
    expect(series[0]![0]!.y).toBe(25.2)
  })

  it('has nothing where there is nothing, and one value in the middle', () => {
    expect(intervals([{ name: 'a', values: [] }], frame)).toEqual({ series: [[]], ticks: [] })
    const values = [{ x: 0, value: 7, interval: null }]
    expect(intervals([{ name: 'a', values }], frame).series[0]).toEqual([{ x: 176, y: 57, bar: null }])
  })

  it('whatever is drawn lies inside, in the order of the days, and a bar goes through its mark', () => {
    const value = fc
      .tuple(
        fc.nat(30),
        fc.double({ min: -5, max: 5, noNaN: true }),
        fc.double({ min: 0, max: 3, noNaN: true }),
      )
      .map(([x, value, half]) => ({ x, value, interval: [value - half, value + half] as const }))
    const one = fc.uniqueArray(value, { selector: ({ x }) => x, minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(
        fc.array(one, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 160, max: 900 }),
        (all, width) => {
          const frame = frameOf(width, 16)
          const series: Series[] = all.map((values, i) => ({ name: `${i}`, values }))
          for (const marks of intervals(series, frame).series) {
            expect(marks.map(({ x }) => x)).toEqual(marks.map(({ x }) => x).toSorted((a, b) => a - b))
            for (const { x, y, bar } of marks) {
              expect(x).toBeGreaterThanOrEqual(frame.left)
              expect(x).toBeLessThanOrEqual(width - frame.edge)
              expect(bar![0]).toBeGreaterThanOrEqual(frame.edge)
              expect(bar![1]).toBeLessThanOrEqual(frame.height - frame.bottom)
              expect(bar![0]).toBeLessThanOrEqual(y)
              expect(bar![1]).toBeGreaterThanOrEqual(y)
            }
          }
        },
      ),
      { seed: 1 },
    )
  })
})
