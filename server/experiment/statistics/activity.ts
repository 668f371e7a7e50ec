/** Users by how much they had done before. */
import type { Row } from '../results.ts'

export interface ActivityGroup {
  /** Least and most exposures of the past of anyone in it. */
  readonly from: number
  readonly to: number
  readonly members: ReadonlySet<string>
}

/** Up to `groups` of about the same size, from the least active; users with equally long pasts are in the same one. */
export function activityGroups(rows: readonly Row[], groups: number): ActivityGroup[] {
  const sorted = rows.toSorted((a, b) => a.activity - b.activity)
  const groupOf = new Map<number, number>()
  for (const [place, { activity }] of sorted.entries())
    if (!groupOf.has(activity)) groupOf.set(activity, Math.floor((place * groups) / sorted.length))
  return [...new Set(groupOf.values())].map((group) => {
    const members = sorted.filter(({ activity }) => groupOf.get(activity) === group)
    return {
      from: members[0]!.activity,
      to: members.at(-1)!.activity,
      members: new Set(members.map(({ user }) => user)),
    }
  })
}
