/** Bugs planted on purpose: mistakes that are easily made, and that nobody notices until a server is killed. */
import { existsSync, mkdirSync, readFileSync, truncateSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../cloud/cloud.ts'
import { openStore } from '../store/lmdb.ts'
import { openTables } from '../store/tables.ts'

export interface Plant {
  /** What becomes of the data folder before it is opened. */
  readonly before?: (dataDir: string) => Promise<void>
  /** What stands in the place of the cloud. */
  readonly cloud?: (cloud: Cloud, dataDir: string) => Cloud
}

/** So long after the answer it is done, ms. */
const LATE_MS = 30
const later = (work: () => Promise<unknown>) => void setTimeout(() => void work().catch(() => {}), LATE_MS)

export const PLANTED: Readonly<Record<string, Plant>> = {
  'events are acknowledged before they are on disk': {
    cloud: (cloud) => ({
      ...cloud,
      async ingest(user, events) {
        later(() => cloud.ingest(user, events))
        return { accepted: events.length, known: 0 }
      },
    }),
  },
  'an erasure is confirmed before it is done': {
    cloud: (cloud) => ({
      ...cloud,
      async erase(user) {
        later(() => cloud.erase(user))
        return { events: 0, samples: 0, mappings: 0 }
      },
    }),
  },
  'an index is named before all of it is written': {
    cloud(cloud, dataDir) {
      const folder = join(dataDir, 'index')
      mkdirSync(folder, { recursive: true })
      const written = new Set<string | null>()
      watch(folder, (_, name) => {
        if (!name?.endsWith('.graph') || written.has(name) || !existsSync(join(folder, name))) return
        written.add(name)
        const path = join(folder, name)
        const whole = readFileSync(path)
        truncateSync(path, whole.length >> 1)
        setTimeout(() => existsSync(path) && writeFileSync(path, whole), LATE_MS)
      })
      return cloud
    },
  },
  'what is left of an import that was cut off is taken for whole': {
    async before(dataDir) {
      const tables = openTables(join(dataDir, 'store'))
      tables.undo.clearSync()
      tables.meta.removeSync('importing')
      await tables.root.close()
    },
  },
  'batches are made anew after each start': {
    async before(dataDir) {
      const store = openStore(join(dataDir, 'store'))
      await store.mappings.dropBefore(1e9)
      await store.close()
    },
  },
}
