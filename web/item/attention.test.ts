import fc from 'fast-check'
import { expect, it } from 'vitest'
import { attentionBars } from './attention.ts'

const click = (item: string, effect: number | null) => ({ item, weight: 0.5, effect })

it('bars lie on their side of a common 0, what spoke for the item first', () => {
  const [b, a, c] = attentionBars([click('a', 1), click('b', 3), click('c', -1)], 10)
  expect(b).toMatchObject({ item: 'b', from: 0.25, length: 0.75, side: 'for' })
  expect(a).toMatchObject({ item: 'a', from: 0.25, length: 0.25, side: 'for' })
  expect(c).toMatchObject({ item: 'c', from: 0, length: 0.25, side: 'against' })
})

it('the change is that of the odds: an effect of ln 1.25 is a quarter more', () => {
  const [one] = attentionBars([click('a', Math.log(1.25))], 1)
  expect(one!.change).toBeCloseTo(0.25, 12)
})

it('those that did the most are shown, on whichever side', () => {
  const shown = attentionBars([click('a', 0.1), click('b', -2), click('c', 1), click('d', null)], 2)
  expect(shown.map(({ item }) => item)).toEqual(['c', 'b'])
})

it('whatever the effects, every bar lies in the room, as long as its effect in proportion', () => {
  const effect = fc.option(fc.double({ noNaN: true, min: -10, max: 10 }))
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(fc.string(), effect), { selector: ([item]) => item }), (all) => {
      const clicks = all.map(([item, effect]) => click(item, effect))
      const effects = new Map(all)
      const bars = attentionBars(clicks, 5)
      expect(bars).toHaveLength(Math.min(5, clicks.length))
      for (const { from, length } of bars) {
        expect(from).toBeGreaterThanOrEqual(0)
        expect(from + length).toBeLessThanOrEqual(1 + 1e-9)
      }
      for (const one of bars)
        for (const other of bars)
          expect(one.length * Math.abs(effects.get(other.item) ?? 0)).toBeCloseTo(
            other.length * Math.abs(effects.get(one.item) ?? 0),
            6,
          )
    }),
    { seed: 1 },
  )
})
