import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openStore } from '../store/lmdb.ts'
import { GONE } from './batches.ts'
import { createStock, type Stock } from './shelf.ts'

const NOTHING = { samples: 0, clicks: 0, sum: new Float64Array(2) }

/** What a stock says of a user: the samples that may be given, newest first. */
const listOf = ({ starts, ends, samples, owner, base }: Stock, user: number): number[] =>
  user < starts.length
    ? [...samples.subarray(starts[user]!, ends[user]!)].filter((id) => owner[id - base] !== GONE)
    : []

describe('the shelf', () => {
  it('has what the store has, newest first, whatever comes and goes, also when it is filled again', async () => {
    const step = fc.record({ user: fc.nat({ max: 4 }), count: fc.nat({ max: 5 }), gone: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat({ max: 30 }), async (steps, refill) => {
        const dir = mkdtempSync(join(tmpdir(), 'kindred-shelf-'))
        const store = openStore(dir)
        try {
          const users: number[] = []
          for (let i = 0; i < 5; i++) users.push(await store.users.register(`${i}`, Buffer.alloc(32), 1))
          let stock = await createStock(store)
          const due = new Map<number, number[]>()
          let tag = 0
          for (const [i, { user, count, gone }] of steps.entries()) {
            const id = users[user]!
            if (gone) {
              const ids = due.get(id) ?? []
              await store.samples.remove([{ user: id, ids }])
              stock.remove(id)
              due.set(id, [])
              continue
            }
            const samples = Array.from({ length: count }, () => ({
              exposure: tag++,
              day: 100,
              row: Uint8Array.of(1),
            }))
            const added = await store.samples.add(100, [
              { user: id, stamp: 0, settled: true, samples, counted: NOTHING },
            ])
            stock.add(id, added[0]!.first, added[0]!.count)
            const ids = Array.from({ length: count }, (_, n) => added[0]!.first + n)
            due.set(id, [...ids.reverse(), ...(due.get(id) ?? [])])
            if (i === refill) stock = await createStock(store, stock)
          }
          for (const user of users) expect(listOf(stock, user)).toEqual(due.get(user) ?? [])
          for (const [user, ids] of due) for (const id of ids) expect(stock.owner[id - stock.base]).toBe(user)
        } finally {
          await store.close()
          rmSync(dir, { recursive: true })
        }
      }),
      { seed: 1, numRuns: 25 },
    )
  })

  it('knows after it was filled again how many devices have each sample', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kindred-shelf-'))
    const store = openStore(dir)
    try {
      const user = await store.users.register('a', Buffer.alloc(32), 1)
      const rows = (from: number) =>
        Array.from({ length: 3 }, (_, i) => ({ exposure: from + i, day: 100, row: Uint8Array.of(1) }))
      await store.samples.add(100, [{ user, stamp: 0, settled: true, samples: rows(0), counted: NOTHING }])
      await store.samples.add(103, [{ user, stamp: 0, settled: true, samples: rows(3), counted: NOTHING }])
      const first = await createStock(store)
      const [old, , , kept, , newest] = first.samples.subarray(0, 6).toReversed()
      first.take([old!, kept!, kept!, newest!])
      first.putBack([newest!])
      expect([...first.reach.subarray(0, 6)]).toEqual([1, 0, 0, 2, 0, 0])
      // The first day goes.
      await store.samples.dropBefore(103)
      const second = await createStock(store, first)
      expect([second.base - first.base, ...second.reach.subarray(0, 3)]).toEqual([3, 2, 0, 0])
    } finally {
      await store.close()
      rmSync(dir, { recursive: true })
    }
  })
})
