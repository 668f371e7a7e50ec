/** What every store must do with mappings. */
import { describe, expect, it } from 'vitest'
import { all, type Fixture, numbers, twoUsers } from './contract-kit.ts'

export function mappingsContract(at: Fixture): void {
  describe('mappings', () => {
    it('keep batches by user and day, and give a day out once', async () => {
      const [one, two] = await twoUsers(at.store)
      const { mappings } = at.store
      const batches = [numbers(5, 2 ** 32 - 1, 0), numbers(2)]
      expect(await mappings.put(4, [{ user: one, batches, until: 6 }])).toBe(1)
      expect(await mappings.put(4, [{ user: one, batches: [numbers(1)], until: 7 }])).toBe(0)
      expect(await mappings.put(5, [{ user: one, batches: [numbers(3)], until: 7 }])).toBe(1)
      expect(await mappings.put(5, [{ user: 99, batches: [numbers(3)], until: 7 }])).toBe(0)
      await at.reopen()
      expect(await at.store.mappings.count(one, 4)).toBe(2)
      expect(await at.store.mappings.count(two, 4)).toBe(0)
      expect(await at.store.mappings.batch(one, 4, 0)).toEqual(numbers(0, 5, 2 ** 32 - 1))
      expect(await at.store.mappings.batch(one, 4, 1)).toEqual(numbers(2))
      expect(await at.store.mappings.batch(one, 4, 2)).toBeUndefined()
      expect(await at.store.mappings.batch(99, 5, 0)).toBeUndefined()
      expect([...(await at.store.mappings.given(one, 4, 4))].sort()).toEqual([0, 2, 2 ** 32 - 1, 5])
      expect(await at.store.mappings.given(one, 0, 9)).toHaveLength(5)
      expect(await at.store.mappings.given(one, 6, 9)).toHaveLength(0)
    })

    it('take further batches, and leave those before them as they are', async () => {
      const [one, two] = await twoUsers(at.store)
      const { mappings } = at.store
      await mappings.put(4, [{ user: one, batches: [numbers(1, 2)], until: 3 }])
      const further = [
        { user: one, batches: [numbers(8, 9), numbers(7)], until: 10 },
        { user: two, batches: [numbers(8)], until: 10 },
        { user: 99, batches: [numbers(8)], until: 10 },
      ]
      expect(await mappings.append(4, further)).toBe(2)
      expect(await mappings.of(one, 4)).toEqual({
        batches: [numbers(1, 2), numbers(8, 9), numbers(7)],
        until: 10,
      })
      expect(await mappings.of(two, 4)).toEqual({ batches: [numbers(8)], until: 10 })
      expect(await mappings.of(two, 5)).toBeUndefined()
      await mappings.put(5, [{ user: one, batches: [numbers(3)], until: 11 }])
      expect(await all(mappings.all())).toEqual([
        { user: one, day: 4, batches: [numbers(1, 2), numbers(8, 9), numbers(7)], until: 10 },
        { user: two, day: 4, batches: [numbers(8)], until: 10 },
        { user: one, day: 5, batches: [numbers(3)], until: 11 },
      ])
    })

    it('go by days, by being dropped or by being in the way of a newer one, and no old day comes back', async () => {
      const [one] = await twoUsers(at.store)
      const { mappings } = at.store
      const put = (day: number) => mappings.put(day, [{ user: one, batches: [numbers(day)], until: day }])
      for (let day = 1; day <= 7; day++) await put(day)
      await mappings.dropBefore(3)
      expect([...(await mappings.given(one, 0, 99))]).toEqual([3, 4, 5, 6, 7])
      // Nobody dropped anything for a while.
      for (let day = 8; day <= 20; day++) await put(day)
      expect(await mappings.given(one, 0, 99)).toContain(20)
      expect(await mappings.given(one, 0, 11)).toHaveLength(0)
      expect(await put(2)).toBe(0)
      expect(await mappings.given(one, 0, 11)).toHaveLength(0)
    })
  })
}
