/** Ages of what happened on a device whose clock is not to be relied on. True time is the server's, by a hand-written history. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { NOON } from '../../testing/world.ts'
import { record } from '../samples/history.ts'
import { ageOf, type Contacts, contactsOf, noteContact, surelyOlder } from './ages.ts'
import type { Db } from './tables.ts'

const HOUR = 3_600_000
const YEAR = 365 * DAY_MS

let db: Db
let clock: ReturnType<typeof handClock>
let truth: number
beforeEach(() => {
  db = freshDb()
  clock = handClock(NOON)
  truth = NOON
})
afterEach(() => db.close())

/** Time passes everywhere. */
function pass(ms: number) {
  truth += ms
  clock.move(ms)
}
const contact = () => noteContact(db, clock, truth)
async function see(item: string): Promise<{ id: string; at: number }> {
  await record(db, clock, [{ type: 'exposure', item }])
  const { id, at } = (await db.history.orderBy('id').last())!
  return { id, at }
}
const days = async (event: { id: string; at: number }) =>
  ageOf(event, clock.now(), await contactsOf(db)) / DAY_MS
const goneAfter = async (event: { id: string }, days: number) =>
  event.id <= surelyOlder(await contactsOf(db), days * DAY_MS)

describe('how old something is', () => {
  test('where the server was never heard of, the clock alone says it, and nothing goes for it', async () => {
    const event = await see('a')
    pass(9 * DAY_MS)
    expect(await days(event)).toBe(9)
    expect(await goneAfter(event, 7)).toBe(false)
  })

  test('a clock that jumps a year ahead makes it old for as long as it is wrong, and takes nothing away', async () => {
    await contact()
    const event = await see('a')
    pass(DAY_MS)
    clock.move(YEAR)
    expect(await days(event)).toBe(366)
    await contact()
    expect(await days(event)).toBe(1) // the server has said how much time has passed
    expect(await goneAfter(event, 7)).toBe(false)
    clock.move(-YEAR)
    expect(await days(event)).toBe(1)
  })

  test('what happened while it was a year ahead is not young for a year', async () => {
    await contact()
    clock.move(YEAR)
    const event = await see('a')
    await contact()
    clock.move(-YEAR)
    pass(DAY_MS)
    await contact()
    pass(8 * DAY_MS)
    await contact()
    expect(await days(event)).toBe(8) // at least, by the contacts
    pass(DAY_MS)
    await contact()
    expect(await goneAfter(event, 7)).toBe(true)
  })

  test('a clock that runs backwards takes nothing away that is young', async () => {
    await contact()
    pass(6 * DAY_MS)
    const event = await see('a')
    clock.move(-YEAR)
    const later = await see('b')
    pass(HOUR)
    await contact()
    expect(await days(event)).toBe(0)
    expect(await days(later)).toBeCloseTo(1 / 24)
    expect(await goneAfter(event, 7)).toBe(false)
  })

  test('a server whose clock was put back says nothing about what was before', async () => {
    await noteContact(db, clock, truth + YEAR)
    const event = await see('a')
    pass(HOUR)
    await contact()
    expect(await contactsOf(db)).toHaveLength(1)
    expect(await days(event)).toBeCloseTo(1 / 24)
  })

  test('whatever is done to the clock, nothing is ever held for older than it is by more than it was set ahead since the last contact, and what goes is old', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 3 * DAY_MS }) }),
      fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: -YEAR, max: YEAR }) }),
      fc.record({ kind: fc.constantFrom('see' as const, 'contact' as const), ms: fc.constant(0) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        db.close()
        db = freshDb()
        clock = handClock(NOON)
        truth = NOON
        const seen: { id: string; at: number; truly: number }[] = []
        let wrongSinceContact = false
        for (const { kind, ms } of steps) {
          if (kind === 'pass') pass(ms)
          if (kind === 'set') {
            clock.move(ms)
            wrongSinceContact = true
          }
          if (kind === 'contact') {
            await contact()
            wrongSinceContact = false
          }
          if (kind === 'see') seen.push({ ...(await see('a')), truly: truth })
          const contacts = await contactsOf(db)
          for (const event of seen) {
            const age = truth - event.truly
            if (event.id <= surelyOlder(contacts, 7 * DAY_MS)) expect(age).toBeGreaterThan(7 * DAY_MS)
            const before = contacts.findLast(({ id }) => id < event.id)
            const sinceBefore = before ? truth - before.server : Number.POSITIVE_INFINITY
            if (!wrongSinceContact)
              expect(ageOf(event, clock.now(), contacts)).toBeLessThanOrEqual(Math.max(age, sinceBefore))
          }
        }
      }),
      { numRuns: 60, seed: 4 },
    )
  })
})

describe('contacts', () => {
  test('that follow each other soon are few: none within a minute, else six hours apart, and the last', async () => {
    for (let minute = 0; minute < 24 * 60; minute += 10) {
      await contact()
      await contact()
      pass(10 * 60_000)
    }
    const gaps = (contacts: Contacts) =>
      contacts.slice(1, -1).map(({ server }, i) => (server - contacts[i]!.server) / HOUR)
    expect(gaps(await contactsOf(db)).every((gap) => gap >= 6)).toBe(true)
    expect(await contactsOf(db)).toHaveLength(5)
    expect((await contactsOf(db)).at(-1)!.server).toBe(truth - 10 * 60_000)
  })
})
