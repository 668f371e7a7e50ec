import { describe, expect, it } from 'vitest'
import { cumulativeShift, duringRounds } from './seen.ts'

describe('the cumulative layout shift', () => {
  const shifts = (...times: number[]) => times.map((at) => ({ at, value: 0.1 }))
  it('adds up what comes in less than a second', () => {
    expect(cumulativeShift(shifts())).toBe(0)
    expect(cumulativeShift(shifts(0, 900, 1800))).toBeCloseTo(0.3)
    expect(cumulativeShift(shifts(0, 900, 1900))).toBeCloseTo(0.2)
  })
  it('is of five seconds at most, and of the worst five', () => {
    const many = Array.from({ length: 12 }, (_, i) => i * 900) // 0 … 4500 | 5400 … 9900
    expect(cumulativeShift(shifts(...many))).toBeCloseTo(0.6)
    expect(cumulativeShift([...shifts(0), { at: 10_000, value: 0.7 }, ...shifts(20_000)])).toBeCloseTo(0.7)
  })
})

it('an interaction counts by its longest event, if it began while a round ran or half a second after', () => {
  const inputs = [
    { id: 1, name: 'pointerdown', at: 50, ms: 400 },
    { id: 2, name: 'pointerdown', at: 150, ms: 24 },
    { id: 2, name: 'click', at: 160, ms: 56 },
    { id: 3, name: 'keydown', at: 701, ms: 300 },
    { id: 5, name: 'keydown', at: 700, ms: 32 },
    { id: 4, name: 'click', at: 900, ms: 16 },
  ]
  const busy = [
    { from: 100, to: 200 },
    { from: 800, to: null },
  ]
  expect(duringRounds({ inputs, busy })).toEqual([56, 32, 16])
})
