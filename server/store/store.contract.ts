/** What every store must do, whichever engine is behind it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { KindredEvent } from '../../shared/event.ts'
import { exposure, type Fixture, madeOf, sampleOf, secret, uuid } from './contract-kit.ts'
import { erasureContract } from './erase.contract.ts'
import { ledgerContract } from './ledger.contract.ts'
import { mappingsContract } from './mappings.contract.ts'
import { samplesContract } from './samples.contract.ts'
import type { Store } from './store.ts'
import { sumsContract } from './sums.contract.ts'

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
    const fixture: Fixture = {
      get store() {
        return store
      },
      reopen: () => reopen(),
    }

    describe('users', () => {
      it('gives each device a number of its own, also when many come at once, and knows them again', async () => {
        const made = await Promise.all([1, 2, 3, 4].map((n) => store.users.register(`d${n}`, secret(n), 7)))
        expect(new Set(made).size).toBe(4)
        await reopen()
        expect(await store.users.byDevice('d3')).toEqual({ user: made[2], credential: secret(3) })
        expect(await store.users.byDevice('d5')).toBeUndefined()
        expect([...(await store.users.devices())].sort()).toEqual([...made].sort())
        expect(made).not.toContain(await store.users.register('d5', secret(5), 7))
      })
    })

    describe('events', () => {
      it('holds a retried event once, and says that it was known', async () => {
        const user = await store.users.register('d', secret(1), 7)
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
          await store.users.register('1', secret(1), 7),
          await store.users.register('2', secret(2), 7),
        ]
        const events: KindredEvent[] = [
          { type: 'profile', id: uuid(1), at: 1, name: 'gender', value: 'é✓' },
          { type: 'exposure', id: uuid(2), at: 2, item: 'naïve 🎬' },
          { type: 'click', id: uuid(3), at: 2 ** 41, item: 'x', exposure: uuid(2) },
          { type: 'behaviour', id: uuid(4), at: 5, name: 'scroll' },
          { type: 'exposure', id: uuid(6), at: 6, item: 'naïve 🎬', context: [-31, 0.5, 31] },
          { type: 'exposure', id: uuid(7), at: 7, item: 'y', context: [] },
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
        const user = await store.users.register('d', secret(1), 7)
        await store.events.append(user, [exposure(1)])
        const [first] = await store.events.dirty()
        await store.events.append(user, [exposure(2)])
        await store.samples.add(0, [madeOf(user, [sampleOf(1)], { stamp: first!.stamp })])
        const [second] = await store.events.dirty()
        expect(second?.user).toBe(user)
        await store.samples.add(0, [madeOf(user, [], { stamp: second!.stamp, settled: false })])
        expect(await store.events.dirty()).toHaveLength(1)
        await store.samples.add(0, [madeOf(user, [], { stamp: second!.stamp })])
        expect(await store.events.dirty()).toEqual([])
      })

      it('drops what is older than asked, by what happened and not by what ids say, a piece at a time', async () => {
        const users = [
          await store.users.register('1', secret(1), 7),
          await store.users.register('2', secret(2), 7),
          await store.users.register('3', secret(3), 7),
        ]
        // The id of the second event lies: it says that it is from the time 9.
        const lying = { ...exposure(3), id: uuid(9) }
        await store.events.append(users[0]!, [exposure(1), exposure(2), lying, exposure(10)])
        await store.events.append(users[2]!, [exposure(4), exposure(5)])
        const steps = []
        for (let from: number | undefined = 0; from !== undefined; ) {
          const step = await store.events.expire(5, from, 2)
          steps.push(step.removed)
          from = step.next
        }
        expect(steps.reduce((sum, removed) => sum + removed)).toBe(4)
        expect(Math.max(...steps)).toBe(2)
        expect(await store.events.of(users[0]!)).toEqual([exposure(10)])
        expect(await store.events.of(users[2]!)).toEqual([exposure(5)])
        expect(await store.events.count()).toBe(2)
      })
    })

    describe('consents', () => {
      it('are kept as they were given, and only of users who are there', async () => {
        const [one, two] = [
          await store.users.register('1', secret(1), 7),
          await store.users.register('2', secret(2), 7),
        ]
        expect(await store.consents.of(one)).toBeUndefined()
        await store.consents.put(one, { sharing: false, at: 2 ** 41, version: 3 })
        await store.consents.put(two, { sharing: true, at: 5, version: 1 })
        await reopen()
        expect(await store.consents.of(one)).toEqual({ sharing: false, at: 2 ** 41, version: 3 })
        expect([...(await store.consents.refusing())]).toEqual([one])
        await expect(store.consents.put(99, { sharing: true, at: 5, version: 1 })).rejects.toMatchObject({
          code: 'unauthorised',
        })
        await store.erase(one)
        expect(await store.consents.of(one)).toBeUndefined()
      })

      it('that are given again make the user dirty, so that samples are made again', async () => {
        const user = await store.users.register('1', secret(1), 7)
        await store.consents.put(user, { sharing: false, at: 5, version: 1 })
        expect(await store.events.dirty()).toEqual([])
        await store.consents.put(user, { sharing: true, at: 6, version: 1 })
        expect((await store.events.dirty()).map(({ user }) => user)).toEqual([user])
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
        await first.add(entries)
        await first.add([{ user: 'ann', events: [exposure(5)] }])
        expect(await first.commit('what', 'toy')).toEqual({ users: 2, events: 4 })
        const second = await store.imports.begin()
        await second.add([{ user: 'ann', events: [exposure(1), exposure(3), exposure(9)] }, entries[1]!])
        expect(await second.commit('what', 'toy')).toEqual({ users: 0, events: 2 })
        await reopen()
        expect(await store.imports.open()).toBe(false)
        expect(await store.meta.get('what', z.string())).toBe('toy')
        expect(await store.events.count()).toBe(6)
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
        // Stopped when all is written but the end.
        const stop = cut.commit('what', 'toy', async () => {
          throw new Error('stopped')
        })
        await expect(stop).rejects.toThrow('stopped')
        expect(await store.events.count()).toBe(4)
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

    describe('a name', () => {
      const ann = { user: 'ann', events: [exposure(1), exposure(2)] }

      it('means the same user to a source and to a token, whichever comes first', async () => {
        const early = await store.users.register('early', secret(1), 7, 'bob')
        const done = await store.imports.begin()
        await done.add([ann, { user: 'bob', events: [exposure(3)] }])
        expect(await done.commit('what', 'toy')).toEqual({ users: 1, events: 3 })
        const late = await store.users.register('late', secret(2), 9, 'ann')
        await reopen()
        expect(await store.events.of(early)).toEqual([exposure(3)])
        expect(await store.events.of(late)).toEqual(ann.events)
        expect(await store.users.since(late)).toBe(0)
        expect(await store.users.count()).toBe(2)
        expect(await store.users.register('other', secret(3), 9, 'ann')).toBe(late)
      })

      it('whose import is taken back leaves who has got a device meanwhile, with what that device has sent', async () => {
        const cut = await store.imports.begin()
        await cut.add([ann, { user: 'bob', events: [exposure(3)] }])
        const before = await store.users.register('before', secret(1), 9, 'ann')
        await store.events.append(before, [exposure(8)])
        const stop = cut.commit('what', 'toy', async () => {
          const during = await store.users.register('during', secret(2), 9, 'bob')
          await store.events.append(during, [exposure(9)])
          throw new Error('stopped')
        })
        await expect(stop).rejects.toThrow('stopped')
        expect(await store.events.count()).toBe(5)
        await cut.rollback()
        await reopen()
        const bob = (await store.users.byDevice('during'))!.user
        expect(await store.events.of(before)).toEqual([exposure(8)])
        expect(await store.events.of(bob)).toEqual([exposure(9)])
        expect(await store.users.count()).toBe(2)
        expect(await store.users.register('again', secret(3), 9, 'ann')).toBe(before)
      })

      it('that comes in from both sides in the same moment is one user', async () => {
        const both = await store.imports.begin()
        const registered = store.users.register('d', secret(1), 7, 'ann')
        await both.add([ann])
        const user = await registered
        await both.commit('what', 'toy')
        expect(await store.users.count()).toBe(1)
        expect(await store.events.of(user)).toEqual(ann.events)
      })
    })

    samplesContract(fixture)
    mappingsContract(fixture)
    erasureContract(fixture)
    ledgerContract(fixture)
    sumsContract(fixture)
  })
}
