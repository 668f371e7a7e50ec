/** The embedded store: lmdb in one folder. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from '../../shared/failure.ts'
import { createConsents } from './consents.ts'
import { createDeviceFacts } from './device-facts.ts'
import { eraseUser, withdrawUser } from './erase.ts'
import { createEventLog } from './events.ts'
import { createImports } from './imports.ts'
import { createLedger } from './ledger.ts'
import { createMappings } from './mappings.ts'
import { createProfiles } from './profiles.ts'
import { createSamples } from './samples.ts'
import type { Store } from './store.ts'
import { createSums } from './sums.ts'
import { openTables, statsOf } from './tables.ts'
import { createUsers } from './users.ts'
import { createViewers } from './viewers.ts'

/** Opens, or makes, the store in the folder `path`; each thread of a process opens its own. */
export function openStore(path: string): Store {
  const tables = openTables(path)
  const { root, meta } = tables
  return {
    users: createUsers(tables),
    consents: createConsents(tables),
    events: createEventLog(tables),
    imports: createImports(tables, join(path, 'importing')),
    samples: createSamples(tables),
    profiles: createProfiles(tables),
    viewers: createViewers(tables),
    mappings: createMappings(tables),
    ledger: createLedger(tables),
    deviceFacts: createDeviceFacts(tables),
    sums: createSums(tables),
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
    withdraw: async (user) => withdrawUser(tables, user),
    sizes: async () =>
      [...tables.named].map(([name, table]) => {
        const { pageSize, entryCount, ...pages } = statsOf(table)
        const used = pages.treeBranchPageCount + pages.treeLeafPageCount + pages.overflowPages
        return { name, rows: entryCount, bytes: used * pageSize }
      }),
    async backup(to) {
      mkdirSync(to)
      await root.backup(to, true)
    },
    refresh: () => root.resetReadTxn(),
    close: () => root.close(),
  }
}
