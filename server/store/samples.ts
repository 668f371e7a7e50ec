import { key, packIds, unpackIds, uuidBytes, uuidText } from './keys.ts'
import type { Profile, SampleStore, UserSamples } from './store.ts'
import type { Tables } from './tables.ts'

/** sample (u32) · exposure (16 bytes) */
const ENTRY = 20
const VIEWERS = 'viewers'

export function createSamples(tables: Tables): SampleStore {
  const { root, samples, userDays, profiles } = tables
  const daysOf = (user: number) => userDays.getRange({ start: key(user), end: key(user + 1) })
  return {
    add: async (users) => root.transactionSync(() => users.reduce((sum, one) => sum + add(tables, one), 0)),
    async exposures(user) {
      const found = new Set<string>()
      for (const { value } of daysOf(user))
        for (let at = 4; at < value.length; at += ENTRY) found.add(uuidText(value, at))
      return found
    },
    async newest(user, limit) {
      const ids: number[] = []
      const days: number[] = []
      const newestFirst = userDays.getRange({ start: key(user + 1), end: key(user), reverse: true })
      for (const { key: at, value } of newestFirst) {
        for (let i = value.length - ENTRY; i >= 0 && ids.length < limit; i -= ENTRY) {
          ids.push(value.readUInt32BE(i))
          days.push(at.readUInt32BE(4))
        }
        if (ids.length >= limit) break
      }
      return { ids: Uint32Array.from(ids), days: Uint32Array.from(days) }
    },
    rows: async (ids) => Array.from(ids, (id) => samples.get(key(id))),
    async *byDay() {
      for (const { key: at, value } of userDays.getRange())
        yield { user: at.readUInt32BE(), day: at.readUInt32BE(4), ids: idsIn(value) }
    },
    async profile(user) {
      const row = profiles.get(key(user))
      return row && readProfile(user, row)
    },
    async *profiles() {
      for (const { key: at, value } of profiles.getRange()) yield readProfile(at.readUInt32BE(), value)
    },
    changes: async () => tables.changes(),
    see: async (entries) =>
      root.transactionSync(() => {
        const viewers = readViewers(tables)
        for (const { user, items } of entries) see(tables, viewers, user, items)
        writeViewers(tables, viewers)
      }),
    viewers: async () => Uint32Array.from(readViewers(tables)),
    count: async () => tables.entries(samples),
  }
}

export function idsIn(row: Buffer): Uint32Array {
  const ids = new Uint32Array(row.length / ENTRY)
  for (let i = 0; i < ids.length; i++) ids[i] = row.readUInt32BE(i * ENTRY)
  return ids
}

function add(tables: Tables, { user, stamp, settled, samples: found, sum }: UserSamples): number {
  const { users, dirty } = tables
  if (!users.doesExist(key(user))) return 0
  if (settled && dirty.get(key(user))?.readUInt32BE() === stamp) dirty.removeSync(key(user))
  if (found.length === 0) return 0
  const first = tables.takeSamples(found.length)
  const entries = new Map<number, Buffer[]>()
  found.forEach(({ exposure, day, row }, i) => {
    // Numbers rise, so each row goes to the end of the table, which keeps its file small.
    tables.samples.putSync(key(first + i), Buffer.from(row.buffer, row.byteOffset, row.length))
    const entry = [key(first + i), uuidBytes(exposure)]
    const there = entries.get(day)
    if (there) there.push(...entry)
    else entries.set(day, entry)
  })
  for (const [day, added] of entries) {
    const at = key(user, day)
    tables.userDays.putSync(at, Buffer.concat([tables.userDays.get(at) ?? Buffer.alloc(0), ...added]))
  }
  addToProfile(tables, user, found, sum)
  return found.length
}

function addToProfile(tables: Tables, user: number, found: UserSamples['samples'], sum: Float64Array): void {
  const row = tables.profiles.get(key(user))
  const before = row ? readProfile(user, row) : { samples: 0, clicks: 0, sum: new Float64Array(sum.length) }
  const after = Float64Array.of(
    before.samples + found.length,
    before.clicks + found.filter(({ label }) => label === 1).length,
    ...sum.map((value, i) => value + before.sum[i]!),
  )
  tables.profiles.putSync(key(user), Buffer.from(after.buffer))
  tables.bumpChanges()
}

function readProfile(user: number, row: Buffer): Profile {
  // A copy: lmdb's rows are not aligned for float64.
  const [samples = 0, clicks = 0, ...sum] = new Float64Array(Uint8Array.from(row).buffer)
  return { user, samples, clicks, sum: Float64Array.from(sum) }
}

/** By catalogue position; grows as positions are named. */
function readViewers({ meta }: Tables): number[] {
  return (meta.get(VIEWERS) as number[] | undefined) ?? []
}

function writeViewers({ meta }: Tables, viewers: readonly number[]): void {
  meta.putSync(
    VIEWERS,
    Array.from(viewers, (count) => count ?? 0),
  )
}

function see(tables: Tables, viewers: number[], user: number, items: Iterable<number>): void {
  if (!tables.users.doesExist(key(user))) return
  const row = tables.seen.get(key(user))
  const known = new Set(row ? unpackIds(row) : [])
  const before = known.size
  for (const item of items) {
    if (known.has(item)) continue
    known.add(item)
    viewers[item] = (viewers[item] ?? 0) + 1
  }
  if (known.size > before) tables.seen.putSync(key(user), packIds(known))
}

/** Takes a user's views back; only inside a transaction. */
export function unsee(tables: Tables, user: number): void {
  const row = tables.seen.get(key(user))
  if (!row) return
  const viewers = readViewers(tables)
  for (const item of unpackIds(row)) viewers[item] = Math.max(0, (viewers[item] ?? 0) - 1)
  writeViewers(tables, viewers)
  tables.seen.removeSync(key(user))
}
