import { describe, expect, it } from 'vitest'
import { draw, FEED_SIZE } from './candidates.ts'

const items = Array.from({ length: 200 }, (_, i) => ({ key: `k${i}`, title: `t${i}`, categories: [0] }))

describe('the draw of a feed', () => {
  it('is the same for the same seed and another for another', () => {
    expect(draw(items, 7)).toEqual(draw(items, 7))
    expect(draw(items, 7)).not.toEqual(draw(items, 8))
  })

  it('holds forty different items of the catalogue', () => {
    const keys = draw(items, 3)
    expect(new Set(keys).size).toBe(FEED_SIZE)
    for (const key of keys) expect(items.some((item) => item.key === key)).toBe(true)
  })

  it('gives every item the same chance', () => {
    const counts = new Map<string, number>()
    const draws = 4000
    for (let seed = 0; seed < draws; seed++)
      for (const key of draw(items, seed)) counts.set(key, (counts.get(key) ?? 0) + 1)
    // Binomial(4000, 0.2): mean 800, standard deviation 25.3. χ² over 200 items, scaled for drawing without replacement.
    const expected = (draws * FEED_SIZE) / items.length
    let chi = 0
    for (const { key } of items) chi += ((counts.get(key) ?? 0) - expected) ** 2 / (expected * 0.8)
    expect(chi).toBeGreaterThan(140)
    expect(chi).toBeLessThan(280)
  })

  it('passes over the present cards while enough others are left', () => {
    const present = new Set(draw(items, 1))
    expect(draw(items, 2, 40, present).some((key) => present.has(key))).toBe(false)
    const few = items.slice(0, 50)
    expect(draw(few, 2, 40, new Set(draw(few, 1)))).toHaveLength(40)
  })

  it('a catalogue smaller than a feed is shown whole', () => {
    expect(new Set(draw(items.slice(0, 5), 9, 40, new Set(['k1'])))).toEqual(
      new Set(['k0', 'k1', 'k2', 'k3', 'k4']),
    )
  })
})
