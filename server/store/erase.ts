import { removeRange } from './imports.ts'
import { key, packIds, unpackIds } from './keys.ts'
import { removeMappings, scrub } from './mappings.ts'
import { idsIn, unsee } from './samples.ts'
import type { Store } from './store.ts'
import type { Tables } from './tables.ts'
import { decodeUser } from './users.ts'

type Erasure = Awaited<ReturnType<Store['erase']>>

/**
 * First, in one transaction, all that is the user's own; a note of their samples stays. Then the samples leave other
 * users' mappings, and the note goes.
 */
export function eraseUser(tables: Tables, user: number): Erasure {
  const own = tables.root.transactionSync(() => eraseOwn(tables, user))
  if (!own) return undefined
  const { ids, events, mappings } = own
  return { events, samples: ids.length, mappings: mappings + finish(tables, user, ids) }
}

/** Completes erasures that were cut off. */
export function resumeErasures(tables: Tables): void {
  for (const { key: at, value } of [...tables.erasing.getRange()])
    finish(tables, at.readUInt32BE(), unpackIds(value))
}

function finish(tables: Tables, user: number, ids: Iterable<number>): number {
  const removed = scrub(tables, new Set(ids))
  tables.erasing.removeSync(key(user))
  return removed
}

function eraseOwn(tables: Tables, user: number) {
  const at = key(user)
  const row = tables.users.get(at)
  if (!row) return undefined
  tables.names.removeSync(decodeUser(row).name)
  tables.users.removeSync(at)
  const days = [...tables.userDays.getRange({ start: at, end: key(user + 1) })]
  const ids = days.flatMap(({ value }) => [...idsIn(value)])
  for (const id of ids) tables.samples.removeSync(key(id))
  for (const day of days) tables.userDays.removeSync(day.key)
  const events = removeRange(tables.events, at, key(user + 1))
  const mappings = removeMappings(tables, user)
  unsee(tables, user)
  for (const table of [tables.profiles, tables.dirty]) table.removeSync(at)
  tables.bumpChanges()
  tables.erasing.putSync(at, packIds(ids))
  return { ids, events, mappings }
}
