import { afterEach, beforeEach, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { eventSchema } from '../../../shared/event.ts'
import { hyper } from '../../../shared/hyper.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { NOON } from '../../testing/world.ts'
import { noteContact } from '../storage/ages.ts'
import type { Db } from '../storage/tables.ts'
import { idsAfter, pruneHistory, record } from './history.ts'

let db: Db
let clock: ReturnType<typeof handClock>
beforeEach(() => {
  db = freshDb()
  clock = handClock(NOON)
})
afterEach(() => db.close())

const events = () => db.history.orderBy('id').toArray()

test('a click tells of the newest exposure of its item', async () => {
  await record(db, clock, [
    { type: 'exposure', item: 'a' },
    { type: 'exposure', item: 'a' },
    { type: 'exposure', item: 'b' },
  ])
  await record(db, clock, [{ type: 'click', item: 'a' }])
  const all = await events()
  expect(all.map(({ type }) => type)).toEqual(['exposure', 'exposure', 'exposure', 'click'])
  expect(all[3]).toMatchObject({ item: 'a', exposure: all[1]!.id })
})

test('a click on what was never seen records the exposure first', async () => {
  await record(db, clock, [{ type: 'click', item: 'a' }])
  const [exposure, click] = await events()
  expect(exposure).toMatchObject({ type: 'exposure', item: 'a', at: NOON })
  expect(click).toMatchObject({ type: 'click', exposure: exposure!.id })
})

test('everything recorded waits in the outbox, as events that the server takes', async () => {
  await record(db, clock, [
    { type: 'behaviour', name: 'scroll' },
    { type: 'profile', name: 'device', value: '2' },
    { type: 'click', item: 'a' },
  ])
  const waiting = await db.outbox.orderBy('id').toArray()
  expect(waiting).toEqual(await events())
  for (const event of waiting) expect(eventSchema.parse(event)).toEqual(event)
})

test('ids keep the order of what happened, while the clock stands still and after it was put back', async () => {
  const items = ['a', 'b', 'c', 'd', 'e']
  for (const item of items) {
    await record(db, clock, [
      { type: 'exposure', item },
      { type: 'behaviour', name: item },
    ])
    clock.move(item === 'b' ? -90 * DAY_MS : 0)
  }
  const names = (await events()).map((event) =>
    'item' in event ? event.item : 'name' in event && event.name,
  )
  expect(names).toEqual(items.flatMap((item) => [item, item]))
})

test('ids begin with the time', () => {
  const next = idsAfter(undefined, handClock(0x0123456789ab))
  expect(next()).toMatch(/^01234567-89ab-7/)
  const later = idsAfter('01234567-89ab-7000-8000-000000000000', handClock(0x0123456789ac))
  expect(later()).toMatch(/^01234567-89ac-7/)
})

test('history goes when surely no feature of a training sample looks back at it; the profile stays', async () => {
  const numbers = hyper()
  const contact = () => noteContact(db, clock, clock.now())
  await record(db, clock, [
    { type: 'profile', name: 'device', value: '1' },
    { type: 'profile', name: 'device', value: '2' },
    { type: 'exposure', item: 'old' },
  ])
  await contact()
  clock.move(DAY_MS)
  await record(db, clock, [{ type: 'exposure', item: 'young' }])
  await contact()
  clock.move((numbers.clickDays + numbers.localTrainingDays) * DAY_MS - DAY_MS / 2)
  await pruneHistory(db, numbers)
  expect(await events()).toHaveLength(4) // the server was not heard of
  await contact()
  await pruneHistory(db, numbers)
  expect(await events()).toMatchObject([{ type: 'profile', value: '2' }, { item: 'young' }])
})

test('a clock that is set a year ahead and comes back takes no history away', async () => {
  await record(db, clock, [{ type: 'exposure', item: 'a' }])
  const start = clock.now()
  await noteContact(db, clock, start)
  clock.move(365 * DAY_MS)
  await noteContact(db, clock, start + DAY_MS)
  await pruneHistory(db, hyper())
  clock.move(-365 * DAY_MS)
  await pruneHistory(db, hyper())
  expect(await events()).toHaveLength(1)
})
