import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hyper } from '../../shared/hyper.ts'
import { choose, cut, type Recent } from './batches.ts'

const TODAY = 100
const recent = (...entries: [id: number, day: number][]): Recent => ({
  ids: Uint32Array.from(entries, ([id]) => id),
  days: Uint32Array.from(entries, ([, day]) => day),
})
const many = { batchesPerDay: 12, batchSize: 25 }

describe('the choice of samples', () => {
  it('goes round the neighbours, nearest first, newest first', () => {
    const near = recent([13, TODAY], [12, TODAY - 1], [11, TODAY - 2])
    const far = recent([21, TODAY])
    const farther = recent([32, TODAY], [31, TODAY])
    expect(choose([near, far, farther], new Set(), TODAY, many)).toEqual([13, 21, 32, 12, 31, 11])
  })

  it('takes what is older than seven days only after everything newer, and then still the newest first', () => {
    const stale = recent([13, TODAY - 7], [12, TODAY - 8])
    const fresh = recent([22, TODAY - 6], [21, TODAY - 30])
    expect(choose([stale, fresh], new Set(), TODAY, many)).toEqual([22, 13, 21, 12])
  })

  it('leaves out what the user was given already, and stops at a day’s worth', () => {
    const one = recent([3, TODAY], [2, TODAY], [1, TODAY])
    const two = recent([6, TODAY], [5, TODAY], [4, TODAY])
    expect(choose([one, two], new Set([3, 5]), TODAY, { batchesPerDay: 1, batchSize: 3 })).toEqual([2, 6, 1])
  })
})

describe('the cut into batches', () => {
  it('keeps every sample in order, leaves no fragment, and no batch is over the limit', () => {
    const { batchSize, batchMax, batchesPerDay } = hyper()
    fc.assert(
      fc.property(fc.integer({ min: 0, max: batchesPerDay * batchSize }), (count) => {
        const ids = Array.from({ length: count }, (_, i) => i)
        const batches = cut(ids, hyper())
        expect(batches.flatMap((batch) => [...batch])).toEqual(ids)
        expect(batches.length).toBeLessThanOrEqual(batchesPerDay)
        for (const batch of batches.slice(0, -1)) expect(batch.length).toBe(batchSize)
        const last = batches.at(-1)?.length ?? 0
        expect(last).toBeLessThanOrEqual(batchMax)
        if (batches.length > 1) expect(last).toBeGreaterThan(batchMax - batchSize)
      }),
      { seed: 1 },
    )
  })

  it('of a full day is twelve batches of twenty-five', () => {
    const ids = Array.from({ length: 300 }, (_, i) => i)
    expect(cut(ids, hyper()).map(({ length }) => length)).toEqual(Array(12).fill(25))
  })
})
