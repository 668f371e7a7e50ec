/**
 * How old something of the user's own is, on a device whose clock may stand wrong, run backwards or jump a year ahead and
 * come back. Two witnesses are out of its reach. Ids are made in the order in which things happened (`history.ts`), and the
 * server says with each answer what time it is. So each contact notes how far the ids had come and the server's time, and
 * of whatever bears an id it is known between which contacts it happened:
 *
 *     a sample serves by the age that the device's clock gives it, within what the contacts leave possible;
 *     it goes for its age when the contacts alone say so, which a device without a network never hears.
 *
 * All is UTC: time zones change nothing.
 */
import type { Clock } from '../../../shared/clock.ts'
import { getState, putState, type StateValue } from './state.ts'
import type { Db } from './tables.ts'

/** In the order in which they were; `id` is that of the newest event then, '' where there was none. */
export type Contacts = StateValue<'contacts'>

/** Contacts that are remembered lie this far apart, and the last of all: so ages are at most this much too low … */
const APART_MS = 6 * 3_600_000
/** … and as many of them are remembered: three weeks of daily use, more than anything is kept for. */
const MAX_CONTACTS = 84
/** Answers this close to each other are one contact; one that is older than the last by more means that the server's clock was put back. */
const MOMENT_MS = 60_000

/** Its age by now, ms; below 0 only where no contact was noted yet. */
export function ageOf({ id, at }: { id: string; at: number }, now: number, contacts: Contacts): number {
  const last = contacts.at(-1)
  if (!last) return now - at
  const after = contacts.find((contact) => contact.id >= id)
  const before = contacts.findLast((contact) => contact.id < id)
  const least = after ? last.server - after.server : 0
  const since = Math.max(0, now - last.device)
  const most = before ? last.server - before.server + since : Number.POSITIVE_INFINITY
  return Math.min(Math.max(now - at, least), most)
}

/** The newest id that surely is older than `ms`, and so is all before it; '' where nothing is. */
export function surelyOlder(contacts: Contacts, ms: number): string {
  const last = contacts.at(-1)
  return contacts.findLast(({ server }) => last!.server - server > ms)?.id ?? ''
}

export const contactsOf = async (db: Db): Promise<Contacts> => (await getState(db, 'contacts')) ?? []

/** Whether two answers of the server at these times are one contact. */
export const isSameMoment = (one: number, other: number): boolean => Math.abs(one - other) < MOMENT_MS

/** The server has said that it is `server` (ms) there. */
export async function noteContact(db: Db, clock: Clock, server: number): Promise<void> {
  await db.transaction('rw', db.history, db.state, async () => {
    const contacts = await contactsOf(db)
    if (isSameMoment(server, contacts.at(-1)?.server ?? 0)) return
    const [id = ''] = await db.history.orderBy('id').reverse().limit(1).primaryKeys()
    await putState(db, 'contacts', withContact(contacts, { id, server, device: clock.now() }))
  })
}

function withContact(contacts: Contacts, now: Contacts[number]): Contacts {
  const last = contacts.at(-1)
  if (last && now.server < last.server) return [now] // what it said before says nothing any more
  // Pruned history may end before the newest id that was known.
  const next = last && last.id > now.id ? { ...now, id: last.id } : now
  const base = contacts.at(-2)
  const replaces = base !== undefined && last!.server - base.server < APART_MS
  return [...(replaces ? contacts.slice(0, -1) : contacts), next].slice(-MAX_CONTACTS)
}
