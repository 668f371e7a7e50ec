/** What every store must do with samples, profiles and viewers. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { all, type Fixture, madeOf, numbers, sampleOf, twoUsers, uuid } from './contract-kit.ts'
import { exposureTag } from './keys.ts'
import type { Mark } from './ports/events.ts'
import type { NewSample } from './ports/samples.ts'

export function samplesContract(at: Fixture): void {
  describe('samples', () => {
    it('are numbered without gaps, and found by user, in the order of their days', async () => {
      const [one, two] = await twoUsers(at.store)
      const added = await at.store.samples.add(3, [
        madeOf(one, [sampleOf(250), sampleOf(280)]),
        madeOf(two, [sampleOf(260)]),
        madeOf(99, [sampleOf(1)]),
      ])
      expect(added).toEqual([
        { first: 0, count: 2 },
        { first: 2, count: 1 },
        { first: 0, count: 0 },
      ])
      await at.reopen()
      expect(await at.store.samples.next()).toBe(3)
      // One came late, and is of an earlier day.
      await at.store.samples.add(4, [madeOf(one, [sampleOf(130), sampleOf(401)])])
      expect(await at.store.samples.of(one)).toEqual({ ids: numbers(3, 0, 1, 4), days: numbers(1, 2, 2, 4) })
      expect(await at.store.samples.owned()).toEqual({
        users: numbers(one, two),
        starts: numbers(0, 4, 5),
        ids: numbers(3, 0, 1, 4, 2),
        days: numbers(1, 2, 2, 4, 2),
      })
      const shown: [number, Buffer][] = []
      await at.store.samples.read([4, 999, 0], (i, bytes, from, to) => {
        shown.push([i, Buffer.from(bytes.slice(from, to))])
      })
      const rows = await at.store.samples.rows([4, 999, 0])
      expect(rows).toEqual([Buffer.from(sampleOf(401).row), undefined, Buffer.from(sampleOf(250).row)])
      expect(shown).toEqual([
        [0, rows[0]],
        [2, rows[2]],
      ])
      expect(await at.store.samples.count()).toBe(5)
    })

    it('are shown for as long as they are there, however often they were shown', async () => {
      const [one, two, three] = [...(await twoUsers(at.store)), ...(await twoUsers(at.store))]
      const shown = async () => {
        const found: number[] = []
        await at.store.samples.read([0, 1, 2, 3], (i) => {
          found.push(i)
        })
        return found
      }
      for (const user of [one, two, three])
        await at.store.samples.add(5, [madeOf(user!, [sampleOf(100 + user!)])])
      await at.store.samples.add(6, [madeOf(one!, [sampleOf(200)])])
      expect([await shown(), await shown()]).toEqual([
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ])
      await at.store.samples.remove([{ user: one!, ids: [3] }])
      expect([await shown(), await shown()]).toEqual([
        [0, 1, 2],
        [0, 1, 2],
      ])
      await at.store.erase(two!)
      expect(await shown()).toEqual([0, 2])
      await at.store.withdraw(three!)
      expect(await shown()).toEqual([0])
      await at.store.samples.dropBefore(6)
      expect(await shown()).toEqual([])
    })

    it('are made once of an exposure, also when it is named twice at once', async () => {
      const [one, two] = await twoUsers(at.store)
      await at.store.samples.add(1, [madeOf(one, [sampleOf(1), sampleOf(1), sampleOf(2)])])
      const again = await at.store.samples.add(2, [
        madeOf(one, [sampleOf(2), sampleOf(3)]),
        madeOf(two, [sampleOf(2)]),
      ])
      expect(again.map(({ count }) => count)).toEqual([1, 1])
      expect(await at.store.samples.exposures(one)).toEqual(
        new Set([1, 2, 3].map((time) => exposureTag(uuid(time)))),
      )
    })

    it('go with the day on which they were made, and their numbers never come again', async () => {
      const [one] = await twoUsers(at.store)
      for (let day = 1; day <= 8; day++) await at.store.samples.add(day, [madeOf(one, [sampleOf(100 * day)])])
      await at.store.samples.dropBefore(3)
      await at.reopen()
      expect([...(await at.store.samples.of(one)).days]).toEqual([3, 4, 5, 6, 7, 8])
      const { samples } = at.store
      expect([await samples.madeSince(1), await samples.madeSince(5), await samples.madeSince(9)]).toEqual([
        2, 4, 8,
      ])
      expect(await at.store.samples.rows([0, 1, 2])).toEqual([
        undefined,
        undefined,
        Buffer.from(sampleOf(300).row),
      ])
      expect((await at.store.samples.exposures(one)).has(exposureTag(uuid(100)))).toBe(false)
      await at.store.samples.dropBefore(100)
      expect(await at.store.samples.count()).toBe(0)
      expect(await at.store.samples.add(9, [madeOf(one, [sampleOf(900)])])).toEqual([{ first: 8, count: 1 }])
    })

    it('are of the newest day when the clock goes back', async () => {
      const [one] = await twoUsers(at.store)
      await at.store.samples.add(5, [madeOf(one, [sampleOf(500)])])
      await at.store.samples.add(2, [madeOf(one, [sampleOf(200)])])
      await at.store.samples.dropBefore(5)
      expect(await at.store.samples.of(one)).toEqual({ ids: numbers(1, 0), days: numbers(2, 5) })
    })

    it('that are taken out one by one are not made again', async () => {
      const [one] = await twoUsers(at.store)
      await at.store.samples.add(1, [madeOf(one, [sampleOf(1), sampleOf(2), sampleOf(3)])])
      expect(await at.store.samples.remove([{ user: one, ids: [1, 77] }])).toBe(1)
      expect([...(await at.store.samples.of(one)).ids]).toEqual([0, 2])
      expect([...(await at.store.samples.owned()).ids]).toEqual([0, 2])
      expect(await at.store.samples.rows([1])).toEqual([undefined])
      expect(await at.store.samples.add(1, [madeOf(one, [sampleOf(2)])])).toEqual([{ first: 0, count: 0 }])
    })

    it('are none of a user who does not share, whose mark goes', async () => {
      const [one] = await twoUsers(at.store)
      await at.store.consents.put(one, { sharing: true, at: 1, version: 1 })
      await at.store.consents.put(one, { sharing: false, at: 2, version: 1 })
      const [{ stamp }] = (await at.store.events.dirty()) as [Mark]
      await at.store.samples.add(1, [madeOf(one, [sampleOf(1)], { stamp })])
      expect(await at.store.samples.count()).toBe(0)
      expect(await at.store.profiles.of(one)).toBeUndefined()
      expect(await at.store.events.dirty()).toEqual([])
    })

    it('are, after any days of adding, dropping and erasing, those of a plain list', async () => {
      const step = fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({ user: fc.nat(2), times: fc.array(fc.nat(300), { maxLength: 4 }) }),
        },
        { weight: 2, arbitrary: fc.record({ days: fc.integer({ min: 1, max: 4 }) }) },
        { weight: 1, arbitrary: fc.record({ erase: fc.nat(2) }) },
      )
      let run = 0
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const { store } = at
          const name = `run ${run++}`
          const users: number[] = []
          const join = async (i: number) => {
            users[i] = await store.users.register(`${name}/${i}/${Math.random()}`, Buffer.alloc(32, 1), 7)
          }
          for (let i = 0; i < 3; i++) await join(i)
          // Each run begins ten days after the last, when nothing of that is left.
          let today = 10 + run * 200
          await store.samples.dropBefore(today)
          let list: (NewSample & { user: number; made: number; id: number })[] = []
          for (const one of steps) {
            if ('times' in one) {
              const user = users[one.user]!
              const samples = one.times.map((time) => ({ ...sampleOf(time), day: today - (time % 3) }))
              const [{ first, count }] = (await store.samples.add(today, [madeOf(user, samples)])) as [
                { first: number; count: number },
              ]
              const known = new Set(list.filter((s) => s.user === user).map((s) => s.exposure))
              const fresh = samples.filter(({ exposure }) => !known.has(exposure) && known.add(exposure))
              expect(count).toBe(fresh.length)
              list.push(...fresh.map((s, i) => ({ ...s, user, made: today, id: first + i })))
            } else if ('days' in one) {
              today += one.days
              await store.samples.dropBefore(today - 6)
              list = list.filter(({ made }) => made >= today - 6)
            } else {
              await store.erase(users[one.erase]!)
              list = list.filter(({ user }) => user !== users[one.erase])
              await join(one.erase)
            }
          }
          list.sort((a, b) => a.user - b.user || a.day - b.day || a.id - b.id)
          const owned = await store.samples.owned()
          expect([...owned.ids]).toEqual(list.map(({ id }) => id))
          expect([...owned.days]).toEqual(list.map(({ day }) => day))
          expect(
            [...owned.users].flatMap((user, i) => Array(owned.starts[i + 1]! - owned.starts[i]!).fill(user)),
          ).toEqual(list.map(({ user }) => user))
          expect(await store.samples.rows(owned.ids)).toEqual(list.map(({ row }) => Buffer.from(row)))
          for (const user of users)
            expect([...(await store.samples.of(user)).ids]).toEqual(
              list.filter((s) => s.user === user).map(({ id }) => id),
            )
        }),
        { seed: 1, numRuns: 15 },
      )
    })
  })

  describe('profiles', () => {
    it('sum what is counted, and know since when the user is there', async () => {
      const [one, two] = await twoUsers(at.store)
      await at.store.samples.add(1, [madeOf(two, [sampleOf(1), sampleOf(2)])])
      // What is too old to be a sample counts too.
      const counted = { samples: 1, clicks: 1, sum: Float64Array.of(1, 0.5) }
      await at.store.samples.add(1, [madeOf(two, [], { counted })])
      const profile = { user: two, since: 8, samples: 3, clicks: 2, sum: Float64Array.of(3, 1) }
      expect(await at.store.profiles.of(two)).toEqual(profile)
      expect(await at.store.profiles.of(one)).toBeUndefined()
      expect(await all(at.store.profiles.all())).toEqual([profile])
    })

    it('tell which of them have moved until that is settled, and move again when they go', async () => {
      const [one, two] = await twoUsers(at.store)
      const { profiles } = at.store
      await at.store.samples.add(1, [madeOf(one, [sampleOf(1)]), madeOf(two, [sampleOf(1)])])
      const seen = await profiles.moved()
      expect(seen.map(({ user }) => user)).toEqual([one, two])
      // Meanwhile the second moves once more.
      await at.store.samples.add(1, [madeOf(two, [sampleOf(2)])])
      await profiles.settleMoved(seen)
      expect((await profiles.moved()).map(({ user }) => user)).toEqual([two])
      await profiles.settleMoved(await profiles.moved())
      await at.store.erase(one)
      await at.store.withdraw(two)
      await at.reopen()
      expect((await at.store.profiles.moved()).map(({ user }) => user)).toEqual([one, two])
    })
  })

  describe('viewers', () => {
    it('are counted once for each item, and not when they are gone', async () => {
      const [one, two] = await twoUsers(at.store)
      await at.store.viewers.see([{ user: one, items: [3, 0, 3, 40_000] }])
      await at.store.viewers.see([
        { user: one, items: [0] },
        { user: two, items: [0, 1] },
        { user: 99, items: [0] },
      ])
      const first = async () => [...(await at.store.viewers.counts())].slice(0, 5)
      expect(await first()).toEqual([2, 1, 0, 1, 0])
      expect((await at.store.viewers.counts())[40_000]).toBe(1)
      expect([...(await at.store.viewers.of(new Set([0, 1])))]).toEqual([one, two])
      expect([...(await at.store.viewers.of(new Set([40_000, 7])))]).toEqual([one])
      await at.store.erase(one)
      expect([...(await at.store.viewers.of(new Set([0, 3, 40_000])))]).toEqual([two])
      expect(await first()).toEqual([1, 1, 0, 0, 0])
      expect((await at.store.viewers.counts())[40_000]).toBe(0)
    })
  })
}
