/** The user's own events: what is recorded, in which order, and how long it is kept for features. */
import { v7 as uuidv7 } from 'uuid'
import { type Clock, DAY_MS } from '../../../shared/clock.ts'
import { eventSchema, type KindredEvent } from '../../../shared/event.ts'
import { parse } from '../../../shared/failure.ts'
import type { Hyper } from '../../../shared/hyper.ts'
import type { CallInput } from '../../../shared/protocol.ts'
import { contactsOf, surelyOlder } from '../storage/ages.ts'
import type { Db } from '../storage/tables.ts'

type Tracked = CallInput<'track'>['events'][number]

/** Beyond this the older half goes: months of a busy reader, a few MB. */
const MAX_HISTORY = 20_000

/** Milliseconds since the epoch that a UUIDv7 begins with. */
const timeIn = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)

/** Makes ids that sort after each other and after `last`, whatever was done to the clock. */
export function idsAfter(last: string | undefined, clock: Clock): () => string {
  let msecs = last === undefined ? -1 : timeIn(last)
  let seq = -1 // that of `last` is unknown: the next millisecond is surely later
  return () => {
    const now = clock.now()
    if (now > msecs || seq < 0) {
      msecs = Math.max(now, msecs + 1)
      seq = 0
    } else {
      seq++
    }
    return uuidv7({ msecs, seq })
  }
}

/**
 * Records what was tracked, in one durable transaction, for the server and for features. A click is linked to the newest
 * exposure of its item; where there is none, the item was seen all the same, and an exposure goes first.
 */
export async function record(db: Db, clock: Clock, tracked: readonly Tracked[]): Promise<void> {
  await db.transaction('rw', db.outbox, db.history, async () => {
    const [last] = await db.history.orderBy('id').reverse().limit(1).primaryKeys()
    const nextId = idsAfter(last, clock)
    const events: KindredEvent[] = []
    const exposures = new Map<string, string>()
    const add = (event: Record<string, unknown>) => {
      const whole = parse(eventSchema, { id: nextId(), at: clock.now(), ...event }, 'Event')
      events.push(whole)
      if (whole.type === 'exposure') exposures.set(whole.item, whole.id)
      return whole.id
    }
    for (const event of tracked) {
      if (event.type !== 'click') {
        add(event)
        continue
      }
      const { item } = event
      const seen = exposures.get(item) ?? (await newestExposure(db, item)) ?? add({ type: 'exposure', item })
      add({ ...event, exposure: seen })
    }
    await db.outbox.bulkAdd(events)
    await db.history.bulkAdd(events)
  })
}

async function newestExposure(db: Db, item: string): Promise<string | undefined> {
  const events = await db.history.where('item').equals(item).sortBy('id')
  return events.findLast(({ type }) => type === 'exposure')?.id
}

/**
 * Forgets what no feature needs any more: the oldest local sample is t′ days old, and its features look back `clickDays`
 * from there. The newest value of each profile entry stays, however old.
 */
export async function pruneHistory(db: Db, hyper: Hyper): Promise<void> {
  await db.transaction('rw', db.history, db.state, async () => {
    const span = (hyper.clickDays + hyper.localTrainingDays) * DAY_MS
    const old = await db.history
      .where('id')
      .belowOrEqual(surelyOlder(await contactsOf(db), span))
      .primaryKeys()
    const excess = (await db.history.count()) - old.length > MAX_HISTORY ? MAX_HISTORY / 2 : 0
    if (old.length === 0 && excess === 0) return
    const oldest =
      excess === 0
        ? []
        : await db.history
            .orderBy('id')
            .limit(old.length + excess)
            .primaryKeys()
    const profile = await db.history.filter(({ type }) => type === 'profile').sortBy('id')
    const current = new Set(
      new Map(profile.map((event) => [event.type === 'profile' && event.name, event.id])).values(),
    )
    await db.history.bulkDelete([...new Set([...old, ...oldest])].filter((id) => !current.has(id)))
  })
}
