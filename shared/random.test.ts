import { describe, expect, it } from 'vitest'
import { seeded } from './random.ts'

describe('seeded', () => {
  it('gives the same stream for the same seed and another for another', () => {
    const stream = (seed: number) => Array.from({ length: 8 }, seeded(seed).next)
    expect(stream(1)).toEqual(stream(1))
    expect(stream(1)).not.toEqual(stream(2))
  })

  it('is uniform: every tenth of [0, 1) gets its share (χ², 9 degrees, p > 0.001)', () => {
    const random = seeded(7)
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 20_000; i++) counts[random.below(10)]!++
    const chiSquare = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)
    expect(chiSquare).toBeLessThan(27.9)
  })

  it('has normal numbers of mean 0 and variance 1, and shuffles without losing anything', () => {
    const random = seeded(11)
    const drawn = Array.from({ length: 20_000 }, () => random.normal())
    const mean = drawn.reduce((a, b) => a + b) / drawn.length
    const variance = drawn.reduce((a, b) => a + (b - mean) ** 2, 0) / drawn.length
    expect(Math.abs(mean)).toBeLessThan(0.03)
    expect(Math.abs(variance - 1)).toBeLessThan(0.05)
    const shuffled = random.shuffle(Array.from({ length: 50 }, (_, i) => i))
    expect(shuffled).not.toEqual([...shuffled].sort((a, b) => a - b))
    expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })
})
