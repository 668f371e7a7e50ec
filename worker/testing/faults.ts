/** A storage that fails on purpose. */
import type { DBCore, DBCoreTable } from 'dexie'
import type { Db } from '../device/storage/tables.ts'

/** The kinds of operations that a storage does. */
export type Operation = 'mutate' | 'get' | 'getMany' | 'query' | 'openCursor' | 'count'

export interface Faults {
  /** Throws in place of the operation if it is to fail. Called before each one, in order. */
  before: (operation: Operation, table: string) => void
  /** Operations so far. */
  readonly done: number
  /** Whether an operation came after the last that `killAfter` lets pass. */
  killed: boolean
}

/** Puts faults under everything that `db` does; call it before the database is first used. */
export function withFaults(db: Db): Faults {
  const faults = { before: (_: Operation, __: string): void => {}, done: 0, killed: false }
  const failing =
    <Ask, Answer>(operation: Operation, table: string, ask: (request: Ask) => Promise<Answer>) =>
    async (request: Ask) => {
      faults.done++
      faults.before(operation, table)
      return ask(request)
    }
  const create = (core: DBCore): DBCore => ({
    ...core,
    table(name) {
      const table: DBCoreTable = core.table(name)
      return {
        ...table,
        mutate: failing('mutate', name, table.mutate),
        get: failing('get', name, table.get),
        getMany: failing('getMany', name, table.getMany),
        query: failing('query', name, table.query),
        openCursor: failing('openCursor', name, table.openCursor),
        count: failing('count', name, table.count),
      }
    },
  })
  // Below everything of ours, as a browser's own storage is.
  db.use({ stack: 'dbcore', name: 'faults', level: 1, create })
  return faults
}

/** From now on `more` operations are done; then the process is gone, as far as its storage can tell. */
export function killAfter(faults: Faults, more: number): void {
  const last = faults.done + more
  faults.before = () => {
    if (faults.done <= last) return
    faults.killed = true
    throw new Error('The process was killed.')
  }
}

/** What browsers throw when … */
export const lostConnection = () =>
  new DOMException(
    'Connection to Indexed Database server lost. Refresh the page to try again',
    'UnknownError',
  )
export const noRoom = () => new DOMException('The quota has been exceeded.', 'QuotaExceededError')
