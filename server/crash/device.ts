/**
 * A device as the server meets it: it uploads what it has seen until that is acknowledged, pulls what is listed for it,
 * and at last leaves. It remembers what it was told, and finds out at once where it is told otherwise.
 */
import { acceptedSchema, type BatchList, batchListSchema, registrationSchema } from '../../shared/api.ts'
import { type Clock, DAY_MS } from '../../shared/clock.ts'
import type { KindredEvent } from '../../shared/event.ts'
import type { Random } from '../../shared/random.ts'
import { eventIds } from '../sources/timeline.ts'
import type { Book } from './findings.ts'
import { createGiven, type Departures } from './given.ts'
import { see, thingOf } from './world.ts'

export interface Told {
  readonly mark: number
  /** Its name at the server, once it was told. */
  device?: string
  readonly sent: ReadonlyMap<string, KindredEvent>
  /** Ids of events that an answer has said are on disk. */
  readonly acknowledged: ReadonlySet<string>
  /** Whether the server was asked to erase it, and has said that it did. */
  leaving: 'no' | 'asked' | 'gone'
  /** Likewise whether others may have its samples. */
  sharing: boolean | 'no longer'
}

export interface Device extends Told {
  /** One contact; done when it was answered, or cannot be any more. */
  visit(url: string): Promise<void>
  /** Pulls again what it was given in the last days: it must be what it was. */
  compare(url: string): Promise<void>
  /** From now on its visits have one aim. */
  leave(): void
  /** The next visit takes back the consent to share samples. */
  stopSharing(): void
  /** Brings what waits to the server, or has itself erased if that was its aim. */
  deliver(url: string): Promise<void>
  /** Whether nothing waits. */
  delivered(): boolean
  /** Up to `most` ms, as its own seed says. */
  pause(most: number): number
}

/** Why a visit ends early: the server is not there, or has no time. */
class NotNow extends Error {}

export interface DeviceDeps {
  readonly mark: number
  readonly clock: Clock
  readonly random: Random
  readonly book: Book
  readonly departures: Departures
}

export function createDevice({ mark, clock, random, book, departures }: DeviceDeps): Device {
  const sent = new Map<string, KindredEvent>()
  const acknowledged = new Set<string>()
  /** What a request was made with that was not answered: the server may have it. */
  const tried = new Set<string>()
  let outbox: KindredEvent[] = []
  let credential: string | undefined
  const id = eventIds('device', `${mark}`)
  const given = createGiven(mark, { book, departures })
  const broken = (what: string) => book.breach('broken', `device ${mark}: ${what}`)

  async function ask(url: string, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...init.headers, ...(credential && { authorization: `Bearer ${credential}` }) }
    let response: Response
    try {
      response = await fetch(`${url}${path}`, { ...init, headers })
      // Read here: it may break off in the middle.
      const body = await response.arrayBuffer()
      response = new Response(body.byteLength > 0 ? body : null, response)
    } catch (cause) {
      book.count('unanswered')
      throw new NotNow('', { cause })
    }
    if (response.status === 429 || response.status === 503) throw new NotNow()
    if (response.status >= 500) {
      broken(`${init.method ?? 'GET'} ${path} is answered with ${response.status}`)
      throw new NotNow()
    }
    return response
  }

  /** The server does not know this device: right only where it was asked to erase it. */
  function refused(response: Response): boolean {
    if (response.status !== 401) return false
    if (self.leaving === 'no') broken(`is not known to the server any more`)
    else depart()
    throw new NotNow()
  }

  /** From the moment of the answer on, no sample of this device may be served. */
  const departed = () => void departures.set(mark, { gone: clock.now() })
  const departing = () => {
    if (!departures.has(mark)) departures.set(mark, { gone: Number.POSITIVE_INFINITY })
  }

  function depart(): void {
    self.leaving = 'gone'
    departed()
  }

  async function register(url: string): Promise<void> {
    const response = await ask(url, '/api/devices', { method: 'POST' })
    const identity = registrationSchema.parse(await response.json())
    credential = identity.credential
    self.device = identity.device
    book.count('devices')
  }

  async function erase(url: string): Promise<void> {
    if (credential === undefined) return depart()
    const response = await ask(url, '/api/me', { method: 'DELETE' })
    if (refused(response)) return
    if (response.status !== 200) return broken(`is not erased: ${response.status}`)
    book.count('erased')
    depart()
  }

  async function withdraw(url: string): Promise<void> {
    const body = JSON.stringify({ sharing: false })
    const response = await ask(url, '/api/me/consent', { method: 'PUT', body })
    if (refused(response)) return
    if (response.status !== 200) return broken(`cannot take back its consent: ${response.status}`)
    self.sharing = false
    book.count('withdrawn')
    departed()
  }

  /** A lost answer must lock nobody out: then it goes on with the old one. */
  async function renew(url: string): Promise<void> {
    const response = await ask(url, '/api/me/credential', { method: 'POST' })
    if (refused(response)) return
    if (response.status !== 200) return broken(`gets no other credential: ${response.status}`)
    credential = registrationSchema.parse(await response.json()).credential
    book.count('renewed')
  }

  function browse(): void {
    for (let left = 1 + random.below(6); left > 0; left--)
      outbox.push(...see(thingOf(mark, random), mark % 3, clock.now(), id, random))
    for (const event of outbox) sent.set(event.id, event)
  }

  async function upload(url: string): Promise<void> {
    // Sometimes again what was acknowledged before, as if that had not been heard.
    const again = random.below(4) === 0 ? [...sent.values()].slice(-outbox.length - 5, -outbox.length) : []
    const events = [...again, ...outbox.slice(0, 1 + random.below(60))]
    const before = new Set([...tried, ...acknowledged])
    for (const { id } of events) tried.add(id)
    const response = await ask(url, '/api/events', { method: 'POST', body: JSON.stringify({ events }) })
    if (refused(response)) return
    if (response.status !== 202) return broken(`its upload is answered with ${response.status}`)
    const { accepted, known } = acceptedSchema.parse(await response.json())
    book.count('uploads')
    const fresh = events.filter(({ id }) => !before.has(id)).length
    const told = events.filter(({ id }) => acknowledged.has(id)).length
    if (accepted + known !== events.length) broken(`${events.length} events count as ${accepted} + ${known}`)
    if (accepted < fresh) book.breach('doubled', `device ${mark}: new events are said to be known`)
    if (known < told) book.breach('lost', `device ${mark}: acknowledged events are said to be new`)
    book.count('stored though unanswered', Math.max(0, known - told))
    for (const { id } of events) {
      tried.delete(id)
      if (!acknowledged.has(id)) book.count('acknowledged')
      acknowledged.add(id)
    }
    outbox = outbox.filter(({ id }) => !acknowledged.has(id))
  }

  async function list(url: string): Promise<BatchList | undefined> {
    const response = await ask(url, '/api/batches')
    if (refused(response)) return undefined
    const found = batchListSchema.parse(await response.json())
    book.count('lists')
    given.list(found)
    return found
  }

  async function pull(url: string, day: number, n: number): Promise<void> {
    const begun = clock.now()
    const response = await ask(url, `/api/batches/${day}/${n}`)
    if (refused(response)) return
    if (response.status !== 200) return broken(`batch ${day}/${n} is answered with ${response.status}`)
    book.count('pulls')
    given.take(day, n, Buffer.from(await response.arrayBuffer()), { begun, ended: clock.now() })
  }

  const unless = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof NotNow)) throw error
    }
  }

  const self: Device = {
    mark,
    sent,
    acknowledged,
    leaving: 'no',
    sharing: true,
    visit: (url) =>
      unless(async () => {
        if (self.leaving === 'gone') return
        if (self.leaving === 'asked') return erase(url)
        if (credential === undefined) await register(url)
        if (self.sharing === 'no longer') await withdraw(url)
        if (random.below(12) === 0) await renew(url)
        browse()
        await upload(url)
        if (random.below(2) > 0) return
        const found = await list(url)
        for (let left = found?.count ? 3 : 0; found && left > 0; left--)
          await pull(url, found.day, random.below(found.count))
      }),
    compare: (url) =>
      unless(async () => {
        const today = Math.floor(clock.now() / DAY_MS)
        // What is older may have reached its age.
        for (const { day, n } of given.newest(4))
          if (self.leaving === 'no' && day === today) await pull(url, day, n)
      }),
    leave() {
      if (self.leaving !== 'no') return
      self.leaving = 'asked'
      departing()
    },
    stopSharing() {
      if (self.sharing !== true) return
      self.sharing = 'no longer'
      departing()
    },
    deliver: (url) =>
      unless(async () => {
        if (self.leaving === 'asked') return erase(url)
        if (self.sharing === 'no longer') await withdraw(url)
        if (outbox.length > 0) await upload(url)
      }),
    delivered: () =>
      self.leaving === 'no' ? outbox.length === 0 && self.sharing !== 'no longer' : self.leaving === 'gone',
    pause: (most) => random.below(most),
  }
  return self
}
