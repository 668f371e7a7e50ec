import { AppError } from '../../shared/failure.ts'
import { encodeEvent } from './event-row.ts'
import { stamp } from './events.ts'
import { key, uuidBytes } from './keys.ts'
import { nameRow, userOfName } from './names.ts'
import type { Import, Imports } from './ports/events.ts'
import { createSpill, removeSpill, type Spill, type Spilt } from './spill.ts'
import type { Table, Tables } from './tables.ts'
import { decodeUser, encodeUser } from './users.ts'

const OPEN = 'importing'
/** Rows that one transaction takes back. */
const CHUNK = 20_000

/**
 * Users come in as they are named, events set aside (`spill.ts`) until all are there. An import is taken back by what it
 * noted: a new user, with all that is theirs, or an event that it gave to an old user, or to one who got a device meanwhile.
 * So hardly anything is written twice, and memory does not grow with the source. `path` is a folder of its own.
 */
export function createImports(tables: Tables, path: string): Imports {
  const { root, meta, undo } = tables
  async function recover(): Promise<void> {
    removeSpill(path)
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
      const spill = createSpill(path)
      let users = 0
      return {
        async add(entries) {
          users += root.transactionSync(() => spillOver(tables, spill, entries))
        },
        rollback: recover,
        async commit(name, value, heard = async () => {}) {
          let events = 0
          let done = 0
          for (const some of spill.read()) {
            events += root.transactionSync(() => addEvents(tables, some))
            for (const { events } of some) done += events.length
            await heard(done, spill.count)
          }
          root.transactionSync(() => {
            meta.putSync(name, value)
            undo.clearSync()
            meta.removeSync(OPEN)
          })
          spill.remove()
          return { users, events }
        },
      }
    },
  }
}

/** Makes users of new names, and sets the events aside; tells how many users are new. */
function spillOver(tables: Tables, spill: Spill, entries: Parameters<Import['add']>[0]): number {
  let made = 0
  for (const { user: name, events } of entries) {
    const known = userNamed(tables, name)
    if (known.made) made++
    for (const event of events) spill.add(known.user, uuidBytes(event.id), encodeEvent(event))
  }
  return made
}

/** Adds what is not there yet; tells how many events. */
function addEvents({ events, dirty, undo }: Tables, users: readonly Spilt[]): number {
  let added = 0
  for (const { user, events: spilt } of users) {
    const at = key(user)
    const fresh = undo.doesExist(at)
    for (const { id, row } of spilt) {
      const place = Buffer.concat([at, id])
      // A new user has none but those of this import, whose ids rise.
      if (!fresh && events.doesExist(place)) continue
      events.putSync(place, row)
      if (!fresh) undo.putSync(place, Buffer.alloc(0))
      added++
    }
    dirty.putSync(at, stamp())
  }
  return added
}

function userNamed(tables: Tables, source: string): { user: number; made: boolean } {
  const { names, users, undo } = tables
  const known = userOfName(tables, source)
  if (known !== undefined) return { user: known, made: false }
  const name = nameRow(source)
  const user = tables.nextUser()
  tables.putNextUser()
  names.putSync(name, user)
  users.putSync(key(user), encodeUser({ name, since: 0 }))
  undo.putSync(key(user), Buffer.alloc(0))
  return { user, made: true }
}

/** Whether an import that is under way has made this user. */
export const isBeingImported = ({ undo }: Tables, user: number): boolean => undo.doesExist(key(user))

/**
 * The user stays, whatever becomes of the import: what it gave them so far is noted event by event, as for an old user. Only
 * inside the transaction that gives them a device.
 */
export function keepUser({ events, undo }: Tables, user: number): void {
  const given = [...events.getKeys({ start: key(user), end: key(user + 1) })]
  for (const place of given) undo.putSync(place, Buffer.alloc(0))
  undo.removeSync(key(user))
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
      const name = row && decodeUser(row).name
      if (name) names.removeSync(name)
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
