/** What every store must do when a user is to be forgotten, or shares no more. */
import { describe, expect, it } from 'vitest'
import { exposure, type Fixture, madeOf, numbers, sampleOf, twoUsers } from './contract-kit.ts'

export function erasureContract(at: Fixture): void {
  /** Both have two events, two samples and a batch of the other's samples; the second has seen two items. */
  async function population(): Promise<[number, number]> {
    const users = await twoUsers(at.store)
    for (const user of users) await at.store.events.append(user, [exposure(1), exposure(2)])
    await at.store.samples.add(
      1,
      users.map((user) => madeOf(user, [sampleOf(1), sampleOf(2)])),
    )
    await at.store.mappings.put(1, [
      { user: users[0], batches: [numbers(2), numbers(3)], until: 4 },
      { user: users[1], batches: [numbers(0, 1)], until: 4 },
    ])
    await at.store.viewers.see([{ user: users[1], items: [0, 1] }])
    return users
  }

  describe('an erasure', () => {
    it('removes all that is of a user, and counts it; what is mapped of theirs leads nowhere', async () => {
      const [one, two] = await population()
      expect(await at.store.erase(two)).toEqual({ events: 2, samples: 2, mappings: 2 })
      await at.reopen()
      const { users, events, samples, profiles, viewers, mappings } = at.store
      expect(await mappings.batch(one, 1, 0)).toEqual(numbers(2))
      expect(await samples.rows([0, 1, 2, 3])).toEqual([
        Buffer.from(sampleOf(1).row),
        Buffer.from(sampleOf(2).row),
        undefined,
        undefined,
      ])
      expect(await mappings.count(two, 1)).toBe(0)
      expect(await events.of(two)).toEqual([])
      expect((await events.dirty()).map(({ user }) => user)).not.toContain(two)
      expect(await samples.of(two)).toEqual({ ids: numbers(), days: numbers() })
      expect([...(await samples.owned()).users]).toEqual([one])
      expect(await profiles.of(two)).toBeUndefined()
      expect([...(await viewers.counts())].slice(0, 2)).toEqual([0, 0])
      expect(await users.byDevice('2')).toBeUndefined()
      expect(await users.has(two)).toBe(false)
      expect(await users.count()).toBe(1)
      expect(await at.store.erase(two)).toBeUndefined()
    })

    it('gives neither user nor samples the old numbers again', async () => {
      const [one, two] = await population()
      await at.store.erase(two)
      await at.reopen()
      expect(await at.store.users.register('3', Buffer.alloc(32), 9)).toBeGreaterThan(two)
      expect(await at.store.samples.add(1, [madeOf(one, [sampleOf(3)])])).toEqual([{ first: 4, count: 1 }])
    })
  })

  describe('a withdrawal', () => {
    it('removes what is shared and leaves the rest', async () => {
      const [one, two] = await population()
      expect(await at.store.withdraw(two)).toEqual({ samples: 2 })
      const { users, events, samples, profiles, viewers, mappings } = at.store
      expect((await samples.rows([0, 1, 2, 3])).map(Boolean)).toEqual([true, true, false, false])
      expect(await profiles.of(two)).toBeUndefined()
      expect(await profiles.of(one)).toBeDefined()
      expect([...(await viewers.counts())].slice(0, 2)).toEqual([0, 0])
      expect(await users.has(two)).toBe(true)
      expect(await events.of(two)).toHaveLength(2)
      expect(await mappings.count(two, 1)).toBe(1)
      expect(await at.store.withdraw(99)).toBeUndefined()
    })
  })
}
