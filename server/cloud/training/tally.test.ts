import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTally } from './tally.ts'

const numbers = fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 2 ** 26 - 1 }))

test('weights of a pair add up, whichever way round it is, and pairs come in order', () => {
  const adding = fc.array(fc.tuple(numbers, numbers, fc.integer({ min: 1, max: 9 })), {
    maxLength: 3000,
    size: 'max',
  })
  fc.assert(
    fc.property(adding, (added) => {
      const tally = createTally()
      const plain = new Map<string, number>()
      for (const [one, other, weight] of added) {
        tally.add(one, other, weight)
        const name = [one, other].sort((a, b) => a - b).join()
        plain.set(name, (plain.get(name) ?? 0) + weight)
      }
      const { one, other, values } = tally.pairs()
      const told = [...values.keys()].map((k) => [`${one[k]},${other[k]}`, values[k]])
      const due = [...plain].sort(([a], [b]) => {
        const [[a1, a2], [b1, b2]] = [a, b].map((name) => name.split(',').map(Number)) as [number[], number[]]
        return a1! - b1! || a2! - b2!
      })
      expect(told).toEqual(due)
    }),
    { seed: 5, numRuns: 30 },
  )
})
