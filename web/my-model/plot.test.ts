import { describe, expect, it } from 'vitest'
import { histogram, line, scoreAt } from './plot.ts'

const frame = { width: 320, height: 130, left: 34, bottom: 20 }

describe('the line of losses', () => {
  it('spans the frame: first value at the left, last at the right, highest at the top', () => {
    const { points, low, high } = line([0.7, 0.2, 0.45], frame)
    expect([low, high]).toEqual([0.2, 0.7])
    expect(points).toEqual([
      { x: 34, y: 4 },
      { x: 175, y: 110 },
      { x: 316, y: 57 },
    ])
  })

  it('one value, equal values and no values stay inside the frame', () => {
    expect(line([0.5], frame).points).toEqual([{ x: 34, y: 57 }])
    expect(line([0.5, 0.5], frame).points.map(({ y }) => y)).toEqual([57, 57])
    expect(line([], frame)).toMatchObject({ points: [], path: '' })
  })

  it('values that are not finite leave a gap and do not move the others', () => {
    const { points, path } = line([1, Number.NaN, 3], frame)
    expect(points.map(({ x }) => x)).toEqual([34, 316])
    expect(path).toBe('M34 110L316 4')
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
})
