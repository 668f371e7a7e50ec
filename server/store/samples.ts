import { refuses } from './consents.ts'
import { key } from './keys.ts'
import { addOwned, countOwned, readOwned, readTags, withoutOwned } from './owned.ts'
import type { AllOwned, Owned, SampleStore, UserSamples } from './ports/samples.ts'
import { addToProfile } from './profiles.ts'
import { createRowCache } from './row-cache.ts'
import {
  blockSizeFor,
  countRows,
  lookAtRow,
  readRow,
  removeRows,
  rowWriter,
  type SampleSlot,
} from './sample-rows.ts'
import type { Tables } from './tables.ts'

const NONE = { first: 0, count: 0 }

export function createSamples(tables: Tables): SampleStore {
  const { root, samples } = tables
  const cache = createRowCache()
  let seen: { slots?: readonly SampleSlot[]; removals?: number } = {}
  return {
    add: async (day, users) =>
      root.transactionSync(() => {
        const rows = users.flatMap((one) => one.samples.map(({ row }) => row))
        const newest = samples.slots().at(-1)?.day ?? 0
        const slot =
          rows.length > 0
            ? samples.take(Math.max(day, newest), tables.nextSample(), blockSizeFor(rows))
            : undefined
        const writer = slot && rowWriter(slot)
        const added = users.map((one) => add(tables, slot, writer, one))
        writer?.flush()
        return added
      }),
    exposures: async (user) => tagsOf(tables, user),
    of: async (user) => ownedBy(tables, user),
    owned: async () => allOwned(samples.slots(), tables),
    remove: async (entries) =>
      root.transactionSync(() =>
        entries.reduce((sum, { user, ids }) => sum + removeSamples(tables, user, new Set(ids)), 0),
      ),
    async rows(ids) {
      const find = finder(samples.slots())
      return Array.from(ids, (id) => {
        const slot = find(id)
        return slot && readRow(slot, id)
      })
    },
    async read(ids, look) {
      const slots = samples.slots()
      const removals = tables.removals()
      // What was kept is as good as the table only as long as nothing goes from that.
      if (slots !== seen.slots || removals !== seen.removals) cache.clear()
      seen = { slots, removals }
      const find = finder(slots)
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        if (cache.find(id, (bytes, from, to) => look(i, bytes, from, to))) continue
        const slot = find(id)
        if (slot)
          lookAtRow(slot, id, (bytes, from, to) => {
            cache.keep(id, bytes, from, to)
            look(i, bytes, from, to)
          })
      }
    },
    next: async () => tables.nextSample(),
    madeSince: async (day) => samples.slots().find((slot) => slot.day >= day)?.first ?? tables.nextSample(),
    dropBefore: async (day) => root.transactionSync(() => samples.dropBefore(day)),
    count: async () => samples.slots().reduce((sum, slot) => sum + countRows(slot), 0),
  }
}

function add(
  tables: Tables,
  slot: SampleSlot | undefined,
  writer: ReturnType<typeof rowWriter> | undefined,
  one: UserSamples,
) {
  const { user, stamp, settled, counted } = one
  const at = key(user)
  if (!tables.users.doesExist(at)) return NONE
  if (settled && tables.dirty.get(at)?.readUInt32BE() === stamp) tables.dirty.removeSync(at)
  if (refuses(tables, user)) return NONE
  const samples = unknown(tables, one)
  if (samples.length > 0 || counted.samples > 0) addToProfile(tables, user, counted)
  if (samples.length === 0 || !slot || !writer) return NONE
  const first = tables.takeSamples(samples.length)
  samples.forEach(({ row }, i) => {
    writer.add(first + i, row)
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

/** The slot that a sample is in, if it is there. */
function finder(slots: readonly SampleSlot[]): (id: number) => SampleSlot | undefined {
  return (id) => {
    let found: SampleSlot | undefined
    for (const slot of slots) if (slot.first <= id) found = slot
    return found
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

/** Removes a user's samples, or those of them that are to go; tells how many there were. Only inside a transaction. */
export function removeSamples(tables: Tables, user: number, gone?: ReadonlySet<number>): number {
  let removed = 0
  tables.noteRemoval()
  for (const slot of tables.samples.slots()) {
    const { owned } = slot.tables
    const row = owned.get(key(user))
    if (!row) continue
    const own: number[] = []
    readOwned(row, slot.day, (id) => {
      if (gone?.has(id) ?? true) own.push(id)
    })
    removed += removeRows(slot, own)
    if (gone) owned.putSync(key(user), withoutOwned(row, gone))
    else owned.removeSync(key(user))
  }
  return removed
}
