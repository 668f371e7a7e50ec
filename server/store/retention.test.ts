/** Thirty days in the life of a store: what comes each day takes the room of what goes. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seeded } from '../../shared/random.ts'
import { exposure, madeOf, secret } from './contract-kit.ts'
import { openStore } from './lmdb.ts'
import type { Store } from './store.ts'

const DAY = 1_000_000
const USERS = 120
/** Of each user, a day. */
const EVENTS = 40
const BATCHES = 12
const KEPT = 7
const random = seeded(1)

describe('a store that is used day by day', () => {
  let path: string
  let store: Store
  const users: number[] = []
  beforeEach(async () => {
    path = mkdtempSync(join(tmpdir(), 'kindred-retention-'))
    store = openStore(join(path, 'store'))
    users.length = 0
    for (let i = 0; i < USERS; i++) users.push(await store.users.register(`d${i}`, secret(i), 0))
  })
  afterEach(async () => {
    await store.close()
    rmSync(path, { recursive: true })
  })

  async function live(today: number): Promise<void> {
    const times = Array.from({ length: EVENTS }, (_, i) => today * DAY + i)
    await Promise.all(
      users.map((user) =>
        store.events.append(
          user,
          times.map((at) => exposure(at, `item ${random.below(1000)}`, user)),
        ),
      ),
    )
    const dirty = await store.events.dirty()
    await store.samples.add(
      today,
      dirty.map(({ user, stamp }) =>
        madeOf(
          user,
          times.map((_, i) => ({
            exposure: today * EVENTS + i,
            day: today,
            row: Uint8Array.from({ length: 60 + random.below(60) }, () => random.below(256)),
          })),
          { stamp },
        ),
      ),
    )
    const until = await store.samples.next()
    const batch = () => Uint32Array.from({ length: 25 }, () => until - 1 - random.below(USERS * EVENTS))
    await store.mappings.put(
      today,
      users.map((user) => ({ user, batches: Array.from({ length: BATCHES - 4 }, batch), until })),
    )
    for (let more = 0; more < 4; more++)
      await store.mappings.append(
        today,
        users.map((user) => ({ user, batches: [batch()], until })),
      )
    await store.samples.dropBefore(today - KEPT)
    await store.mappings.dropBefore(today - KEPT + 1)
    for (let from: number | undefined = 0; from !== undefined; )
      from = (await store.events.expire((today - KEPT) * DAY, from, 1000)).next
  }

  it('is as large after thirty days as after twelve', { timeout: 120_000 }, async () => {
    const size = () => statSync(join(path, 'store', 'data.mdb')).size
    for (let today = 1; today <= 12; today++) await live(today)
    const early = size()
    for (let today = 13; today <= 30; today++) await live(today)
    expect(size() / early).toBeLessThan(1.04)
    expect(await store.events.count()).toBe((KEPT + 1) * USERS * EVENTS)
    expect(await store.samples.count()).toBe((KEPT + 1) * USERS * EVENTS)
  })

  it('can be copied while it is written to: the copy is whole, and smaller', async () => {
    for (let today = 1; today <= 3; today++) await live(today)
    const copying = store.backup(join(path, 'copy'))
    const writing = live(4)
    await copying
    await writing
    const copy = openStore(join(path, 'copy'))
    const there = await copy.events.count()
    expect(there).toBeGreaterThanOrEqual(3 * USERS * EVENTS)
    expect(there).toBeLessThanOrEqual(4 * USERS * EVENTS)
    const { ids } = await copy.samples.owned()
    expect((await copy.samples.rows(ids)).every(Boolean)).toBe(true)
    expect(await copy.samples.next()).toBe(ids.reduce((most, id) => Math.max(most, id), 0) + 1)
    expect(await copy.users.byDevice('d7')).toEqual({ user: users[7], credential: secret(7) })
    await copy.close()
    expect(statSync(join(path, 'copy', 'data.mdb')).size).toBeLessThan(
      statSync(join(path, 'store', 'data.mdb')).size,
    )
    await expect(store.backup(join(path, 'copy'))).rejects.toThrow()
  })

  it('of another format is refused, and left as it is', async () => {
    await store.meta.put('format', 1)
    await store.close()
    expect(() => openStore(join(path, 'store'))).toThrow(/format 1 .* reads 2/)
    await expect(async () => openStore(join(path, 'store'))).rejects.toMatchObject({ code: 'version' })
    store = openStore(join(path, 'another'))
  })
})
