import { IF_EXISTS } from 'lmdb'
import { AppError } from '../../shared/failure.ts'
import { decodeEvent, encodeEvent } from './event-row.ts'
import { eventKey, key } from './keys.ts'
import type { EventLog } from './store.ts'
import type { Tables } from './tables.ts'

/** A stamp that no earlier mark of the user has: they only have to differ. */
export function stamp(): Buffer {
  return key(Math.floor(Math.random() * 2 ** 32))
}

export function createEventLog(tables: Tables): EventLog {
  const { events, users, dirty } = tables
  return {
    async append(user, added) {
      const outcomes: Promise<boolean>[] = []
      // Everything in here happens only if the user still exists when lmdb comes to it, and in one transaction.
      const exists = await users.ifVersion(key(user), IF_EXISTS, () => {
        dirty.put(key(user), stamp())
        for (const event of added) {
          const at = eventKey(user, event.id)
          outcomes.push(events.ifNoExists(at, () => void events.put(at, encodeEvent(event))))
        }
      })
      if (!exists) throw new AppError('unauthorised', 'There is no such user (any more).')
      const accepted = (await Promise.all(outcomes)).filter(Boolean).length
      return { accepted, known: added.length - accepted }
    },
    async of(user) {
      const found = []
      for (const { key: at, value } of events.getRange({ start: key(user), end: key(user + 1) }))
        found.push(decodeEvent(at, value))
      return found
    },
    async dirty() {
      const found = []
      for (const { key: at, value } of dirty.getRange())
        found.push({ user: at.readUInt32BE(), stamp: value.readUInt32BE() })
      return found
    },
    count: async () => tables.entries(events),
  }
}
