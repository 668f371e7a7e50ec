/**
 * The IndexedDB of one simulated browser: fake-indexeddb, each of whose tasks is a step, and whose tabs may die or lose
 * their connection in the middle of a transaction. What has been committed can be read past the device's own code.
 */
import { forceCloseDatabase, IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { DB_NAME } from '../../worker/device/storage/names.ts'
import type { Platform } from '../../worker/platform.ts'
import type { Faults } from './faults.ts'
import type { Owner, Schedule } from './schedule.ts'

/** What of fake-indexeddb's insides is needed here; its version is exact. */
export interface RawStore {
  records: { values(): Iterable<{ value: unknown }>; size(): number }
  clear(rollback?: (() => void)[]): void
}
export interface RawDatabase {
  readonly rawObjectStores: Map<string, RawStore>
  connections: RawConnection[]
  transactions: RawTransaction[]
}
export interface RawConnection {
  readonly _rawDatabase: RawDatabase
  _closed: boolean
  _closePending: boolean
  close(): void
  dispatchEvent(event: object): boolean
}
export interface RawTransaction {
  readonly db: RawConnection
  readonly mode: 'readonly' | 'readwrite' | 'versionchange'
  readonly durability: 'default' | 'strict' | 'relaxed'
  readonly _scope: ReadonlySet<string>
  readonly _rollbackLog: (() => void)[]
  readonly _state: 'active' | 'inactive' | 'committing' | 'finished'
  _abort(name: string | null): void
}
interface RawFactory {
  readonly _databases: Map<string, RawDatabase>
  readonly _connectionQueues: Map<string, Promise<void>>
  open(name: string, version?: number): EventTarget
  databases(): Promise<unknown>
}

/** A write that was committed: which tab did it, and which tables it could touch. */
export interface Commit {
  readonly tab: Owner
  readonly tables: ReadonlySet<string>
}

export interface SimStorage {
  readonly browser: Owner
  forTab(tab: Owner): Platform['storage']
  /** What is stored in a table now, as the rows that they are. */
  rows<T>(table: string): T[]
  /** The tab's transactions are rolled back and its connections closed; none of its events is heard any more. */
  drop(tab: Owner): void
  /** A power cut: what was committed without `strict` is gone, too. */
  cutPower(): void
  /** The platform closes the tab's connection, as when WebKit's database process ends. */
  disconnect(tab: Owner): void
  /** All of it is gone, or one table of it. */
  evict(table?: string): void
  /** A bit of some stored bytes is another, and nobody is told; gives the bytes that it was in. */
  rot(): Uint8Array | undefined
  readonly tables: readonly string[]
}

/** How the storage of a simulation hears of what fake-indexeddb does; `realm.ts` sees to it that it does. */
export interface StorageHooks {
  task(work: () => void): void
  /** Before a transaction's next request or its commit; says what it is to be aborted with. */
  strike(transaction: RawTransaction): string | undefined
  /** Whether there is no room for what is being written. */
  full(): boolean
  committed(transaction: RawTransaction): void
}

/** Whose connection it is, and in which storage. */
export const tabOf = new WeakMap<object, Owner>()
export const hooksOf = new WeakMap<object, StorageHooks>()

const CRASHES = ['tab-crash', 'browser-kill', 'power-cut'] as const

interface StorageDeps {
  readonly schedule: Schedule
  readonly faults: Faults
  readonly onCommit: (commit: Commit) => void
  /** Ends the tab, or all of them. */
  readonly onCrash: (kind: (typeof CRASHES)[number], tab: Owner) => void
  /** Hears that everything is gone, or one table. */
  readonly onEvicted: (table: string | undefined) => void
}

/** The platform's own way to close a connection, of which it tells. */
const close = forceCloseDatabase as unknown as (connection: RawConnection) => void

export function createSimStorage(
  name: string,
  { schedule, faults, onCommit, onCrash, onEvicted }: StorageDeps,
): SimStorage {
  const { random } = schedule
  const browser: Owner = { name: `${name}/storage`, state: 'live' }
  let factory = new IDBFactory() as unknown as RawFactory
  /** Undoes what a power cut would lose, oldest first. */
  let unsynced: (() => void)[] = []
  let last = 0

  const hooks: StorageHooks = {
    // One queue for all tabs: a database does one thing after the other.
    task(work) {
      const delay = faults.strikes('slow-storage', 0.01) ? random.below(3000) : random.below(4) === 0 ? 1 : 0
      last = Math.max(last, schedule.now() + delay)
      schedule.at(last - schedule.now(), browser, '', work)
    },
    strike({ mode, db }) {
      crashMaybe(db)
      if (mode === 'versionchange' || tabOf.get(db)?.state === 'dead') return undefined
      if (faults.strikes('transaction-aborted', 0.004)) return 'AbortError'
      if (mode === 'readwrite' && faults.strikes('quota', 0.004)) return 'QuotaExceededError'
      if (faults.strikes('connection-closed', 0.002)) {
        const tab = tabOf.get(db)!
        schedule.at(0, browser, `${tab.name} loses its connection`, () => storage.disconnect(tab))
      }
      return undefined
    },
    full: () => faults.strikes('quota', 0.01),
    committed({ mode, durability, db, _scope, _rollbackLog }) {
      if (mode === 'versionchange' || durability === 'strict') unsynced = []
      else unsynced.push(..._rollbackLog)
      onCommit({ tab: tabOf.get(db)!, tables: _scope })
      // What was committed stays, though the tab never hears of it.
      crashMaybe(db)
    },
  }
  /** Any of a database's tasks may be the last that a tab lives to see. */
  function crashMaybe(db: RawConnection): void {
    const tab = tabOf.get(db)!
    if (tab.state === 'dead') return
    const kind = CRASHES.find((kind) => faults.strikes(kind, 0.001))
    if (kind) onCrash(kind, tab)
  }
  hooksOf.set(browser, hooks)

  const database = () => factory._databases.get(DB_NAME)
  const connectionsOf = (tab: Owner) => database()?.connections.filter((one) => tabOf.get(one) === tab) ?? []
  const openTransactions = (wanted: (transaction: RawTransaction) => boolean) =>
    database()?.transactions.filter((one) => one._state !== 'finished' && wanted(one)) ?? []

  /** What the browser does by itself is a step of its own, and not of the tab that it happens to. */
  function browserDoes(work: () => void): void {
    const before = schedule.current()
    schedule.enter(browser)
    work()
    schedule.enter(before)
  }
  let opening = 0

  const storage: SimStorage = {
    browser,
    forTab: (tab) => ({
      name: DB_NAME,
      IDBKeyRange,
      indexedDB: {
        open(...args: [string, number?]) {
          hooksOf.set(tab, hooks)
          // A dead tab's request is heard by nobody, in a storage that nobody else has.
          if (tab.state === 'dead') return new EventTarget()
          const request = factory.open(...args)
          tabOf.set(request, tab)
          opening++
          for (const end of ['success', 'error']) request.addEventListener(end, () => void opening--)
          return request
        },
        // Dexie keeps names of databases in one of its own where the platform cannot list them.
        databases: () => factory.databases(),
      } as Platform['storage']['indexedDB'],
    }),

    rows<T>(table: string) {
      const store = database()?.rawObjectStores.get(table)
      return store ? [...store.records.values()].map(({ value }) => value as T) : []
    },

    drop(tab) {
      browserDoes(() => {
        for (const transaction of openTransactions(({ db }) => tabOf.get(db) === tab))
          transaction._abort(null)
        for (const connection of connectionsOf(tab)) connection.close()
      })
    },

    cutPower() {
      for (const undo of unsynced.reverse()) undo()
      unsynced = []
    },

    disconnect(tab) {
      browserDoes(() => {
        const connections = connectionsOf(tab)
        for (const transaction of openTransactions(({ db }) => connections.includes(db)))
          transaction._abort('AbortError')
        // Chromium says so, WebKit does not.
        const silent = random.below(2) === 0
        for (const connection of connections) silent ? connection.close() : close(connection)
      })
    },

    evict(table) {
      // A connection that is being made would lead to what no longer exists, where a browser makes it wait.
      if (opening > 0) return void schedule.at(50, browser, '', () => storage.evict(table))
      browserDoes(() => {
        for (const transaction of openTransactions(() => true)) transaction._abort('AbortError')
        unsynced = []
        if (table !== undefined) return database()?.rawObjectStores.get(table)?.clear()
        for (const connection of [...(database()?.connections ?? [])]) close(connection)
        factory = new IDBFactory() as unknown as RawFactory
      })
      onEvicted(table)
    },

    rot() {
      const [blob] = random.shuffle(storage.rows<{ bytes: Uint8Array }>('blobs'))
      if (!blob?.bytes.length) return undefined
      // In a copy: whoever watches still has what it was.
      const bytes = Uint8Array.from(blob.bytes)
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
      blob.bytes = bytes
      return bytes
    },

    get tables() {
      return [...(database()?.rawObjectStores.keys() ?? [])]
    },
  }
  return storage
}
