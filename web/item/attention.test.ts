import fc from 'fast-check'
import { expect, it } from 'vitest'
import { attentionBars } from './attention.ts'

it('bars lie on their side of a common 0, an item’s clicks are one, the newest first', () => {
  const clicks = [
    { item: 'c', weight: 2 },
    { item: 'b', weight: -1 },
    { item: 'c', weight: 1 },
    { item: 'a', weight: 1 },
  ]
  expect(attentionBars(clicks, 10)).toEqual([
    { item: 'c', weight: 3, from: 0.25, length: 0.75, side: 'for' },
    { item: 'b', weight: -1, from: 0, length: 0.25, side: 'against' },
    { item: 'a', weight: 1, from: 0.25, length: 0.25, side: 'for' },
  ])
  expect(attentionBars(clicks, 1)).toEqual([{ item: 'c', weight: 3, from: 0, length: 1, side: 'for' }])
})

it('whatever the weights, every bar lies in the room, as long as its weight in proportion', () => {
  const weight = fc.float({ noNaN: true, min: -50, max: 50 })
  fc.assert(
    fc.property(fc.array(fc.record({ item: fc.constantFrom('a', 'b', 'c', 'd'), weight })), (clicks) => {
      const bars = attentionBars(clicks, 3)
      expect(bars).toHaveLength(Math.min(3, new Set(clicks.map(({ item }) => item)).size))
      for (const { from, length } of bars) {
        expect(from).toBeGreaterThanOrEqual(0)
        expect(from + length).toBeLessThanOrEqual(1 + 1e-9)
      }
      for (const one of bars)
        for (const other of bars)
          expect(one.length * Math.abs(other.weight)).toBeCloseTo(other.length * Math.abs(one.weight), 6)
    }),
  )
})
