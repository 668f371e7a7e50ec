/**
 * A source, cut in two by time: what each user did up to now, which everybody may learn from, and what they did after, which
 * is judged and which nobody is told of.
 *
 * Virtual clock: users come and go at times of their own, but a server has one now. So all times of a user are moved by one
 * and the same amount, such that the user's past ends `QUIET_MS` before now: long enough for every exposure in it to be
 * settled. What lies between events stays what it was, and ids are made anew for the new times.
 */
import type { KindredEvent } from '../../shared/event.ts'
import { AppError } from '../../shared/failure.ts'
import type { Source, UserEvents } from '../sources/source.ts'
import { eventIds, QUIET_MS } from '../sources/timeline.ts'

/** Share of a user's exposures that is their past. */
export const PAST = 0.8

/** One user's events, in the order of their ids; those of the future follow those of the past. */
export interface Life {
  readonly user: string
  /** From 1, in the order of the source. */
  readonly number: number
  readonly past: readonly KindredEvent[]
  /** Begins with an exposure. Empty where a user has too few of them to be cut in two. */
  readonly future: readonly KindredEvent[]
}

/** Test users were never looked at while something was chosen. */
export const GROUPS = ['test', 'validation', 'all'] as const
export type Group = (typeof GROUPS)[number]

/** Every third user is for tests. */
export const isIn = (group: Group, { number }: Pick<Life, 'number'>): boolean =>
  group === 'all' || (number % 3 === 0) === (group === 'test')

/** Who is judged: the first `users` of the group that have a future. */
export async function* judged(
  lives: AsyncIterable<Life>,
  { group, users }: { group: Group; users: number },
): AsyncGenerator<Life> {
  let left = users
  for await (const life of lives) {
    if (left === 0) return
    if (life.future.length === 0 || !isIn(group, life)) continue
    left--
    yield life
  }
}

export interface SplitOptions {
  readonly now: number
  /** The first so many users of the source; default all. */
  readonly population?: number | undefined
}

export interface Split {
  /** What the server knows. */
  readonly past: Source
  /** Everybody, and the same ones at each call. */
  lives(): AsyncIterable<Life>
}

/** Throws `bad-input`, while it is read, for a source where a user comes again after others. */
export function splitInTime(
  source: Source,
  { now, population = Number.POSITIVE_INFINITY }: SplitOptions,
): Split {
  async function* lives(): AsyncGenerator<Life> {
    let number = 0
    for await (const { user, events } of whole(source)) {
      if (++number > population) return
      yield { user, number, ...cut(moved(source.name, user, events, now)) }
    }
  }
  async function* users(): AsyncGenerator<UserEvents> {
    for await (const { user, past } of lives()) if (past.length > 0) yield { user, events: [...past] }
  }
  return { past: { ...source, users }, lives }
}

/** The pieces of each user as one. Throws `bad-input` where a user comes again after others. */
export async function* whole(source: Source): AsyncGenerator<UserEvents> {
  const seen = new Set<string>()
  let open: UserEvents | undefined
  for await (const { user, events } of source.users()) {
    if (open?.user === user) open.events.push(...events)
    else {
      if (open) yield open
      if (seen.has(user))
        throw new AppError(
          'bad-input',
          `User ${user} comes again after others: ${source.name} cannot be cut.`,
        )
      seen.add(user)
      open = { user, events: [...events] }
    }
  }
  if (open) yield open
}

/** Where the future begins. */
function cutAt(events: readonly KindredEvent[]): number {
  const shown = [...events.keys()].filter((i) => events[i]!.type === 'exposure')
  return shown[Math.floor(PAST * shown.length)] ?? 0
}

function cut(events: readonly KindredEvent[]): Pick<Life, 'past' | 'future'> {
  const at = cutAt(events)
  return at === 0 ? { past: events, future: [] } : { past: events.slice(0, at), future: events.slice(at) }
}

function moved(source: string, user: string, events: readonly KindredEvent[], now: number): KindredEvent[] {
  const last = events[(cutAt(events) || events.length) - 1]
  if (!last) return []
  const by = now - QUIET_MS - last.at
  const nextId = eventIds(source, user)
  const ids = new Map<string, string>()
  return events.map((event) => {
    const at = event.at + by
    const id = nextId(at)
    ids.set(event.id, id)
    return event.type === 'click'
      ? { ...event, id, at, exposure: ids.get(event.exposure) ?? event.exposure }
      : { ...event, id, at }
  })
}
