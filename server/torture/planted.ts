/**
 * Bugs planted on purpose, by a wrapper between the device and its platform: mistakes that are easily made, and that no
 * run without faults would show. A simulator that does not find them finds nothing.
 */
import type { Platform, Request } from '../../worker/platform.ts'
import type { Trainer } from '../../worker/trainer/job.ts'
import type { Plant } from './browser.ts'
import type { Invariant } from './invariants.ts'

export interface Planted {
  /** What somebody did wrong. */
  readonly bug: string
  readonly plant: Plant
  /** What must come of it; any of these. */
  readonly breaks: readonly Invariant[]
}

export const PLANTED: readonly Planted[] = [
  {
    bug: 'writes are not synced to the disk before they are acknowledged',
    plant: storing((transaction) => (names, mode) => transaction(names, mode, { durability: 'relaxed' })),
    breaks: ['counted-once', 'used-once', 'young-stays', 'm0', 'half-model', 'serves-offline'],
  },
  {
    bug: 'a model and its hash are written in two transactions',
    plant: storing(inTwoTransactions),
    breaks: ['half-model'],
  },
  {
    bug: 'a commit overwrites the backup, too',
    plant: storing(withBackup),
    breaks: ['m0'],
  },
  {
    bug: 'samples that were used are not removed',
    plant: storing((transaction) => (names, mode, options) => {
      const made = transaction(names, mode, options)
      if (names.includes('matched'))
        intercept(made, (store) => store.name === 'matched' && { delete: () => store.count() })
      return made
    }),
    breaks: ['used-once', 'limits'],
  },
  {
    bug: 'the outbox is emptied before the server has acknowledged',
    plant: {
      platform: (platform) => ({
        ...platform,
        async fetch(path: string, request: Request) {
          const { fetch } = platform
          if (path !== '/api/events') return fetch(path, request)
          void fetch(path, { ...request, signal: new AbortController().signal }).catch(() => {})
          return Response.json({ accepted: 1, known: 0 }, { status: 202 })
        },
      }),
    },
    breaks: ['counted-once'],
  },
  {
    bug: 'what the server could not be told to forget is not noted',
    plant: storing((transaction) => (names, mode, options) => {
      const made = transaction(names, mode, options)
      intercept(made, (store) => {
        const put = store.put.bind(store)
        return (
          store.name === 'state' && { put: (row: Row) => (row.key === 'owed' ? store.count() : put(row)) }
        )
      })
      return made
    }),
    breaks: ['owed'],
  },
  {
    bug: 'a page that sees track fail calls it once more',
    plant: {
      device: (device) => ({
        ...device,
        track: (input, signal) => device.track(input, signal).catch(() => device.track(input, signal)),
      }),
    },
    breaks: ['counted-once'],
  },
  {
    bug: 'a round trains on a sample twice',
    plant: {
      platform: (platform) => ({ ...platform, spawnTrainer: () => repeating(platform.spawnTrainer()) }),
    },
    breaks: ['used-once'],
  },
  {
    bug: 'the device asks the server before it serves',
    plant: {
      device: (device, platform) => ({
        ...device,
        async start() {
          await new Promise((resolve) => {
            const ask = () => void device.contact().then(resolve, () => platform.after(60_000, ask))
            ask()
          })
          await device.start()
        },
      }),
    },
    breaks: ['serves-offline'],
  },
]

// ── Between Dexie and IndexedDB ───────────────────────────────────────────────────────────────────────────────────

type Names = readonly string[]
type Mode = 'readonly' | 'readwrite' | 'versionchange'
interface Store {
  readonly name: string
  put(row: Row): unknown
  count(): unknown
}
type Row = { readonly slot?: string; readonly name?: string; readonly key?: string }
interface Transaction {
  objectStore(name: string): Store
  addEventListener(type: 'complete', listener: () => void): void
}
type Begin = (names: Names, mode: Mode, options?: object) => Transaction

/** Every connection begins its transactions as `wrap` says. */
function storing(wrap: (transaction: Begin) => Begin): Plant {
  return {
    platform(platform) {
      const { indexedDB } = platform.storage
      const open = (...args: unknown[]) => {
        const request = indexedDB.open(...args)
        request.addEventListener('success', () => {
          const connection = request.result as { transaction: Begin }
          connection.transaction = wrap(connection.transaction.bind(connection))
        })
        return request
      }
      const storage = { ...platform.storage, indexedDB: { ...indexedDB, open } }
      return { ...platform, storage } satisfies Platform
    },
  }
}

/** The stores of a transaction, with some of their methods replaced. */
function intercept(transaction: Transaction, change: (store: Store) => object | false): void {
  const objectStore = transaction.objectStore.bind(transaction)
  transaction.objectStore = (name) => {
    const store = objectStore(name)
    return Object.assign(store, change(store) || {})
  }
}

/** Whatever is put into the slot M is put into M0 as well. */
function withBackup(transaction: Begin): Begin {
  return (names, mode, options) => {
    const made = transaction(names, mode, options)
    intercept(made, (store) => {
      const put = store.put.bind(store)
      return {
        put(row: Row) {
          if (row.slot === 'M') put({ ...row, slot: 'M0' })
          return put(row)
        },
      }
    })
    return made
  }
}

/** What is put into `blobs` follows when the transaction that it belongs to is over. */
function inTwoTransactions(transaction: Begin): Begin {
  return (names, mode, options) => {
    const made = transaction(names, mode, options)
    if (mode !== 'readwrite' || !names.includes('blobs') || !names.includes('models')) return made
    const late: Row[] = []
    intercept(made, (store) => {
      if (store.name !== 'blobs') return false
      return {
        put(row: Row) {
          late.push(row)
          return store.count()
        },
      }
    })
    made.addEventListener('complete', () => {
      const blobs = transaction(['blobs'], 'readwrite', options).objectStore('blobs')
      for (const row of late) blobs.put(row)
    })
    return made
  }
}

/** Gives the trainer the last row of what it trains on once more, in the place of the first. */
function repeating(trainer: Trainer): Trainer {
  return {
    ...trainer,
    run(job, watch) {
      const given = job.samples.filtered
      if (!given || given.batch.size < 2) return trainer.run(job, watch)
      const { batch } = given
      const width = batch.dense.length / batch.size
      const dense = batch.dense.slice()
      dense.copyWithin(0, dense.length - width)
      const labels = batch.labels.slice()
      labels.copyWithin(0, labels.length - 1)
      const filtered = { ...given, batch: { ...batch, dense, labels } }
      return trainer.run({ ...job, samples: { ...job.samples, filtered } }, watch)
    },
  }
}
