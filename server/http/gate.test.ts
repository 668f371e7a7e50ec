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

  it('gives a quarter of the room to one address, and the rest to others', () => {
    const gate = createGate({ most: 100, perSecond: 10 }, clockAt())
    const slow = Array.from({ length: 10 }, () => gate.enter(10, 'slow'))
    expect(slow.filter((wait) => wait === 0)).toHaveLength(2)
    expect([gate.enter(10, 'other'), gate.enter(60)]).toEqual([0, 0])
    gate.leave(10, 'slow')
    expect([gate.enter(10, 'slow'), gate.inside]).toEqual([0, 90])
  })

  it('never holds more than it should, whatever comes and goes', () => {
    const from = fc.constantFrom(undefined, 'a', 'b')
    const step = fc.record({ weight: fc.integer({ min: 0, max: 50 }), leaves: fc.nat(5), from })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const gate = createGate({ most: 100, perSecond: 10 }, clockAt())
        const inside: { weight: number; from: string | undefined }[] = []
        const held = (all = inside) => all.reduce((sum, { weight }) => sum + weight, 0)
        for (const { weight, leaves, from } of steps) {
          const theirs = from === undefined ? 0 : held(inside.filter((one) => one.from === from))
          const room = held() === 0 || held() + weight <= 100
          const wait = gate.enter(weight, from)
          // Refused only for want of room; in only where there was some.
          expect(wait === 0).toBe(room && (theirs === 0 || theirs + weight <= 25))
          if (wait === 0) inside.push({ weight, from })
          for (const gone of inside.splice(0, leaves)) gate.leave(gone.weight, gone.from)
          expect(gate.inside).toBe(held())
        }
      }),
      { seed: 5, numRuns: 200 },
    )
  })
})
