import { IF_EXISTS } from 'lmdb'
import { AppError } from '../../shared/failure.ts'
import { decodeEvent, encodeEvent, eventTime } from './event-row.ts'
import { eventKey, key } from './keys.ts'
import type { EventLog } from './ports/events.ts'
import { marksIn } from './profiles.ts'
import type { Table, Tables } from './tables.ts'

/** A stamp that no earlier mark of the user has: they only have to differ. */
export function stamp(): Buffer {
  return key(Math.floor(Math.random() * 2 ** 32))
}

export function createEventLog(tables: Tables): EventLog {
  const { root, events, users, dirty } = tables
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
    dirty: async () => marksIn(dirty),
    expire: async (at, from, limit) =>
      root.transactionSync(() => {
        let removed = 0
        for (let user = from, looked = 1; ; user++, looked++) {
          const [first] = events.getKeys({ start: key(user), limit: 1 })
          if (!first) return { removed, next: undefined }
          user = first.readUInt32BE()
          const old = before(events, user, at, limit - removed)
          for (const one of old) events.removeSync(one)
          removed += old.length
          if (removed >= limit) return { removed, next: user }
          if (removed + looked >= limit) return { removed, next: user + 1 }
        }
      }),
    count: async () => tables.entries(events),
  }
}

/**
 * Keys of a user's first events that happened before `at`. Ids are made on devices and may lie about the time: then an
 * event goes when those before it have gone.
 */
function before(events: Table, user: number, at: number, limit: number): Buffer[] {
  const found: Buffer[] = []
  for (const { key: one, value } of events.getRange({ start: key(user), end: key(user + 1) })) {
    if (found.length >= limit || eventTime(value) >= at) break
    found.push(one)
  }
  return found
}
