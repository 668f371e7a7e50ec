import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hyper } from '../../shared/hyper.ts'
import { createChooser, cut, GONE, type Shelf, type Wish } from './batches.ts'
import { type Privacy, privacy, UNPROTECTED } from './privacy/settings.ts'

const BASE = 1000
/** `counts[u]` samples of user u, numbered as they were made: one of each user in turn, from `BASE` on. */
function shelfOf(counts: readonly number[]): Shelf {
  const lists: number[][] = counts.map(() => [])
  const owner: number[] = []
  for (let round = 0; round < Math.max(0, ...counts); round++)
    counts.forEach((count, user) => {
      if (round >= count) return
      lists[user]!.unshift(BASE + owner.length)
      owner.push(user)
    })
  const starts = counts.map((_, user) => lists.slice(0, user).flat().length)
  return {
    base: BASE,
    owner: Uint32Array.from(owner),
    reach: new Uint16Array(owner.length),
    starts: Uint32Array.from(starts),
    ends: Uint32Array.from(starts, (start, user) => start + counts[user]!),
    samples: Uint32Array.from(lists.flat()),
  }
}
const chooser = (shelf: Shelf, changes: Partial<Privacy> = {}, numbers = hyper()) =>
  createChooser(shelf, { hyper: numbers, privacy: { ...UNPROTECTED, ...changes }, seed: 1 })
const wish = (donors: number[], changes: Partial<Wish> = {}): Wish => ({
  user: 99,
  day: 100,
  donors: Uint32Array.from(donors),
  week: new Uint32Array(),
  limit: 300,
  since: 0,
  ...changes,
})
const ownersOf = ({ owner, base }: Shelf, ids: Uint32Array) => [...ids].map((id) => owner[id - base]!)

describe('the choice of samples', () => {
  it('goes round the neighbours, nearest first, newest first', () => {
    // Made in this order: 1000, 1001, 1002 of users 0, 1, 2; 1003, 1004 of 1, 2; 1005 of 2.
    const choose = chooser(shelfOf([1, 2, 3]))
    expect([...choose(wish([2, 0, 1]))]).toEqual([1005, 1000, 1003, 1004, 1001, 1002])
  })

  it('leaves out what the user was given in the last days, what is gone, and the user’s own', () => {
    const shelf = shelfOf([2, 2, 2])
    shelf.owner[1004 - BASE] = GONE
    const given = chooser(shelf)(wish([0, 1, 2], { user: 2, week: Uint32Array.of(1003, 7, 4_000_000_000) }))
    expect([...given]).toEqual([1000, 1001])
  })

  it('ends with the limit, and takes what was made since a given moment only', () => {
    expect([...chooser(shelfOf([3, 3]))(wish([1, 0], { limit: 3 }))]).toEqual([1005, 1004, 1003])
    expect([...chooser(shelfOf([3, 3]))(wish([1, 0], { since: 1004 }))]).toEqual([1005, 1004])
  })

  it('takes the K nearest of the users that it is told of', () => {
    const numbers = hyper({ neighbours: 2 })
    expect([...chooser(shelfOf([1, 1, 1, 1]), {}, numbers)(wish([3, 1, 0, 2]))]).toEqual([1003, 1001])
  })

  it('does not mind a user who came after the shelf was filled', () => {
    expect([...chooser(shelfOf([1]))(wish([7, 0]))]).toEqual([1000])
  })
})

describe('what one user may give to one device', () => {
  const numbers = hyper({ batchesPerDay: 4, batchSize: 5 })

  it('is a share of a day’s worth, and of seven days’', () => {
    const shelf = shelfOf([40, 3])
    const choose = chooser(shelf, { donorDayShare: 0.2, donorWeekShare: 0.35 }, numbers)
    const first = choose(wish([0, 1], { limit: 20 }))
    // 0.2 × 20 = 4 of user 0, all three of user 1.
    expect(ownersOf(shelf, first).sort()).toEqual([0, 0, 0, 0, 1, 1, 1])
    // Later that day nothing more of user 0, …
    const today = { week: first, today: first }
    expect([...choose(wish([0, 1], { limit: 20, ...today }))]).toEqual([])
    // … the next day three, to the seven of the week, and then none.
    const second = choose(wish([0, 1], { limit: 20, day: 101, week: first }))
    expect(ownersOf(shelf, second)).toEqual([0, 0, 0])
    const week = Uint32Array.from([...first, ...second])
    expect([...choose(wish([0, 1], { limit: 20, day: 102, week }))]).toEqual([])
    // Another device has had nothing.
    expect(choose(wish([0, 1], { user: 98, limit: 20 }))).toHaveLength(7)
  })

  it('is never less than one sample', () => {
    expect(
      chooser(shelfOf([5]), { donorDayShare: 0.01, donorWeekShare: 0.01 }, numbers)(wish([0])),
    ).toHaveLength(1)
  })
})

describe('the devices that one sample is given to', () => {
  it('are counted, and bounded', () => {
    const shelf = shelfOf([2, 2])
    const choose = chooser(shelf, { reach: 2 })
    const given = [1, 2, 3].map((user) => [...choose(wish([0], { user, limit: 1 }))])
    // The newest of user 0 goes out twice, then the other one.
    expect(given).toEqual([[1002], [1002], [1000]])
    expect([...shelf.reach]).toEqual([1, 0, 2, 0])
    expect([...choose(wish([0], { user: 4 }))]).toEqual([1000])
    expect([...choose(wish([0], { user: 5 }))]).toEqual([])
  })
})

describe('what is drawn by lot', () => {
  const many = shelfOf(Array(40).fill(3))
  const donors = Array.from({ length: 40 }, (_, i) => 39 - i)
  const numbers = hyper({ neighbours: 10 })

  it('are K of the nearest `widen` × K, others on another day, the same ones on the same', () => {
    const on = (day: number) => {
      const chosen = chooser(many, { widen: 2 }, numbers)(wish(donors, { day }))
      return [...new Set(ownersOf(many, chosen))]
    }
    const days = [1, 2, 3, 4, 5, 6].map(on)
    for (const owners of days) {
      expect(owners).toHaveLength(10)
      expect(Math.min(...owners)).toBeGreaterThanOrEqual(20)
      // Still nearest first.
      expect(owners).toEqual([...owners].sort((a, b) => b - a))
    }
    expect(new Set(days.map(String)).size).toBe(6)
    expect(on(1)).toEqual(days[0])
  })

  it('is the order, so that places tell nothing of whose a sample is', () => {
    const shuffled = chooser(many, { shuffle: true }, numbers)(wish(donors))
    const plain = chooser(many, {}, numbers)(wish(donors))
    expect([...shuffled].sort()).toEqual([...plain].sort())
    const apart = (ids: Uint32Array) => {
      const owners = ownersOf(many, ids)
      return owners.filter((owner, i) => owner === owners[i + 10]).length
    }
    // In the plain order every tenth is of the same user, without exception: 20 pairs. By lot one in fifteen is.
    expect(apart(plain)).toBe(20)
    expect(apart(shuffled)).toBeLessThan(6)
  })
})

it('never breaks a rule, whatever the shelf, the history and the settings', () => {
  const numbers = hyper({ neighbours: 6, batchesPerDay: 3, batchSize: 4 })
  const nat = (max: number) => fc.nat({ max })
  fc.assert(
    fc.property(
      fc.array(nat(9), { minLength: 1, maxLength: 12 }),
      fc.record({
        donorDayShare: fc.double({ min: 0.05, max: 1, noNaN: true }),
        donorWeekShare: fc.double({ min: 0.05, max: 2, noNaN: true }),
        reach: nat(4),
        widen: fc.integer({ min: 1, max: 3 }),
        shuffle: fc.boolean(),
      }),
      fc.array(fc.record({ user: nat(14), day: nat(3), by: fc.array(nat(11), { maxLength: 12 }) }), {
        maxLength: 20,
      }),
      (counts, changes, days) => {
        const shelf = shelfOf(counts)
        const choose = createChooser(shelf, { hyper: numbers, privacy: privacy(changes), seed: 7 })
        const had = new Map<number, { day: number; ids: Uint32Array }[]>()
        const reached = new Uint16Array(shelf.reach.length)
        for (const { user, day, by } of days.sort((a, b) => a.day - b.day)) {
          const before = had.get(user) ?? []
          const week = Uint32Array.from(before.flatMap(({ ids }) => [...ids]))
          const today = Uint32Array.from(before.flatMap((one) => (one.day === day ? [...one.ids] : [])))
          const limit = Math.max(0, 12 - today.length)
          const donors = Uint32Array.from(new Set(by))
          const ids = choose({ user, day, donors, week, today, limit, since: 0 })
          had.set(user, [...before, { day, ids }])
          const all = [...week, ...ids]
          expect(new Set(all).size).toBe(all.length)
          expect(ids.length).toBeLessThanOrEqual(limit)
          for (const id of ids) reached[id - BASE]!++
          const owners = ownersOf(shelf, ids)
          for (const owner of owners) expect(donors.subarray(0, 18)).toContain(owner)
          expect(owners).not.toContain(user)
          const most = (share: number) => Math.max(1, Math.floor(share * 12))
          for (const owner of owners) {
            const of = (list: Iterable<number>) =>
              ownersOf(shelf, Uint32Array.from(list)).filter((o) => o === owner).length
            expect(of(all)).toBeLessThanOrEqual(most(changes.donorWeekShare))
            expect(of([...today, ...ids])).toBeLessThanOrEqual(most(changes.donorDayShare))
          }
        }
        expect(shelf.reach).toEqual(reached)
        if (changes.reach > 0) for (const times of reached) expect(times).toBeLessThanOrEqual(changes.reach)
      },
    ),
    { seed: 1, numRuns: 100 },
  )
})

describe('the cut into batches', () => {
  it('keeps every sample in order, leaves no fragment, and no batch is over the limit', () => {
    const { batchSize, batchMax, batchesPerDay } = hyper()
    fc.assert(
      fc.property(fc.integer({ min: 0, max: batchesPerDay * batchSize }), (count) => {
        const ids = Uint32Array.from({ length: count }, (_, i) => i)
        const batches = cut(ids, hyper())
        expect(batches.flatMap((batch) => [...batch])).toEqual([...ids])
        expect(batches.length).toBeLessThanOrEqual(batchesPerDay)
        for (const batch of batches.slice(0, -1)) expect(batch.length).toBe(batchSize)
        const last = batches.at(-1)?.length ?? 0
        expect(last).toBeLessThanOrEqual(batchMax)
        if (batches.length > 1) expect(last).toBeGreaterThan(batchMax - batchSize)
      }),
      { seed: 1 },
    )
  })

  it('of a full day is twelve batches of twenty-five', () => {
    const ids = Uint32Array.from({ length: 300 }, (_, i) => i)
    expect(cut(ids, hyper()).map(({ length }) => length)).toEqual(Array(12).fill(25))
  })
})
