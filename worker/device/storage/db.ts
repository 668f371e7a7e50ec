/** The only file that opens IndexedDB: at this app's version, or not at all. */
import { Dexie } from 'dexie'
import { AppError } from '../../../shared/failure.ts'
import type { CallOutput } from '../../../shared/protocol.ts'
import type { Platform } from '../../platform.ts'
import { getState, putState, type StateValue } from './state.ts'
import { type Db, versions } from './tables.ts'
import { withstand } from './withstand.ts'

type ErasedHere = CallOutput<'forget'>['here']

/** Opens lazily at the newest version; tests pass `upTo` to build yesterday's database. */
export function openDb({ name, indexedDB, IDBKeyRange }: Platform['storage'], upTo = versions.length): Db {
  const db = new Dexie(name, {
    indexedDB: unlessNewer(indexedDB, upTo),
    IDBKeyRange,
    // An acknowledged event, a flipped model and a pulled batch must outlive a power cut; browsers default to `relaxed`.
    chromeTransactionDurability: 'strict',
  }) as Db
  // Nobody here watches queries, and a process has many devices of one name: so nothing of them is cached, and what a
  // transaction changed is neither worked out nor told to all tabs and threads.
  for (const name of ['Cache', 'Observability']) db.unuse({ stack: 'dbcore', name })
  versions.slice(0, upTo).forEach((stores, i) => {
    db.version(i + 1).stores(stores)
  })
  withstand(db)
  const known = () => {
    if (versionIn(db.backendDB().version) > upTo) throw newer()
  }
  db.on('ready', known, true)
  return db
}

/** Ours, of a database's own; in between lie those that Dexie gives where it has to add a missing table. */
const versionIn = (native: number): number => Math.floor(native / 10)

const newer = () => new AppError('version', 'A newer version of Kindred has been here: reload this page.')

/**
 * Dexie opens what a newer app has made, too, and adds to it what it misses there, under a version of its own. That must
 * not be: an app that was rolled back leaves alone what it does not know how to use.
 */
function unlessNewer(factory: Platform['storage']['indexedDB'], upTo: number): typeof factory {
  const open = (name: string, native?: number): unknown => {
    if (native !== undefined && versionIn(native) > upTo) throw newer()
    return native === undefined ? factory.open(name) : factory.open(name, native)
  }
  return new Proxy(factory, {
    get(target, key) {
      if (key === 'open') return open
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/**
 * Everything that the device knows, gone at once; `owed` is what it has yet to ask of the server. That the user does not
 * share holds for who they are from now on. Tells what there was.
 */
export async function eraseAll(db: Db, owed: StateValue<'owed'>): Promise<ErasedHere> {
  return db.transaction('rw', db.tables, async () => {
    const [events, local, matched, models, rounds] = await Promise.all(
      [db.history, db.local, db.matched, db.models, db.journal].map((table) => table.count()),
    )
    const sharing = await getState(db, 'sharing')
    await Promise.all(db.tables.map((table) => table.clear()))
    if (sharing?.on === false) await putState(db, 'sharing', { on: false, told: false })
    if (owed.length > 0) await putState(db, 'owed', owed)
    return { events: events!, samples: local! + matched!, models: models!, rounds: rounds! }
  })
}
