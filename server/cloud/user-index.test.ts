import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hyper } from '../../shared/hyper.ts'
import { seeded } from '../../shared/random.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { directionOf } from './points.ts'
import type { Room } from './room.ts'
import { NOON, toyPrivacy } from './toy.ts'
import { type Judge, openUserIndex } from './user-index.ts'

const DIMS = 5
const DAY = 20_000

describe('the index of users', () => {
  let dir: string
  let store: Store
  let told: string[]
  const random = seeded(1)
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'kindred-users-'))
    store = openStore(join(dir, 'store'))
    told = []
  })
  afterEach(async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  })

  const room = (): Room => ({
    store,
    dir,
    hyper: hyper({ neighbours: 5 }),
    privacy: toyPrivacy(),
    sliceAbove: 100,
    freshBatches: 0,
    tell: (message) => void told.push(message),
  })
  const open = (judge?: Judge) => openUserIndex(room(), DIMS, judge)
  const files = () => (existsSync(join(dir, 'index')) ? readdirSync(join(dir, 'index')).sort() : [])
  const vector = () => Float64Array.from({ length: DIMS }, () => random.next())
  /** Adds to the sum that a user's vector is the mean of. */
  const add = (user: number, sum: Float64Array) =>
    store.samples.add(DAY, [
      { user, stamp: 0, settled: true, samples: [], counted: { samples: 1, clicks: 1, sum } },
    ])
  async function newUser(sum = vector()): Promise<number> {
    const user = await store.users.register(crypto.randomUUID(), Buffer.alloc(32), NOON)
    await add(user, sum)
    return user
  }
  const many = async (count: number) => {
    for (let i = 0; i < count; i++) await newUser()
  }

  it('names no file that is gone when somebody is forgotten while it is written', async () => {
    await many(20)
    const index = await open()
    await index.publish()
    const forgotten = index.forget(0)
    // It is waiting for the disk by now.
    await new Promise(setImmediate)
    await Promise.all([forgotten, index.publish()])
    await open()
    expect(told).toEqual([])
  })

  it('has everybody who has a vector, and follows who comes, moves and goes', async () => {
    await many(20)
    await newUser(new Float64Array(DIMS))
    const index = await open()
    expect(index.neighbours.count).toBe(20)
    const user = await newUser()
    expect(await index.follow()).toBe(1)
    expect(await index.follow()).toBe(0)
    expect(index.neighbours.has(user)).toBe(true)
    // Farther in the same direction is no other place; elsewhere is.
    const { sum } = (await store.profiles.of(user))!
    await add(user, sum)
    expect(await index.follow()).toBe(0)
    await add(user, vector())
    expect(await index.follow()).toBe(1)
    await store.erase(user)
    await index.follow()
    expect([index.neighbours.has(user), index.neighbours.count]).toEqual([false, 20])
  })

  it('is published when it changed, once, and opened again as it was', async () => {
    await many(20)
    const index = await open()
    expect(files()).toEqual([])
    expect(await index.publish()).toBe(1)
    const before = files()
    expect(before).toHaveLength(2)
    await index.publish()
    expect(files()).toEqual(before)
    // Who came while nobody looked is there, too.
    const user = await newUser()
    const again = await open()
    expect(files()).toEqual(before)
    expect([again.neighbours.count, again.neighbours.has(user)]).toEqual([21, true])
    await again.publish()
    expect(files()).toHaveLength(2)
    expect(files()).not.toEqual(before)
  })

  it('that finds too few is built anew before it is published', async () => {
    await many(20)
    const verdicts = [0.5, 0.99]
    const judged: unknown[] = []
    const index = await open((neighbours) => {
      judged.push(neighbours)
      return verdicts.shift()!
    })
    expect(await index.publish()).toBe(0.99)
    expect(judged[0]).not.toBe(judged[1])
    expect(index.neighbours).toBe(judged[1])
    expect([files().length, told.length]).toEqual([2, 1])
  })

  it('that finds too few even then is not published: the last one stays, with those who are where they were', async () => {
    await many(20)
    await (await open()).publish()
    const before = files()
    const moved = await newUser()
    let verdict = 0.5
    const index = await open(() => verdict)
    expect(index.neighbours.count).toBe(21)
    expect(await index.publish()).toBe(0.5)
    expect([files(), told.length]).toEqual([before, 2])
    expect([index.neighbours.count, index.neighbours.has(moved)]).toEqual([20, false])
    // The next day begins with another one of everybody.
    verdict = 1
    await index.follow()
    expect(index.neighbours.count).toBe(21)
    expect(await index.publish()).toBe(1)
    expect(files()).not.toEqual(before)
  })

  it('forgets a user at once: no file has their vector any more', async () => {
    await many(20)
    const sum = vector()
    const user = await newUser(sum)
    const index = await open()
    await index.publish()
    const bytes = Buffer.from(directionOf(sum)!.buffer)
    const written = () => files().filter((name) => readFileSync(join(dir, 'index', name)).includes(bytes))
    expect(written()).toHaveLength(2)
    await store.erase(user)
    await index.forget(user)
    expect(files()).toEqual([])
    await index.save()
    expect(files()).toHaveLength(2)
    expect(written()).toEqual([])
    const again = await open()
    expect([again.neighbours.count, again.neighbours.has(user)]).toEqual([20, false])
  })
})
