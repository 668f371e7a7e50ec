import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seeded } from '../../shared/random.ts'
import { createMoment } from './moment.ts'

const SPAN = 100

test('what is drawn was clicked within the span, is not refused, and is all there is where it is few', () => {
  const clicks = fc.array(
    fc.record({ after: fc.nat(60), item: fc.nat(12), refused: fc.nat(12), count: fc.nat(6) }),
    { minLength: 1, maxLength: 200 },
  )
  fc.assert(
    fc.property(clicks, fc.nat(), (clicks, seed) => {
      const moment = createMoment(SPAN)
      const random = seeded(seed)
      const past: { at: number; item: number }[] = []
      let at = 0
      for (const { after, item, refused, count } of clicks) {
        at += after
        const drawn = moment.draw(at, count, random, (item) => item === refused)
        const there = past.filter((click) => click.at >= at - SPAN && click.item !== refused)
        const distinct = new Set(there.map(({ item }) => item))
        expect(new Set(drawn).size).toBe(drawn.length)
        expect(drawn.length).toBe(Math.min(count, distinct.size))
        for (const item of drawn) expect(distinct).toContain(item)
        moment.add(at, item)
        past.push({ at, item })
      }
    }),
    { seed: 7 },
  )
})

test('an item that was clicked a hundred times is drawn as often as one that was clicked once', () => {
  const moment = createMoment(SPAN)
  for (let i = 0; i < 100; i++) moment.add(1, 0)
  for (const item of [1, 2]) moment.add(1, item)
  const random = seeded(3)
  const counts = [0, 0, 0]
  for (let i = 0; i < 3000; i++) for (const item of moment.draw(2, 1, random, () => false)) counts[item]!++
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt((3000 * 2) / 9))
})

test('drawn as they are read, items come as often as they were clicked within the span', () => {
  const moment = createMoment(100)
  moment.add(0, 1)
  for (const item of [2, 2, 2, 3]) moment.add(50, item)
  expect([1, 2, 3, 4].map((item) => moment.clicks(101, item))).toEqual([0, 3, 1, 0])
  const random = seeded(3)
  const first = Array.from({ length: 4000 }, () => moment.drawRead(101, 1, random, () => false)[0])
  expect(first.filter((item) => item === 2).length / 4000).toBeCloseTo(0.75, 1)
  expect(moment.drawRead(101, 2, random, () => false).toSorted()).toEqual([2, 3])
  expect(moment.drawRead(101, 2, random, (item) => item === 2)).toEqual([3])
})
