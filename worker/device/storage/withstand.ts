/**
 * What browsers do to a database behind its user's back, and what is done about it. A connection that is lost (WebKit drops
 * it while a tab sleeps) is opened anew, and what was under way begins again, once. Where there is no room left, what the
 * server can give again goes first, and what was under way begins again, once. Everything else is told.
 */
import { type DBCore, type DBCoreTable, Dexie, type Transaction } from 'dexie'
import { AppError } from '../../../shared/failure.ts'
import type { Db } from './tables.ts'

/** The base of all that Dexie throws; its types leave it out. */
const { DexieError } = Dexie as unknown as { DexieError: new () => Error & { inner?: unknown } }

/** The error and those that it came from. */
function* causes(error: unknown): Generator<Error> {
  for (let next = error; next instanceof Error; next = (next as { inner?: unknown }).inner) yield next
}

const isFull = (error: unknown): boolean =>
  [...causes(error)].some(({ name, message }) => name === 'QuotaExceededError' || /quota/i.test(message))

/** `InvalidStateError` where Chromium closed it, `UnknownError` where WebKit's database process ended. */
const isLost = (error: unknown): boolean =>
  [...causes(error)].some(
    ({ name, message }) =>
      ['InvalidStateError', 'UnknownError', 'DatabaseClosedError'].includes(name) ||
      /connection .*(lost|clos)/i.test(message),
  )

/** Turns what the storage throws into a `storage` failure; anything else passes. */
export function asFailure(error: unknown): unknown {
  if (!(error instanceof DexieError)) return error
  for (const cause of causes(error)) if (cause instanceof AppError) return cause
  const what = isFull(error)
    ? 'This device has no room left'
    : 'What is stored on this device could not be used'
  // Dexie repeats the cause on a line of its own.
  const [message] = error.message.split('\n')
  return new AppError('storage', `${what} (${error.name}: ${message}).`, { cause: error })
}

/**
 * Makes every transaction of `db` withstand what is said above. The work of a transaction must therefore be such that it can
 * begin again: it touches nothing but the database. Single reads and writes are not repeated, but find it open again.
 */
export function withstand(db: Db): void {
  const reopen = () => db.close({ disableAutoOpen: false })
  // One that was closed on purpose stays closed.
  const wasLost = (error: unknown) => isLost(error) && !db.hasBeenClosed()

  db.use({ stack: 'dbcore', name: 'withstand', create: (core) => noticing(core, wasLost, reopen) })

  const plain = db.transaction.bind(db) as (...args: unknown[]) => Promise<unknown>
  const begun = async (...args: unknown[]): Promise<unknown> => {
    try {
      return await telling(plain, args)
    } catch (error) {
      if (isFull(error) && args[0] === 'rw') await makeRoom(db, plain)
      else if (wasLost(error)) reopen()
      else throw error
      return telling(plain, args)
    }
  }
  // One within another is part of it, and begins again with it.
  const wrapped = (...args: unknown[]) => (Dexie.currentTransaction ? plain(...args) : begun(...args))
  db.transaction = wrapped as unknown as Db['transaction']
}

/** Begins a transaction. Requests of one that is aborted only say that it was: why, the transaction knows. */
async function telling(
  begin: (...args: unknown[]) => Promise<unknown>,
  args: readonly unknown[],
): Promise<unknown> {
  const scope = args.at(-1) as (transaction: Transaction) => unknown
  let native: { readonly error: unknown } | undefined
  try {
    return await begin(...args.slice(0, -1), async (transaction: Transaction) => {
      native = transaction.idbtrans
      return scope(transaction)
    })
  } catch (error) {
    if (error instanceof DexieError && isFull(native?.error)) error.inner = native?.error
    throw error
  }
}

/** The same, with each lost connection noticed. */
function noticing(core: DBCore, wasLost: (error: unknown) => boolean, reopen: () => void): DBCore {
  const watched =
    <Ask, Answer>(ask: (request: Ask) => Promise<Answer>) =>
    (request: Ask) =>
      ask(request).catch((error: unknown) => {
        // Not now: the transaction that fails has to end first.
        if (wasLost(error)) queueMicrotask(reopen)
        throw error
      })
  return {
    ...core,
    table(name) {
      const table: DBCoreTable = core.table(name)
      return {
        ...table,
        mutate: watched(table.mutate),
        get: watched(table.get),
        getMany: watched(table.getMany),
        query: watched(table.query),
        openCursor: watched(table.openCursor),
        count: watched(table.count),
      }
    },
  }
}

/**
 * Lets go half of what the server can give again: matched samples that the classifier has not seen, newest first, since the
 * older are nearer in taste, and the embedding rows that were needed longest ago.
 */
async function makeRoom(db: Db, transaction: (...args: unknown[]) => Promise<unknown>): Promise<void> {
  await transaction('rw', db.matched, db.rows, async () => {
    const unscored = await db.matched.where('state').equals('unscored').reverse().sortBy('order')
    const matched = unscored.slice(0, Math.ceil(unscored.length / 2)).map(({ id }) => id)
    const rows = await db.rows.orderBy('used').primaryKeys()
    await db.matched.bulkDelete(matched)
    await db.rows.bulkDelete(rows.slice(0, Math.ceil(rows.length / 2)))
  })
}
