/**
 * Background Sync: sends what waits in the outbox when the network is back and no page is open. It holds the lock that tabs
 * hold while they contact the server; and who sends an event again changes nothing, by its id.
 *
 * It only sends. A device that is not registered, or that the server does not know, waits for its next page.
 */
import type { KindredEvent } from '../../shared/event.ts'
import { counted } from '../device/storage/counters.ts'
import { CONTACT_LOCK, DB_NAME } from '../device/storage/names.ts'
import { patienceAsked, silenceLeft } from '../device/tunnel/patience.ts'
import { empty, type Outbox, UPLOADS } from '../device/tunnel/upload.ts'
import type { Locks, Request } from '../platform.ts'

export interface Home {
  readonly indexedDB: IDBFactory
  readonly IDBKeyRange: Pick<typeof IDBKeyRange, 'upperBound'>
  readonly locks: Locks
  fetch(path: string, request: Request): Promise<Response>
  /** ms since 1970. */
  now(): number
  /** In [0, 1). */
  share(): number
}

/** Longest to wait for a tab that contacts the server, and for an answer. */
const TIMEOUT_MS = 30_000
/** The newest version of the database that this code knows (`versions` in `tables.ts`): a newer one is left alone. */
export const KNOWN_VERSION = 3

/**
 * Done when nothing waits that could be sent from here. Rejects where it is worth another try later, which is up to the
 * browser.
 */
export async function syncOutbox(home: Home): Promise<void> {
  await home.locks.request(CONTACT_LOCK, { signal: AbortSignal.timeout(TIMEOUT_MS) }, async () => {
    const db = await open(home.indexedDB)
    if (!db) return
    try {
      await send(db, home)
    } finally {
      db.close()
    }
  })
}

async function send(db: IDBDatabase, { IDBKeyRange: range, fetch, now, share }: Home): Promise<void> {
  const state = await stateOf(db)
  const credential = state.identity?.credential
  if (typeof credential !== 'string') return
  if (silenceLeft(state.silentUntil ?? 0, now()) > 0) throw new Error('The server asked to be left alone.')
  let up = 0
  try {
    await empty(outboxOf(db, range), compress, async (upload) => {
      const headers = { ...upload.headers, authorization: `Bearer ${credential}` }
      const answer = await fetch(UPLOADS, { ...upload, headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
      up += upload.body?.length ?? 0
      const wait = patienceAsked(answer.status, answer.headers, now(), share())
      if (wait !== undefined) await put(db, 'silentUntil', () => Math.ceil(now() + wait))
      if (answer.status >= 400) throw new Refused(answer.status)
      // Anything but our server's word came from something in between.
      const { accepted } = (await answer.json()) as { accepted?: unknown }
      if (!Number.isInteger(accepted)) throw new Error('Something else answered in the place of the server.')
    })
  } catch (error) {
    if (!(error instanceof Refused && error.forGood)) throw error
  } finally {
    await put(db, 'counters', (before) => counted(before, { up, kind: 'events' }))
  }
}

async function compress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** The server said no. */
class Refused extends Error {
  readonly forGood: boolean
  constructor(status: number) {
    super(`The server answered ${status}.`)
    this.forGood = status < 500 && status !== 429
  }
}

interface State {
  readonly identity?: { readonly credential?: unknown }
  readonly silentUntil?: number
  readonly counters?: Parameters<typeof counted>[0]
}

const outboxOf = (db: IDBDatabase, range: Home['IDBKeyRange']): Outbox => ({
  async newest() {
    const cursor = await done(db.transaction('outbox').objectStore('outbox').openKeyCursor(null, 'prev'))
    return cursor?.key as string | undefined
  },
  oldest: (last, limit) =>
    done<KindredEvent[]>(
      db.transaction('outbox').objectStore('outbox').getAll(range.upperBound(last), limit),
    ),
  async delivered(ids) {
    const change = db.transaction(['outbox', 'state'], 'readwrite')
    const outbox = change.objectStore('outbox')
    // A tab may have sent the same ones.
    const there = await Promise.all(ids.map((id) => done(outbox.count(id))))
    for (const id of ids) outbox.delete(id)
    const delivered = there.reduce((sum, one) => sum + one, 0)
    await alter(change, 'counters', (before) => counted(before, { delivered }))
  },
})

async function stateOf(db: IDBDatabase): Promise<State> {
  const rows = await done(db.transaction('state').objectStore('state').getAll())
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
}

const put = <K extends keyof State>(db: IDBDatabase, key: K, next: (before: State[K]) => State[K]) =>
  alter(db.transaction('state', 'readwrite'), key, next)

/** Within `change`; done when that is. */
async function alter<K extends keyof State>(
  change: IDBTransaction,
  key: K,
  next: (before: State[K]) => State[K],
): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    change.oncomplete = () => resolve()
    change.onabort = () => reject(change.error)
  })
  const state = change.objectStore('state')
  state.put({ key, value: next((await done(state.get(key)))?.value) })
  await ended
}

/** The device's database, if there is one that this code knows. */
async function open(factory: IDBFactory): Promise<IDBDatabase | undefined> {
  const asked = factory.open(DB_NAME)
  // Nothing was stored here; and nothing is now.
  asked.onupgradeneeded = () => asked.transaction?.abort()
  const db = await done(asked).catch((error) => {
    if (error?.name !== 'AbortError') throw error
  })
  if (!db) return undefined
  db.onversionchange = () => db.close()
  // Dexie multiplies by ten.
  if (Math.floor(db.version / 10) <= KNOWN_VERSION) return db
  db.close()
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
