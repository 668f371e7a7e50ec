import { stamp } from './events.ts'
import { key } from './keys.ts'
import type { Mark } from './ports/events.ts'
import type { Profile, Profiles, Tally } from './ports/samples.ts'
import type { Table, Tables } from './tables.ts'
import { sinceOf } from './users.ts'

export function createProfiles(tables: Tables): Profiles {
  const { root, profiles, moved } = tables
  return {
    async of(user) {
      const row = profiles.get(key(user))
      return row && readProfile(user, row)
    },
    async *all() {
      for (const { key: at, value } of profiles.getRange()) yield readProfile(at.readUInt32BE(), value)
    },
    moved: async () => marksIn(moved),
    settleMoved: async (marks) =>
      root.transactionSync(() => {
        for (const { user, stamp } of marks) {
          const at = key(user)
          if (moved.get(at)?.readUInt32BE() === stamp) moved.removeSync(at)
        }
      }),
  }
}

export function marksIn(table: Table): Mark[] {
  const found: Mark[] = []
  for (const { key: at, value } of table.getRange())
    found.push({ user: at.readUInt32BE(), stamp: value.readUInt32BE() })
  return found
}

/** Only inside a transaction. */
export function addToProfile(tables: Tables, user: number, { samples, clicks, sum }: Tally): void {
  const at = key(user)
  const row = tables.profiles.get(at)
  const before = row && readProfile(user, row)
  const after = Float64Array.of(
    before?.since ?? sinceOf(tables, user) ?? 0,
    (before?.samples ?? 0) + samples,
    (before?.clicks ?? 0) + clicks,
    ...sum.map((value, i) => value + (before?.sum[i] ?? 0)),
  )
  tables.profiles.putSync(at, Buffer.from(after.buffer))
  tables.moved.putSync(at, stamp())
}

/** Only inside a transaction. */
export function removeProfile({ profiles, moved }: Tables, user: number): void {
  if (profiles.removeSync(key(user))) moved.putSync(key(user), stamp())
}

function readProfile(user: number, row: Buffer): Profile {
  // A copy: lmdb's rows are not aligned for float64.
  const numbers = new Float64Array(Uint8Array.from(row).buffer)
  const [since = 0, samples = 0, clicks = 0] = numbers
  return { user, since, samples, clicks, sum: numbers.slice(3) }
}
