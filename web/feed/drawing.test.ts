import { describe, expect, it } from 'vitest'
import { drawing } from './drawing.ts'

describe('the picture of a card', () => {
  it('is the same every time, and another for another card of the same topic', () => {
    expect(drawing('film-1', [3])).toEqual(drawing('film-1', [3]))
    expect(drawing('film-1', [3])).not.toEqual(drawing('film-2', [3]))
  })

  it('the first topic gives the colour of the ground, whatever the key', () => {
    const grounds = (category: number) =>
      new Set(
        Array.from({ length: 50 }, (_, i) => [...drawing(`k${i}`, [category]).ground].sort().join()).values(),
      )
    expect(grounds(2).size).toBe(1)
    expect([...grounds(2)]).not.toEqual([...grounds(3)])
  })

  it('can be drawn for any topics, and none', () => {
    for (let category = -1; category < 470; category++) {
      const { shapes } = drawing(`item ${category}`, category < 0 ? [] : [category, category + 7])
      expect(shapes.length).toBeGreaterThan(1)
      for (const { d, fill } of shapes) {
        expect(d).toMatch(/^M[-\d]/)
        expect(d).not.toMatch(/NaN|undefined|Infinity/)
        expect(fill).toMatch(/^#[0-9a-f]{6}$/)
      }
    }
  })

  it('a circle is round: both halves span exactly its diameter', () => {
    for (let i = 0; i < 50; i++)
      for (const { d } of drawing(`orb ${i}`, [1]).shapes)
        for (const [, r, dx] of d.matchAll(/a([\d.]+) \1 0 1 0 (-?[\d.]+) 0/g))
          expect(Math.abs(Number(dx))).toBeCloseTo(2 * Number(r), 9)
  })
})
