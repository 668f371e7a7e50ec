import { Dexie } from 'dexie'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Faults, lostConnection, noRoom, type Operation, withFaults } from '../../testing/faults.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { NOON } from '../../testing/world.ts'
import { record } from '../samples/history.ts'
import { count, getState } from './state.ts'
import type { Db, MatchedRow } from './tables.ts'
import { asFailure } from './withstand.ts'

let db: Db
let faults: Faults
beforeEach(async () => {
  db = freshDb()
  faults = withFaults(db)
  await db.open()
})
afterEach(() => db.close())

/** The k-th operation from now on `table` fails, and only that one. */
function failOnce(
  error: () => Error,
  { k = 1, table, times = 1 }: { k?: number; table?: string; times?: number } = {},
) {
  let seen = 0
  faults.before = (_: Operation, name: string) => {
    if (table !== undefined && name !== table) return
    seen++
    if (seen >= k && seen < k + times) throw error()
  }
}
const track = () =>
  record(db, handClock(NOON), [
    { type: 'exposure', item: 'a' },
    { type: 'click', item: 'a' },
  ])
const matched = (order: number, state: MatchedRow['state'] = 'unscored'): MatchedRow =>
  ({
    id: `m${order}`,
    order,
    state,
    at: NOON,
    label: 0,
    ids: new Int32Array(1),
    dense: new Float32Array(1),
    ...(state === 'filtered' && { score: 0.5 }),
  }) as MatchedRow

describe('a connection that is lost', () => {
  test('at any operation of a recording costs nothing: it is opened anew, and each event is there once', async () => {
    const before = faults.done
    await track()
    const operations = faults.done - before
    expect(operations).toBeGreaterThan(2)
    for (let k = 1; k <= operations; k++) {
      const had = await db.outbox.count()
      failOnce(lostConnection, { k })
      await track()
      faults.before = () => {}
      expect(await db.outbox.count()).toBe(had + 2)
      expect(await db.history.count()).toBe(had + 2)
    }
  })

  test('while counting counts once', async () => {
    failOnce(lostConnection, { k: 2 })
    await count(db, { delivered: 3 })
    expect(await getState(db, 'counters')).toMatchObject({ delivered: 3 })
  })

  test('twice in a row is told, and the next use finds it open', async () => {
    failOnce(lostConnection, { times: 2 })
    const error = await track().catch(asFailure)
    expect(error).toMatchObject({ code: 'storage', message: /lost/ })
    await track()
    expect(await db.outbox.count()).toBe(2)
  })

  test('on a single read is told, and the next read works', async () => {
    failOnce(lostConnection)
    await expect(db.outbox.count()).rejects.toThrow(/lost/)
    expect(await db.outbox.count()).toBe(0)
  })

  test('closed by the browser itself is opened anew', async () => {
    db.backendDB().close()
    await track()
    expect(await db.outbox.count()).toBe(2)
  })

  test('closed on purpose stays closed', async () => {
    db.close()
    await expect(track()).rejects.toMatchObject({ name: 'DatabaseClosedError' })
    expect(db.isOpen()).toBe(false)
  })
})

describe('where there is no room', () => {
  test('what the server can give again makes it, and what was recorded is there once', async () => {
    await db.matched.bulkPut([
      ...[1, 2, 3, 4, 5].map((n) => matched(n)),
      matched(6, 'filtered'),
      matched(7, 'classifying'),
    ])
    await db.rows.bulkPut(
      [3, 1, 2].map((used) => ({ table: 'item', id: used, whole: 'm', values: new Float32Array(2), used })),
    )
    failOnce(noRoom, { table: 'outbox' })
    await track()
    expect(await db.outbox.count()).toBe(2)
    expect(await db.matched.orderBy('id').primaryKeys()).toEqual(['m1', 'm2', 'm6', 'm7'])
    expect(await db.rows.toCollection().primaryKeys()).toEqual([['item', 3]])
  })

  test('and that is found when the transaction is to end, it begins again all the same', async () => {
    await db.matched.bulkPut([1, 2].map((n) => matched(n)))
    let aborted = false
    faults.before = (operation, table) => {
      if (aborted || operation !== 'mutate' || table !== 'history') return
      aborted = true
      // As a browser does it: the requests only hear that they were aborted, the transaction says why.
      const native = Dexie.currentTransaction.idbtrans
      Object.defineProperty(native, 'error', { get: noRoom, set: () => {} })
      native.abort()
    }
    await track()
    expect(await db.outbox.count()).toBe(2)
    expect(await db.matched.count()).toBe(1)
  })

  test('and none can be made, nothing is half-written and the failure says why', async () => {
    await db.matched.bulkPut([matched(1)])
    failOnce(noRoom, { table: 'history', k: 2, times: 1000 })
    const error = await track().catch(asFailure)
    expect(error).toMatchObject({ code: 'storage', message: /no room left/ })
    faults.before = () => {}
    expect([await db.outbox.count(), await db.history.count()]).toEqual([0, 0])
  })
})
