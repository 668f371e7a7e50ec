import { refuses } from './consents.ts'
import { key } from './keys.ts'
import { addOwned, countOwned, readOwned, readTags, withoutOwned } from './owned.ts'
import { addToProfile } from './profiles.ts'
import type { Slot } from './ring.ts'
import type { AllOwned, Owned, SampleStore, UserSamples } from './store.ts'
import type { Table, Tables } from './tables.ts'

type SampleSlot = Slot<'rows' | 'owned'>
const NONE = { first: 0, count: 0 }

export function createSamples(tables: Tables): SampleStore {
  const { root, samples } = tables
  return {
    add: async (day, users) =>
      root.transactionSync(() => {
        const newest = samples.slots().at(-1)?.day ?? 0
        const slot = samples.take(Math.max(day, newest), tables.nextSample())!
        return users.map((one) => add(tables, slot, one))
      }),
    exposures: async (user) => tagsOf(tables, user),
    of: async (user) => ownedBy(tables, user),
    owned: async () => allOwned(samples.slots(), tables),
    remove: async (entries) =>
      root.transactionSync(() =>
        entries.reduce((sum, { user, ids }) => sum + remove(tables, user, new Set(ids)), 0),
      ),
    async rows(ids) {
      const find = finder(samples.slots())
      return Array.from(ids, (id) => find(id)?.get(key(id)))
    },
    async read(ids, look) {
      const find = finder(samples.slots())
      const at = key(0)
      for (let i = 0; i < ids.length; i++) {
        at.writeUInt32BE(ids[i]!)
        // lmdb's one buffer for whatever is read next.
        const row = find(ids[i]!)?.getBinaryFast(at)
        if (row) look(i, row, row.length)
      }
    },
    next: async () => tables.nextSample(),
    dropBefore: async (day) => root.transactionSync(() => samples.dropBefore(day)),
    count: async () => samples.slots().reduce((sum, slot) => sum + tables.entries(slot.tables.rows), 0),
  }
}

function add(tables: Tables, slot: SampleSlot, one: UserSamples) {
  const { user, stamp, settled, counted } = one
  const at = key(user)
  if (!tables.users.doesExist(at)) return NONE
  if (settled && tables.dirty.get(at)?.readUInt32BE() === stamp) tables.dirty.removeSync(at)
  if (refuses(tables, user)) return NONE
  const samples = unknown(tables, one)
  if (samples.length > 0 || counted.samples > 0) addToProfile(tables, user, counted)
  if (samples.length === 0) return NONE
  const first = tables.takeSamples(samples.length)
  samples.forEach(({ row }, i) => {
    const bytes = Buffer.from(row.buffer, row.byteOffset, row.length)
    // Numbers rise, so each row goes to the end of the table, which keeps its file small.
    slot.tables.rows.putSync(key(first + i), bytes, { append: true })
  })
  const { owned } = slot.tables
  owned.putSync(at, addOwned(owned.get(at), first, slot.day, samples))
  return { first, count: samples.length }
}

/** Those that have no sample yet. */
function unknown(tables: Tables, { user, samples: added }: UserSamples): UserSamples['samples'] {
  if (added.length === 0) return added
  const known = tagsOf(tables, user)
  return added.filter(({ exposure }) => !known.has(exposure) && known.add(exposure))
}

function tagsOf({ samples }: Tables, user: number): Set<number> {
  const tags = new Set<number>()
  for (const { tables } of samples.slots()) {
    const row = tables.owned.get(key(user))
    if (row) readTags(row, tags)
  }
  return tags
}

/** Where a sample is, if it is there. */
function finder(slots: readonly SampleSlot[]): (id: number) => Table | undefined {
  return (id) => {
    let table: Table | undefined
    for (const { first, tables } of slots) if (first <= id) table = tables.rows
    return table
  }
}

function ownedBy({ samples }: Tables, user: number): Owned {
  const found: { id: number; day: number }[] = []
  for (const { day, tables } of samples.slots()) {
    const row = tables.owned.get(key(user))
    if (row) readOwned(row, day, (id, day) => found.push({ id, day }))
  }
  found.sort((a, b) => a.day - b.day || a.id - b.id)
  return {
    ids: Uint32Array.from(found, ({ id }) => id),
    days: Uint32Array.from(found, ({ day }) => day),
  }
}

function allOwned(slots: readonly SampleSlot[], { users }: Tables): AllOwned {
  const [last] = users.getKeys({ reverse: true, limit: 1 })
  // By user: first how many samples they have, then where their next one goes.
  const ends = new Uint32Array(last ? last.readUInt32BE() + 1 : 0)
  for (const { tables } of slots)
    for (const { key: at, value } of tables.owned.getRange()) ends[at.readUInt32BE()]! += countOwned(value)
  const having = Uint32Array.from(ends.keys()).filter((user) => ends[user]! > 0)
  const starts = new Uint32Array(having.length + 1)
  having.forEach((user, i) => {
    starts[i + 1] = starts[i]! + ends[user]!
    ends[user] = starts[i]!
  })
  const begins = ends.slice()
  const ids = new Uint32Array(starts.at(-1)!)
  const days = new Uint32Array(ids.length)
  for (const { day: made, tables } of slots)
    for (const { key, value } of tables.owned.getRange()) {
      const user = key.readUInt32BE()
      readOwned(value, made, (id, day) => {
        let at = ends[user]!++
        // Most come in the order of their days.
        for (; at > begins[user]! && days[at - 1]! > day; at--) {
          ids[at] = ids[at - 1]!
          days[at] = days[at - 1]!
        }
        ids[at] = id
        days[at] = day
      })
    }
  return { users: having, starts, ids, days }
}

function remove({ samples }: Tables, user: number, gone: ReadonlySet<number>): number {
  let removed = 0
  for (const { tables } of samples.slots()) {
    const row = tables.owned.get(key(user))
    if (!row) continue
    for (const id of gone) if (tables.rows.removeSync(key(id))) removed++
    tables.owned.putSync(key(user), withoutOwned(row, gone))
  }
  return removed
}

/** Removes a user's samples; tells how many. Only inside a transaction. */
export function removeSamples({ samples }: Tables, user: number): number {
  let removed = 0
  for (const { day, tables } of samples.slots()) {
    const row = tables.owned.get(key(user))
    if (!row) continue
    readOwned(row, day, (id) => {
      tables.rows.removeSync(key(id))
      removed++
    })
    tables.owned.removeSync(key(user))
  }
  return removed
}
