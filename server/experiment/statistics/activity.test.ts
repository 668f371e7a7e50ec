import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { activityGroups } from './activity.ts'
import { rowOf } from './kit.ts'

const groupsOf = (activities: readonly number[], groups: number) =>
  activityGroups(
    activities.map((activity, i) => rowOf({ user: `u${i}`, activity })),
    groups,
  )

describe('groups by activity', () => {
  it('by hand: six users in three', () => {
    expect(groupsOf([50, 10, 30, 20, 60, 40], 3)).toEqual([
      { from: 10, to: 20, members: new Set(['u1', 'u3']) },
      { from: 30, to: 40, members: new Set(['u2', 'u5']) },
      { from: 50, to: 60, members: new Set(['u0', 'u4']) },
    ])
  })

  it('everybody is in one, no two of the same activity are apart, and they rise', () => {
    const activities = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(activities, fc.integer({ min: 1, max: 6 }), (all, groups) => {
        const found = groupsOf(all, groups)
        expect(found.length).toBeLessThanOrEqual(groups)
        expect(found.reduce((sum, { members }) => sum + members.size, 0)).toBe(all.length)
        for (const [i, { from, to }] of found.entries()) {
          expect(from).toBeLessThanOrEqual(to)
          if (i > 0) expect(from).toBeGreaterThan(found[i - 1]!.to)
        }
      }),
      { seed: 9 },
    )
  })
})
