/** What follows when a user does not share (any more), or shares again: in samples, vectors, matches and the index. */
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FIRST_ID } from '../../shared/catalogue.ts'
import { decodeBatch } from '../../shared/codec.ts'
import { layoutOf, slotOf } from '../../shared/schema.ts'
import { schemas } from '../../shared/schemas/index.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { consentOf } from './consent.ts'
import {
  browsing,
  catalogue,
  DAY,
  HOUR,
  NOON,
  type ToyCloud,
  toyCloud,
  toyPrivacy,
  toySource,
} from './toy.ts'

const schema = schemas.demo(catalogue)

let toy: ToyCloud
beforeEach(async () => {
  toy = await toyCloud()
  await toy.cloud.importSource(toySource())
})
afterEach(() => toy.done())

/** A user with a device who loves red things, the same in every run: of random ids two would now and then have one tag. */
async function visitor(options: Parameters<ToyCloud['cloud']['register']>[0] = {}): Promise<number> {
  const { device } = await toy.cloud.register(options)
  const user = (await toy.cloud.userOf(device))!
  await toy.cloud.ingest(user, browsing(`visitor ${user}`, 0, { from: toy.time.now - 2 * HOUR }))
  return user
}
/** The store behind the cloud, for looking. */
async function look<T>(at: (store: Store) => Promise<T>): Promise<T> {
  const store = openStore(join(toy.dir, 'store'))
  try {
    return await at(store)
  } finally {
    await store.close()
  }
}
const samplesOf = (user: number) => look(async (store) => [...(await store.samples.of(user)).ids])
/** The numbers of what a user can pull today: those that lead somewhere. */
async function handedTo(user: number): Promise<number[]> {
  const { day, count } = await toy.cloud.batches(user)
  return look(async (store) => {
    const ids: number[] = []
    for (let n = 0; n < count; n++) ids.push(...(await store.mappings.batch(user, day, n))!)
    const rows = await store.samples.rows(ids)
    return ids.filter((_, i) => rows[i])
  })
}
/** How many samples a user is really served today. */
async function served(user: number): Promise<number> {
  const { day, count } = await toy.cloud.batches(user)
  let samples = 0
  for (let n = 0; n < count; n++)
    samples += decodeBatch(schema, (await toy.cloud.batch(user, day, n))!).length
  return samples
}
const neighboursInIndex = async () => (await toy.cloud.prepare()).users

describe('who withdraws', () => {
  it('has no samples, no vector, no place in the index, and is in no batch of anybody', async () => {
    const leaving = await visitor()
    const staying = await visitor()
    expect(await neighboursInIndex()).toBe(32)
    const own = new Set(await samplesOf(leaving))
    const before = await handedTo(staying)
    const theirs = before.filter((id) => own.has(id))
    expect(theirs.length).toBeGreaterThan(0)
    expect(await served(staying)).toBe(before.length)

    expect(await toy.cloud.consent(leaving, false)).toEqual({ sharing: false, version: 1, at: NOON })

    expect(await samplesOf(leaving)).toEqual([])
    expect(await look((store) => store.profiles.of(leaving))).toBeUndefined()
    expect(await handedTo(staying)).toEqual(before.filter((id) => !own.has(id)))
    expect(await served(staying)).toBe(before.length - theirs.length)
    expect(await neighboursInIndex()).toBe(31)
    // Nor in what is matched to somebody who comes afterwards.
    const late = await handedTo(await visitor())
    expect(late.length).toBeGreaterThan(0)
    expect(late.filter((id) => own.has(id))).toEqual([])
  })

  it('keeps their events and what they were given, and is matched on', async () => {
    const user = await visitor()
    await toy.cloud.prepare()
    const given = await handedTo(user)
    const events = await look((store) => store.events.of(user))
    await toy.cloud.consent(user, false)
    expect(await handedTo(user)).toEqual(given)
    expect(await look((store) => store.events.of(user))).toEqual(events)
    toy.time.now += DAY
    await toy.cloud.prepare()
    const next = await handedTo(user)
    expect(next.length).toBeGreaterThan(0)
    expect(next.filter((id) => given.includes(id))).toEqual([])
  })

  it('gives no samples of what they do later, until they share again; then of all that is young', async () => {
    const user = await visitor()
    await toy.cloud.prepare()
    const made = (await samplesOf(user)).length
    await toy.cloud.consent(user, false)
    toy.time.now += HOUR
    await toy.cloud.ingest(
      user,
      browsing('later', 0, { from: toy.time.now - HOUR / 2 - 60_000, count: 2, seed: 9 }),
    )
    toy.time.now += HOUR
    await toy.cloud.prepare()
    expect(await samplesOf(user)).toEqual([])
    await toy.cloud.consent(user, true)
    await toy.cloud.prepare()
    expect((await samplesOf(user)).length).toBe(made + 2)
    expect(await toy.cloud.consentOf(user)).toEqual({ sharing: true, version: 1, at: toy.time.now })
  })

  it('helps no item to its name: k counts who shares', async () => {
    const counts = () => look(async (store) => (await store.viewers.counts()).slice(0, 60))
    await toy.cloud.prepare()
    const before = await counts()
    const user = await visitor()
    await toy.cloud.prepare()
    expect(await counts()).not.toEqual(before)
    await toy.cloud.consent(user, false)
    expect(await counts()).toEqual(before)
  })
})

it.each(['withdraws', 'is erased'])(
  'what too few know once somebody %s is named in no batch any more',
  async (how) => {
    await toy.done()
    toy = await toyCloud({ privacy: toyPrivacy({ hideBelow: 15 }) })
    await toy.cloud.importSource(toySource())
    const leaving = await visitor()
    const staying = await visitor()
    await toy.cloud.prepare()
    /** The items that samples handed to `staying` are about: those that are named. */
    async function named(): Promise<number[]> {
      const { day, count } = await toy.cloud.batches(staying)
      const items: number[] = []
      for (let n = 0; n < count; n++)
        for (const { ids } of decodeBatch(schema, (await toy.cloud.batch(staying, day, n))!))
          items.push(ids[slotOf(layoutOf(schema), 'target').at]! - FIRST_ID)
      return items.filter((item) => item >= 0)
    }
    const few = async (items: number[]) => {
      const viewers = await look((store) => store.viewers.counts())
      return items.filter((item) => viewers[item]! < 15)
    }
    const before = await named()
    expect(await few(before)).toEqual([])
    if (how === 'is erased') await toy.cloud.erase(leaving)
    else await toy.cloud.consent(leaving, false)
    expect((await few(before)).length).toBeGreaterThan(0)
    const after = await named()
    expect(after.length).toBeGreaterThan(50)
    expect(await few(after)).toEqual([])
  },
)

it('who refuses at the registration never gives a sample, and is matched all the same', async () => {
  const user = await visitor({ sharing: false })
  await toy.cloud.prepare()
  expect(await samplesOf(user)).toEqual([])
  expect((await handedTo(user)).length).toBeGreaterThan(0)
  await toy.reopen()
  expect(await toy.cloud.consentOf(user)).toMatchObject({ sharing: false })
})

it('who has said nothing shares, and that is on record as never asked', async () => {
  const user = await visitor()
  expect(await look((store) => consentOf(store, user))).toEqual({ sharing: true, version: 0, at: 0 })
})

it('a withdrawal that a crash cut off is completed when the folder is opened', async () => {
  const user = await visitor()
  await toy.cloud.prepare()
  await toy.cloud.close()
  // As a process leaves it that was killed after the consent was on disk.
  await look((store) => store.consents.put(user, { sharing: false, version: 1, at: NOON }))
  expect((await samplesOf(user)).length).toBeGreaterThan(0)
  await toy.reopen()
  expect(await samplesOf(user)).toEqual([])
  expect(await look((store) => store.profiles.of(user))).toBeUndefined()
})

it('an account that is too young, or has clicked too little, gives nothing yet, and receives', async () => {
  await toy.done()
  toy = await toyCloud({ privacy: toyPrivacy({ donorAgeDays: 1, donorClicks: 10 }) })
  await toy.cloud.importSource(toySource())
  const user = await visitor()
  const { device } = await toy.cloud.register()
  const idle = (await toy.cloud.userOf(device))!
  await toy.cloud.ingest(idle, browsing('idle', 0, { from: toy.time.now - 2 * HOUR, count: 6 }))
  expect((await toy.cloud.prepare()).users).toBe(30)
  expect(await samplesOf(user)).toEqual([])
  expect((await handedTo(user)).length).toBeGreaterThan(0)
  toy.time.now += DAY
  expect((await toy.cloud.prepare()).users).toBe(31)
  expect((await samplesOf(user)).length).toBe(40)
  expect(await samplesOf(idle)).toEqual([])
})
