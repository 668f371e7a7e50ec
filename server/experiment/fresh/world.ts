/**
 * Globo.com's readers as a live service meets them: a past, which is imported, and days to come, hour by hour. The clock is
 * the log's, moved so that days begin at midnight in Brasília.
 */
import { DAY_MS } from '../../../shared/clock.ts'
import type { KindredEvent } from '../../../shared/event.ts'
import { AppError } from '../../../shared/failure.ts'
import { seeded } from '../../../shared/random.ts'
import { fileAt } from '../../sources/files.ts'
import { survey } from '../../sources/globo.ts'
import {
  eventsOf,
  type Impression,
  impressions,
  MIDNIGHT_MS,
  type Reader,
} from '../../sources/globo-impressions.ts'
import type { Session } from '../../sources/globo-log.ts'
import type { Source, UserEvents } from '../../sources/source.ts'
import { stamps } from '../../sources/timeline.ts'
import { assign, lotOf } from './buckets.ts'

/** Clicks in the past that make a reader one who can be judged: before ten, a device does not train (`hyper.minClicks`). */
const KNOWN_CLICKS = 10
const CHUNK = 20_000

export interface WorldOptions {
  /** Folder of the log, or the file. */
  readonly path: string
  /** Days that are replayed: the last so many of the log. */
  readonly days: number
  /** Readers that there are, about; a hash draws them, and articles are read and counted by all the others too. */
  readonly readers: number
  readonly arms: readonly string[]
  /** Users judged in each arm, at most. */
  readonly users: number
  /** Others that a click is judged among. */
  readonly among: number
  readonly seed: number
}

export interface World {
  /** What happened before `start`. */
  readonly past: Source
  /** When the replay begins, and after which day it ends, ms. */
  readonly start: number
  readonly end: number
  /** The arm of each user who is judged. */
  readonly arms: ReadonlyMap<string, string>
  /** Of all readers of the log, the share that this world has. */
  readonly share: number
  /** Of the past, by reader: how many clicks, and when the last was. */
  readonly activity: ReadonlyMap<number, Activity>
  /** What those who are judged did in the past, once that was read. */
  lived(user: number): readonly KindredEvent[]
  /** Those of an hour after the other, from `start` on, of this world's readers; judged users have an exam with each. */
  hours(): AsyncGenerator<{ readonly at: number; readonly impressions: readonly Impression[] }>
}

export interface Activity {
  readonly clicks: number
  readonly last: number
}

export const HOUR_MS = 3_600_000

/** Reads the log once. Throws `bad-input` where it is too short, or nobody can be judged. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const { path, days, seed, arms, users, among } = options
  const file = await fileAt(path, 'clicks.csv')
  const clicks = createClicks()
  const { catalogue, end: last } = await survey(file, clicks.add)
  const known = clicks.extent(last)
  // A day of which the log has less than half is none.
  const finish = Math.round((known.last - MIDNIGHT_MS) / DAY_MS) * DAY_MS
  const start = finish - days * DAY_MS
  if (start <= known.first - MIDNIGHT_MS)
    throw new AppError('bad-input', `The log has no past before its last ${days} days.`)
  const share = Math.min(1, options.readers / known.users)
  const isHere = remembered((user) => lotOf('reader', `${user}`) < share)
  const active = clicks.before(start + MIDNIGHT_MS, isHere)
  const judged = assign(
    [...active].filter(([, { clicks }]) => clicks >= KNOWN_CLICKS).map(([user]) => `${user}`),
    arms,
    users,
  )
  if (judged.size === 0)
    throw new AppError('bad-input', `No reader has ${KNOWN_CLICKS} clicks before the days that are replayed.`)

  const isJudged = (user: number) => judged.has(`${user}`)
  /** Of the whole log, by the clock of this world, with the same chance at each call. */
  async function* all(until: number): AsyncGenerator<Impression> {
    const wanted = (user: number, at: number) => at - MIDNIGHT_MS >= start && isJudged(user)
    const exam = { among, wanted }
    for await (const some of impressions(file, {
      end: Math.min(last, until + MIDNIGHT_MS - 1),
      seed,
      exam,
    })) {
      for (const one of some) if (isHere(one.user)) yield { ...one, at: one.at - MIDNIGHT_MS }
      if (some.at(-1) && some.at(-1)!.at - MIDNIGHT_MS >= until) return
    }
  }
  const lived = new Map<string, readonly KindredEvent[]>()
  const past: Source = {
    name: 'globo',
    schema: 'globo',
    catalogue,
    async *users() {
      lived.clear()
      for await (const some of chunked(all(start), seed)) {
        const { user, events } = some
        if (judged.has(user)) lived.set(user, [...(lived.get(user) ?? []), ...events])
        yield some
      }
    },
  }
  return {
    past,
    start,
    end: finish,
    arms: judged,
    share,
    activity: active,
    lived: (user) => lived.get(`${user}`) ?? [],
    async *hours() {
      let at = start
      let hour: Impression[] = []
      for await (const one of all(finish)) {
        if (one.at < start) continue
        for (; one.at >= at + HOUR_MS; at += HOUR_MS, hour = []) yield { at, impressions: hour }
        hour.push(one)
      }
      for (; at < finish; at += HOUR_MS, hour = []) yield { at, impressions: hour }
    },
  }
}

/** A reader of whom nothing is known yet. */
export const newReader = (user: number): Reader => ({ stamp: stamps('globo', `${user}`), device: -1 })

async function* chunked(all: AsyncGenerator<Impression>, seed: number): AsyncGenerator<UserEvents> {
  const random = seeded(seed)
  const readers = new Map<number, Reader>()
  let parts = new Map<number, UserEvents>()
  let held = 0
  for await (const one of all) {
    const reader = readers.get(one.user) ?? newReader(one.user)
    readers.set(one.user, reader)
    const part = parts.get(one.user) ?? { user: `${one.user}`, events: [] }
    parts.set(one.user, part)
    const events = eventsOf(reader, random, one, one.at)
    part.events.push(...events)
    held += events.length
    if (held < CHUNK) continue
    yield* parts.values()
    parts = new Map()
    held = 0
  }
  yield* parts.values()
}

/** The log names each reader again and again. */
function remembered(find: (user: number) => boolean): (user: number) => boolean {
  const known = new Map<number, boolean>()
  return (user) => {
    const found = known.get(user) ?? find(user)
    known.set(user, found)
    return found
  }
}

/** Who clicked when, in the log's order and by its own clock. */
function createClicks() {
  const users: number[] = []
  const times: number[] = []
  return {
    add({ user, clicks }: Session): void {
      for (const { at } of clicks) {
        users.push(user)
        times.push(at)
      }
    },
    /** How many readers there are, and when the first and the last click was, up to `end`. */
    extent(end: number) {
      const all = new Set<number>()
      let [first, last] = [Number.POSITIVE_INFINITY, 0]
      for (const [i, at] of times.entries()) {
        if (at > end) continue
        all.add(users[i]!)
        first = Math.min(first, at)
        last = Math.max(last, at)
      }
      return { users: all.size, first, last }
    },
    before(time: number, isHere: (user: number) => boolean): Map<number, Activity> {
      const found = new Map<number, Activity>()
      for (const [i, at] of times.entries()) {
        const user = users[i]!
        if (at >= time || !isHere(user)) continue
        const { clicks, last } = found.get(user) ?? { clicks: 0, last: 0 }
        found.set(user, { clicks: clicks + 1, last: Math.max(last, at - MIDNIGHT_MS) })
      }
      return found
    },
  }
}
