/** The embedded store: lmdb in one folder. */
import { parse } from '../../shared/failure.ts'
import { eraseUser, resumeErasures } from './erase.ts'
import { createEventLog } from './events.ts'
import { createImports } from './imports.ts'
import { createMappings } from './mappings.ts'
import { createSamples } from './samples.ts'
import type { Store } from './store.ts'
import { openTables } from './tables.ts'
import { createUsers } from './users.ts'

/** Opens, or makes, the store in the folder `path`; each thread of a process opens its own. */
export function openStore(path: string): Store {
  const tables = openTables(path)
  const { root, meta } = tables
  return {
    users: createUsers(tables),
    events: createEventLog(tables),
    imports: createImports(tables),
    samples: createSamples(tables),
    mappings: createMappings(tables),
    meta: {
      async get(key, schema) {
        const value = meta.get(key)
        return value === undefined ? undefined : parse(schema, value, `The stored ${key}`)
      },
      async put(key, value) {
        await meta.put(key, value)
      },
      async remove(key) {
        await meta.remove(key)
      },
    },
    erase: async (user) => eraseUser(tables, user),
    resumeErasures: async () => resumeErasures(tables),
    refresh: () => root.resetReadTxn(),
    close: () => root.close(),
  }
}
