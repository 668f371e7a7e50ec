import { AppError } from '../../shared/failure.ts'
import { encodeEvent } from './event-row.ts'
import { stamp } from './events.ts'
import { eventKey, key } from './keys.ts'
import type { Import, Imports } from './store.ts'
import type { Table, Tables } from './tables.ts'
import { decodeUser, encodeUser } from './users.ts'

const OPEN = 'importing'
/** Rows that one transaction takes back. */
const CHUNK = 20_000

/**
 * An import is visible while it goes on, and is taken back by what it noted: a new user, with all that is theirs, or an
 * event that it gave to an old user. So nothing is written twice, and memory does not grow with the source.
 */
export function createImports(tables: Tables): Imports {
  const { root, meta, undo } = tables
  async function recover(): Promise<void> {
    // Each step removes the notes that it has acted on: it can be cut off, and go on later.
    while (tables.entries(undo) > 0) root.transactionSync(() => takeBack(tables))
    root.transactionSync(() => void meta.removeSync(OPEN))
  }
  return {
    recover,
    open: async () => meta.get(OPEN) !== undefined,
    async begin(): Promise<Import> {
      if (meta.get(OPEN) !== undefined) throw new AppError('not-ready', 'Another import is under way.')
      meta.putSync(OPEN, true)
      return {
        add: async (entries) => root.transactionSync(() => add(tables, entries)),
        rollback: recover,
        async commit(name, value) {
          root.transactionSync(() => {
            meta.putSync(name, value)
            undo.clearSync()
            meta.removeSync(OPEN)
          })
        },
      }
    },
  }
}

function add(tables: Tables, entries: Parameters<Import['add']>[0]): { users: number; events: number } {
  const { events, dirty, undo } = tables
  const counts = { users: 0, events: 0 }
  for (const { user: name, events: added } of entries) {
    const { user, made } = userNamed(tables, name)
    if (made) counts.users++
    const fresh = made || undo.doesExist(key(user))
    for (const event of added) {
      const at = eventKey(user, event.id)
      if (events.doesExist(at)) continue
      events.putSync(at, encodeEvent(event))
      if (!fresh) undo.putSync(at, Buffer.alloc(0))
      counts.events++
    }
    dirty.putSync(key(user), stamp())
  }
  return counts
}

function userNamed(tables: Tables, source: string): { user: number; made: boolean } {
  const { names, users, undo } = tables
  const name = `import:${source}`
  const known = names.get(name)
  if (known !== undefined) return { user: known, made: false }
  const user = tables.nextUser()
  tables.putNextUser()
  names.putSync(name, user)
  users.putSync(key(user), encodeUser({ name, since: 0 }))
  undo.putSync(key(user), Buffer.alloc(0))
  return { user, made: true }
}

function takeBack(tables: Tables): void {
  const { events, users, names, dirty, undo } = tables
  let room = CHUNK
  for (const note of [...undo.getKeys({ limit: CHUNK })]) {
    if (note.length === 4) {
      const user = note.readUInt32BE()
      room -= removeRange(events, key(user), key(user + 1), room)
      if (room <= 0) return
      const row = users.get(note)
      if (row) names.removeSync(decodeUser(row).name)
      users.removeSync(note)
      dirty.removeSync(note)
    } else {
      events.removeSync(note)
      room--
    }
    undo.removeSync(note)
    if (room <= 0) return
  }
}

/** Removes the rows in [start, end), `limit` at most; tells how many. */
export function removeRange(table: Table, start: Buffer, end: Buffer, limit?: number): number {
  const keys = [...table.getKeys({ start, end, ...(limit !== undefined && { limit }) })]
  for (const at of keys) table.removeSync(at)
  return keys.length
}
