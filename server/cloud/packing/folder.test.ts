import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../store/lmdb.ts'
import type { Store } from '../../store/store.ts'
import { createPackings, ENOUGH, type Packings, spread } from './folder.ts'

/** Rows that have nothing in common with those of another kind. */
const rowOf = (kind: number, n: number) =>
  Uint8Array.from({ length: 40 }, (_, i) => kind * 64 + (Math.imul(n * 40 + i + 1, 0x9e3779b1) >>> 29))

describe('the codes of a folder', () => {
  let dir: string
  let store: Store
  let packings: Packings
  let user: number
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kindred-packing-'))
    store = openStore(dir)
    packings = createPackings(store)
    user = await store.users.register('d', Buffer.alloc(32), 1)
  })
  afterEach(async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  })

  let exposures = 0
  async function add(rows: readonly Uint8Array[]): Promise<void> {
    const samples = rows.map((row) => ({ exposure: exposures++, day: 1, row: packings.newest()!.pack(row) }))
    const counted = { samples: rows.length, clicks: 0, sum: Float64Array.of(1) }
    await store.samples.add(1, [{ user, stamp: 0, settled: true, samples, counted }])
  }
  const rowsOf = (kind: number, count: number) => Array.from({ length: count }, (_, n) => rowOf(kind, n))

  it('are none until there are rows to learn from', async () => {
    await packings.learn(async () => [])
    expect(packings.newest()).toBeUndefined()
    expect(() => packings.of(0)).toThrow(RangeError)
  })

  it('are learnt once, and a second time when the first was from few rows and there are enough', async () => {
    await packings.learn(async () => rowsOf(0, 3))
    await add(rowsOf(0, 3))
    const first = packings.newest()!
    await packings.learn(() => Promise.reject(new Error('there is one')))
    expect(packings.newest()).toBe(first)
    await add(rowsOf(1, ENOUGH))
    await packings.learn(() => Promise.reject(new Error('there are rows in the store')))
    const second = packings.newest()!
    expect(second).not.toBe(first)
    expect(second.pack(rowOf(1, 9)).length).toBeLessThan(first.pack(rowOf(1, 9)).length)
    await add(rowsOf(1, 5))
    await packings.learn(() => Promise.reject(new Error('that was enough')))
    expect(packings.newest()).toBe(second)

    // Whoever opens the folder reads each row by its own code; so does who has it open, without knowing of the second yet.
    const ids = Uint32Array.from({ length: 3 + ENOUGH + 5 }, (_, i) => i)
    const due = [...rowsOf(0, 3), ...rowsOf(1, ENOUGH), ...rowsOf(1, 5)]
    expect(await createPackings(store).rows(ids)).toEqual(due)
    expect(await packings.rows([...ids, 99_999])).toEqual([...due, undefined])
  })

  it('are learnt from rows at even distances', () => {
    expect(spread([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4)).toEqual([0, 2, 5, 7])
    expect(spread([0, 1], 4)).toEqual([0, 1])
  })
})
