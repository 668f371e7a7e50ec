import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { KindredEvent } from '../../shared/event.ts'
import { createContext } from '../../shared/generate.ts'
import { hyper } from '../../shared/hyper.ts'
import { schemas } from '../../shared/schemas/index.ts'
import { createSamples } from '../../worker/device/samples/samples.ts'
import { openDb } from '../../worker/device/storage/db.ts'
import { getState } from '../../worker/device/storage/state.ts'
import type { Db } from '../../worker/device/storage/tables.ts'
import { eventIds } from '../sources/timeline.ts'
import { cutOf } from './lived.ts'

const START = Date.UTC(2026, 0, 1)
const numbers = hyper({ maxLocal: 6 })
const catalogue = {
  name: 'toy',
  noun: 'thing',
  categories: ['all'],
  items: Array.from({ length: 40 }, (_, i) => ({ key: `${i}`, title: `${i}`, categories: [0] })),
}
const context = createContext(schemas.demo(catalogue), catalogue, numbers)

let db: Db
beforeEach(() => {
  db = openDb({ name: 'lived', indexedDB: new IDBFactory(), IDBKeyRange })
})
afterEach(() => db.close())

const life = fc
  .array(fc.record({ minutes: fc.integer({ min: 1, max: 100 }), clicked: fc.boolean() }), { maxLength: 30 })
  .map((shown) => {
    const nextId = eventIds('toy', 'u')
    let at = START
    return shown.flatMap(({ minutes, clicked }, i): KindredEvent[] => {
      at += 60_000 * minutes
      const exposure = nextId(at)
      const item = `${i}`
      const seen: KindredEvent = { type: 'exposure', id: exposure, at, item }
      return clicked
        ? [seen, { type: 'click', id: nextId(at + 1000), at: at + 1000, item, exposure }]
        : [seen]
    })
  })

it('is what a device cuts that sees it happen, event by event', () =>
  fc.assert(
    fc.asyncProperty(life, async (events) => {
      await Promise.all(db.tables.map((table) => table.clear()))
      let now = START
      const samples = createSamples(db, { now: () => now })
      for (const event of events) {
        now = event.at
        await db.history.add(event)
        await samples.update(context, numbers)
      }
      expect(cutOf(events, numbers)).toBe(await getState(db, 'cutUpTo'))
    }),
    { numRuns: 25, seed: 1 },
  ))
