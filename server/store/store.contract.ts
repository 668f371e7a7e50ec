/** What every store must do, whichever engine is behind it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { KindredEvent } from '../../shared/event.ts'
import type { Store, UserSamples } from './store.ts'

/** A version 7 id of the time `at`. */
const uuid = (at: number, n = 0) => {
  const time = at.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`
}
const exposure = (at: number, item = 'a', n = 0): KindredEvent => ({
  type: 'exposure',
  id: uuid(at, n),
  at,
  item,
})
const secret = (n: number) => Buffer.alloc(32, n)
const numbers = (...values: number[]) => Uint32Array.from(values)

/** `reopen` closes the store and opens what is on disk. */
export function storeContract(
  name: string,
  open: () => Promise<{ store: Store; reopen: () => Promise<Store>; done: () => Promise<void> }>,
): void {
  describe(name, () => {
    let store: Store
    let reopen: () => Promise<void>
    let done: () => Promise<void>
    beforeEach(async () => {
      const opened = await open()
      store = opened.store
      done = opened.done
      reopen = async () => {
        store = await opened.reopen()
      }
    })
    afterEach(() => done())

    const sample = (at: number, label: 0 | 1 = 0, n = 0) => ({
      exposure: uuid(at, n),
      day: Math.floor(at / 100),
      label,
      row: Uint8Array.of(at % 256, label),
    })
    const samples = (user: number, found: UserSamples['samples'], changes: Partial<UserSamples> = {}) => ({
      user,
      stamp: 0,
      settled: true,
      samples: found,
      sum: Float64Array.of(found.length, 0.5),
      ...changes,
    })

    describe('users', () => {
      it('gives each device a number of its own, also when many come at once, and knows them again', async () => {
        const made = await Promise.all([1, 2, 3, 4].map((n) => store.users.register(`d${n}`, secret(n))))
        expect(new Set(made).size).toBe(4)
        await reopen()
        expect(await store.users.byDevice('d3')).toEqual({ user: made[2], credential: secret(3) })
        expect(await store.users.byDevice('d5')).toBeUndefined()
        expect([...(await store.users.devices())].sort()).toEqual([...made].sort())
        expect(made).not.toContain(await store.users.register('d5', secret(5)))
      })
    })

    describe('events', () => {
      it('holds a retried event once, and says that it was known', async () => {
        const user = await store.users.register('d', secret(1))
        expect(await store.events.append(user, [exposure(1), exposure(2)])).toEqual({ accepted: 2, known: 0 })
        expect(await store.events.append(user, [exposure(2, 'other'), exposure(3)])).toEqual({
          accepted: 1,
          known: 1,
        })
        expect(await store.events.append(user, [exposure(4), exposure(4)])).toEqual({ accepted: 1, known: 1 })
        expect(await store.events.of(user)).toEqual([exposure(1), exposure(2), exposure(3), exposure(4)])
      })

      it('gives back every kind of event as it was, in the order of ids, each user apart', async () => {
        const [one, two] = [
          await store.users.register('1', secret(1)),
          await store.users.register('2', secret(2)),
        ]
        const events: KindredEvent[] = [
          { type: 'profile', id: uuid(1), at: 1, name: 'gender', value: 'é✓' },
          { type: 'exposure', id: uuid(2), at: 2, item: 'naïve 🎬' },
          { type: 'click', id: uuid(3), at: 2 ** 41, item: 'x', exposure: uuid(2) },
          { type: 'behaviour', id: uuid(4), at: 5, name: 'scroll' },
        ]
        await store.events.append(one, [...events].reverse())
        await store.events.append(two, [exposure(9)])
        await reopen()
        expect(await store.events.of(one)).toEqual(events)
        expect(await store.events.of(two)).toEqual([exposure(9)])
      })

      it('refuses a user who does not exist, and keeps nothing', async () => {
        await expect(store.events.append(7, [exposure(1)])).rejects.toMatchObject({ code: 'unauthorised' })
        expect(await store.events.count()).toBe(0)
        expect(await store.events.dirty()).toEqual([])
      })

      it('marks a user dirty until samples are made under the newest mark', async () => {
        const user = await store.users.register('d', secret(1))
        await store.events.append(user, [exposure(1)])
        const [first] = await store.events.dirty()
        await store.events.append(user, [exposure(2)])
        await store.samples.add([samples(user, [sample(1)], { stamp: first!.stamp })])
        const [second] = await store.events.dirty()
        expect(second?.user).toBe(user)
        await store.samples.add([samples(user, [], { stamp: second!.stamp, settled: false })])
        expect(await store.events.dirty()).toHaveLength(1)
        await store.samples.add([samples(user, [], { stamp: second!.stamp })])
        expect(await store.events.dirty()).toEqual([])
      })
    })

    describe('imports', () => {
      const entries = [
        { user: 'ann', events: [exposure(1), exposure(2)] },
        { user: 'bob', events: [exposure(1)] },
      ]

      it('keeps what was committed, and adds nothing at a second time', async () => {
        const first = await store.imports.begin()
        expect(await store.imports.open()).toBe(true)
        expect(await first.add(entries)).toEqual({ users: 2, events: 3 })
        expect(await first.add([{ user: 'ann', events: [exposure(5)] }])).toEqual({ users: 0, events: 1 })
        await first.commit('what', 'toy')
        const second = await store.imports.begin()
        expect(await second.add(entries)).toEqual({ users: 0, events: 0 })
        await second.commit('what', 'toy')
        await reopen()
        expect(await store.imports.open()).toBe(false)
        expect(await store.meta.get('what', z.string())).toBe('toy')
        expect(await store.events.count()).toBe(4)
        expect(await store.users.count()).toBe(2)
        expect(await store.users.devices()).toHaveLength(0)
      })

      it('takes back new users, and new events of old ones, and nothing else', async () => {
        const old = await store.imports.begin()
        await old.add([entries[0]!])
        await old.commit('what', 'toy')
        const cut = await store.imports.begin()
        await cut.add([
          { user: 'ann', events: [exposure(2), exposure(7)] },
          { user: 'cleo', events: [exposure(3)] },
        ])
        await cut.rollback()
        expect(await store.imports.open()).toBe(false)
        expect(await store.users.count()).toBe(1)
        const [ann] = await store.events.dirty()
        expect(await store.events.of(ann!.user)).toEqual(entries[0]!.events)
        expect(await store.events.count()).toBe(2)
      })

      it('takes back what a crash cut off, at the next open', async () => {
        const cut = await store.imports.begin()
        await cut.add(entries)
        await reopen()
        expect(await store.imports.open()).toBe(true)
        await store.imports.recover()
        expect(await store.imports.open()).toBe(false)
        expect([
          await store.users.count(),
          await store.events.count(),
          (await store.events.dirty()).length,
        ]).toEqual([0, 0, 0])
      })
    })

    describe('samples', () => {
      it('numbers them, finds them by user and day, newest first, and by exposure', async () => {
        const [one, two] = [
          await store.users.register('1', secret(1)),
          await store.users.register('2', secret(2)),
        ]
        await store.samples.add([samples(one, [sample(110), sample(250)]), samples(two, [sample(260, 1)])])
        await store.samples.add([samples(one, [sample(270, 1), sample(130)])])
        await reopen()
        const { ids, days } = await store.samples.newest(one, 10)
        expect([...days]).toEqual([2, 2, 1, 1])
        expect(await store.samples.rows(ids)).toEqual(
          [sample(270, 1), sample(250), sample(130), sample(110)].map(({ row }) => Buffer.from(row)),
        )
        expect([...(await store.samples.newest(one, 3)).ids]).toEqual([...ids].slice(0, 3))
        expect(await store.samples.exposures(two)).toEqual(new Set([uuid(260)]))
        const byDay = []
        for await (const { user, day, ids } of store.samples.byDay()) byDay.push([user, day, ids.length])
        expect(byDay).toEqual([
          [one, 1, 2],
          [one, 2, 2],
          [two, 2, 1],
        ])
        expect(await store.samples.count()).toBe(5)
        expect(await store.samples.rows(numbers(999))).toEqual([undefined])
      })

      it('sums the feature of the user vector, and counts samples and clicks', async () => {
        const user = await store.users.register('1', secret(1))
        await store.samples.add([samples(user, [sample(1), sample(2, 1)])])
        const before = await store.samples.changes()
        await store.samples.add([samples(user, [sample(3, 1)])])
        const profile = { user, samples: 3, clicks: 2, sum: Float64Array.of(3, 1) }
        expect(await store.samples.profile(user)).toEqual(profile)
        const all = []
        for await (const one of store.samples.profiles()) all.push(one)
        expect(all).toEqual([profile])
        expect(await store.samples.changes()).toBeGreaterThan(before)
      })

      it('counts each viewer of an item once', async () => {
        const [one, two] = [
          await store.users.register('1', secret(1)),
          await store.users.register('2', secret(2)),
        ]
        await store.samples.see([{ user: one, items: [3, 0, 3] }])
        await store.samples.see([
          { user: one, items: [0] },
          { user: two, items: [0, 1] },
        ])
        expect([...(await store.samples.viewers())]).toEqual([2, 1, 0, 1])
        await store.erase(one)
        expect([...(await store.samples.viewers())]).toEqual([1, 1, 0, 0])
      })

      it('makes none for a user who is gone', async () => {
        expect(await store.samples.add([samples(5, [sample(1)])])).toBe(0)
        expect(await store.samples.count()).toBe(0)
      })
    })

    describe('mappings', () => {
      /** Two users; `ids` are the samples of the second. */
      async function population(count: number) {
        const [one, two] = [
          await store.users.register('1', secret(1)),
          await store.users.register('2', secret(2)),
        ]
        await store.samples.add([
          samples(
            two,
            Array.from({ length: count }, (_, i) => sample(i)),
          ),
        ])
        const { ids } = await store.samples.newest(two, count)
        return { one, two, ids: ids.sort() }
      }

      it('keeps batches by user and day, and gives a day out once', async () => {
        const { one, two, ids } = await population(6)
        const batches = [numbers(ids[5]!, ids[0]!), numbers(ids[2]!)]
        expect(await store.mappings.put(4, [{ user: one, batches }])).toBe(1)
        expect(await store.mappings.put(4, [{ user: one, batches: [numbers(ids[1]!)] }])).toBe(0)
        expect(await store.mappings.put(5, [{ user: one, batches: [numbers(ids[3]!)] }])).toBe(1)
        await reopen()
        expect(await store.mappings.count(one, 4)).toBe(2)
        expect(await store.mappings.count(two, 4)).toBe(0)
        expect(await store.mappings.batch(one, 4, 0)).toEqual(numbers(ids[0]!, ids[5]!))
        expect(await store.mappings.batch(one, 4, 2)).toBeUndefined()
        expect(await store.mappings.mapped(one, 4, 4)).toEqual(new Set([ids[0], ids[2], ids[5]]))
        expect((await store.mappings.mapped(one, 0, 9)).size).toBe(4)
        await store.mappings.dropBefore(5)
        expect(await store.mappings.count(one, 4)).toBe(0)
        expect(await store.mappings.count(one, 5)).toBe(1)
      })

      it('leaves out samples and users that are gone', async () => {
        const { one, ids } = await population(2)
        await store.mappings.put(1, [
          { user: one, batches: [numbers(ids[0]!, 12345)] },
          { user: 99, batches: [numbers(ids[0]!)] },
        ])
        expect(await store.mappings.batch(one, 1, 0)).toEqual(numbers(ids[0]!))
        expect(await store.mappings.count(99, 1)).toBe(0)
      })

      it('forgets an erased user everywhere, and counts what it removed', async () => {
        const { one, two, ids } = await population(3)
        await store.events.append(two, [exposure(1), exposure(2)])
        await store.mappings.put(1, [{ user: one, batches: [ids.slice(0, 2), ids.slice(2)] }])
        await store.samples.add([samples(one, [sample(500)])])
        const own = (await store.samples.newest(one, 1)).ids
        await store.mappings.put(2, [{ user: two, batches: [own] }])
        expect(await store.erase(two)).toEqual({ events: 2, samples: 3, mappings: 4 })
        await reopen()
        expect(await store.mappings.batch(one, 1, 0)).toEqual(numbers())
        expect(await store.mappings.count(one, 1)).toBe(2)
        expect(await store.mappings.count(two, 2)).toBe(0)
        expect(await store.events.of(two)).toEqual([])
        expect(await store.samples.rows(ids)).toEqual([undefined, undefined, undefined])
        expect(await store.samples.profile(two)).toBeUndefined()
        expect(await store.users.byDevice('2')).toBeUndefined()
        expect(await store.users.has(two)).toBe(false)
        expect((await store.events.dirty()).map(({ user }) => user)).toEqual([])
        expect(await store.samples.count()).toBe(1)
        expect(await store.erase(two)).toBeUndefined()
      })
    })
  })
}
