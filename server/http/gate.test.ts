import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createGate } from './gate.ts'

const clockAt = (now = 1_000_000) => ({ now: () => now })

describe('a gate', () => {
  it('lets in as much as there is room for, and again what has left', () => {
    const gate = createGate({ most: 100, perSecond: 10 }, clockAt())
    expect([gate.enter(60), gate.enter(40)]).toEqual([0, 0])
    expect(gate.enter(1)).toBeGreaterThan(0)
    gate.leave(40)
    expect([gate.enter(30), gate.inside]).toEqual([0, 90])
  })

  it('has room for anybody when it is empty, who could never come in otherwise', () => {
    const gate = createGate({ most: 100, perSecond: 10 }, clockAt())
    expect(gate.enter(1000)).toBe(0)
    expect(gate.enter(1)).toBeGreaterThan(0)
  })

  it('gives those whom it sends away appointments, so many to a second and none at once', () => {
    const gate = createGate({ most: 1, perSecond: 10 }, clockAt())
    gate.enter(1)
    const seconds = Array.from({ length: 1000 }, () => gate.enter(1))
    expect(seconds[0]).toBe(2)
    const second = new Map<number, number>()
    for (const one of seconds) second.set(one, (second.get(one) ?? 0) + 1)
    expect(Math.max(...second.values())).toBe(10)
    expect(seconds.at(-1)).toBe(101)
  })

  it('sends nobody away for more than ten minutes, and starts afresh when all have had their turn', () => {
    let now = 0
    const gate = createGate({ most: 1, perSecond: 1 }, { now: () => now })
    gate.enter(1)
    const seconds = Array.from({ length: 5000 }, () => gate.enter(1))
    expect(Math.max(...seconds)).toBe(600)
    now = 3_600_000
    expect(gate.enter(1)).toBe(2)
  })

  it('never holds more than it should, whatever comes and goes', () => {
    const step = fc.record({ weight: fc.integer({ min: 0, max: 50 }), leaves: fc.nat(5) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const gate = createGate({ most: 100, perSecond: 10 }, clockAt())
        const inside: number[] = []
        for (const { weight, leaves } of steps) {
          const held = inside.reduce((sum, one) => sum + one, 0)
          const wait = gate.enter(weight)
          if (wait === 0) inside.push(weight)
          // Refused only for want of room; in only where there was some.
          expect(wait === 0).toBe(held === 0 || held + weight <= 100)
          for (const gone of inside.splice(0, leaves)) gate.leave(gone)
          expect(gate.inside).toBe(inside.reduce((sum, one) => sum + one, 0))
        }
      }),
      { seed: 5, numRuns: 200 },
    )
  })
})
