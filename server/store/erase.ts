/** What is to be forgotten goes in one transaction, and costs what there is of it: other users' mappings are not looked at. */
import { removeRange } from './imports.ts'
import { key } from './keys.ts'
import { removeMappings } from './mappings.ts'
import { removeProfile } from './profiles.ts'
import { removeSamples } from './samples.ts'
import type { Store } from './store.ts'
import type { Tables } from './tables.ts'
import { decodeUser, removeDevices } from './users.ts'
import { unsee } from './viewers.ts'

export const eraseUser = (tables: Tables, user: number): Awaited<ReturnType<Store['erase']>> =>
  tables.root.transactionSync(() => {
    const at = key(user)
    const row = tables.users.get(at)
    if (!row) return undefined
    const { name } = decodeUser(row)
    if (name !== null) tables.names.removeSync(name)
    removeDevices(tables, user)
    const events = removeRange(tables.events, at, key(user + 1))
    const samples = removeShared(tables, user)
    const mappings = removeMappings(tables, user)
    for (const table of [tables.users, tables.consents, tables.dirty]) table.removeSync(at)
    return { events, samples, mappings }
  })

export const withdrawUser = (tables: Tables, user: number): Awaited<ReturnType<Store['withdraw']>> =>
  tables.root.transactionSync(() =>
    tables.users.doesExist(key(user)) ? { samples: removeShared(tables, user) } : undefined,
  )

/** Tells how many samples it were. */
function removeShared(tables: Tables, user: number): number {
  removeProfile(tables, user)
  unsee(tables, user)
  return removeSamples(tables, user)
}
