import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRowCache, type RowCache } from './row-cache.ts'

function read(cache: RowCache, id: number): number[] | undefined {
  let row: number[] | undefined
  const found = cache.find(id, (bytes, from, to) => {
    row = [...bytes.subarray(from, to)]
  })
  expect(found).toBe(row !== undefined)
  return row
}

describe('rows that were read lately', () => {
  it('are what they were, or not there; the newest is there, and nothing after all were cleared', () => {
    const step = fc.oneof(
      { weight: 20, arbitrary: fc.tuple(fc.nat(40), fc.uint8Array({ maxLength: 30 })) },
      { weight: 1, arbitrary: fc.constant('clear' as const) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const cache = createRowCache(100, 4)
        const due = new Map<number, number[]>()
        for (const step of steps) {
          if (step === 'clear') {
            cache.clear()
            due.clear()
          } else {
            const [id, row] = step
            cache.keep(id, Uint8Array.of(9, ...row, 9), 1, 1 + row.length)
            due.set(id, [...row])
            expect(read(cache, id)).toEqual([...row])
          }
          for (let id = 0; id <= 40; id++) {
            const found = read(cache, id)
            if (found !== undefined) expect(found).toEqual(due.get(id))
          }
        }
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  it('stay until so many bytes came after them, or another row of the same last bits', () => {
    const cache = createRowCache(100, 4)
    const row = (value: number) => new Uint8Array(10).fill(value)
    for (let id = 0; id < 10; id++) cache.keep(id, row(id), 0, 10)
    for (let id = 0; id < 10; id++) expect(read(cache, id)).toEqual([...row(id)])
    cache.keep(10, row(10), 0, 10)
    expect(read(cache, 0)).toBeUndefined()
    expect(read(cache, 1)).toEqual([...row(1)])
    cache.keep(16 + 5, row(21), 0, 10)
    expect(read(cache, 5)).toBeUndefined()
    expect(read(cache, 21)).toEqual([...row(21)])
  })

  it('are none at first, and one that is larger than all the room is not kept', () => {
    const cache = createRowCache(100, 4)
    expect(read(cache, 0)).toBeUndefined()
    cache.keep(0, new Uint8Array(101), 0, 101)
    expect(read(cache, 0)).toBeUndefined()
    cache.keep(0, new Uint8Array(), 0, 0)
    expect(read(cache, 0)).toEqual([])
  })
})
