/** The cloud's part of a day: events → samples → user vectors → index → neighbours → batches. */
import * as z from 'zod'
import { dayOf } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import { MATCHING } from '../../shared/hyper.ts'
import type { Matches } from '../store/ports/mappings.ts'
import { keptFrom } from './mapping.ts'
import type { Matcher, Memory } from './matcher.ts'
import { needPopulation } from './population.ts'
import { breathe, type Watch } from './progress.ts'
import type { Room } from './room.ts'

/** The note of what was prepared, in the meta store. */
export const PREPARED = 'prepared'
const preparedSchema = z.strictObject({
  day: z.int().min(0),
  /** The number that the next sample had then. */
  next: z.int().min(0),
})
/** Users whose neighbours are looked up at once, … */
const CHUNK = 512
/** … and whose batches one transaction writes, about. */
const WRITTEN = 4096
/** Rows of the event log that one transaction goes through. */
const SWEEP = 20_000

export interface Prepared {
  readonly day: number
  /** Users who have a vector, and so can be neighbours. */
  readonly users: number
  /** Samples that were made. */
  readonly samples: number
  /** Users who got batches. */
  readonly mapped: number
  /** Share of the nearest users that the index found for some of them; 1 where it did not change. */
  readonly recall: number
  /** Seconds that each stage took. */
  readonly seconds: Readonly<Record<'opening' | 'sweeping' | 'making' | 'indexing' | 'matching', number>>
}

/** The day that was last prepared. */
export const preparedDay = async ({ store }: Pick<Room, 'store'>): Promise<number | undefined> =>
  (await store.meta.get(PREPARED, preparedSchema))?.day

/**
 * Prepares the day of `now`. What is done already is not done again, so it may be stopped and repeated at will. Batches are
 * made for those who can pull them, the users with a device, or for `everyone` who has a vector: the first time for all of
 * them, and later for those who were there since the last time. Who was away is matched when they come back.
 */
export async function prepare(
  room: Room,
  matcher: Matcher,
  { now, everyone = false }: { now: number; everyone?: boolean },
  watch: Watch,
): Promise<Prepared> {
  const { store, hyper } = room
  await needPopulation(store)
  if (await store.imports.open())
    throw new AppError('not-ready', 'An import is under way: its samples can be made when it is whole.')
  const day = dayOf(now, hyper.dayMs)
  const lap = stopwatch()
  const memory = (await matcher.memory(now))!
  const opening = lap()
  await dropOld(room, now, watch)
  const sweeping = lap()
  const { samples } = await matcher.freshen(now, watch)
  const making = lap()
  watch.progress({ stage: 'Indexing users', done: 0, total: 1 })
  const recall = await memory.index.publish()
  await memory.restock(now)
  watch.progress({ stage: 'Indexing users', done: 1, total: 1 })
  const indexing = lap()
  const next = await store.samples.next()
  const mapped = await mapDay(room, memory, now, everyone, watch)
  const matching = lap()
  await store.meta.put(PREPARED, { day, next })
  const { count: users } = memory.index.neighbours
  return { day, users, samples, mapped, recall, seconds: { opening, sweeping, making, indexing, matching } }
}

function stopwatch(): () => number {
  let last = performance.now()
  return () => {
    const before = last
    last = performance.now()
    return (last - before) / 1000
  }
}

/** What is older than it may be: events, samples, matches. */
async function dropOld({ store, hyper }: Room, now: number, { signal }: Watch): Promise<void> {
  const day = dayOf(now, hyper.dayMs)
  await store.samples.dropBefore(keptFrom(day))
  await store.mappings.dropBefore(Math.max(0, day - MATCHING.days + 1))
  const before = Math.max(0, now - MATCHING.keepEvents * hyper.dayMs)
  await store.sums.dropBefore(dayOf(before, hyper.dayMs))
  for (let from: number | undefined = 0; from !== undefined; await breathe(signal))
    from = (await store.events.expire(before, from, SWEEP)).next
}

async function mapDay(
  room: Room,
  memory: Memory,
  now: number,
  everyone: boolean,
  { progress, signal }: Watch,
): Promise<number> {
  const { store, hyper, privacy } = room
  const day = dayOf(now, hyper.dayMs)
  const { index, mapper } = memory
  // Who stands elsewhere each time they come is matched then.
  if (mapper.anew && !everyone) return 0
  const users = await toMap(room, memory, day, everyone)
  let mapped = 0
  let entries: ({ user: number } & Matches)[] = []
  for (let at = 0; at < users.length; at += CHUNK) {
    // Whoever was erased a moment ago is in no index any more, and another index may have been built.
    const { neighbours } = index
    const chunk = users.subarray(at, at + CHUNK).filter((user) => neighbours.has(user))
    const near = neighbours.nearestTo(chunk, Math.ceil(privacy.widen * hyper.neighbours))
    for (const [i, user] of chunk.entries()) {
      const matches = await mapper.first(user, near[i]!, now)
      if (matches) entries.push({ user, ...matches })
    }
    if (entries.length >= WRITTEN || at + CHUNK >= users.length) {
      mapped += await store.mappings.put(day, entries)
      entries = []
    }
    progress({ stage: 'Matching', done: at + chunk.length, total: users.length })
    await breathe(signal)
  }
  return mapped
}

/** Users who have a vector, and no batches of the day yet. */
async function toMap(
  { store }: Room,
  { index, stock }: Memory,
  day: number,
  everyone: boolean,
): Promise<Uint32Array> {
  const { next = 0 } = (await store.meta.get(PREPARED, preparedSchema)) ?? {}
  const { starts, ends, samples } = stock
  /** The newest sample comes first. */
  const wasHere = (user: number) => ends[user]! > starts[user]! && samples[starts[user]!]! >= next
  const devices = new Set(everyone ? [] : await store.users.devices())
  const found: number[] = []
  for (const user of index.neighbours.users()) {
    if (next > 0 && !wasHere(user)) continue
    if (!everyone && !(devices.has(user) && (await hasTaste(store, user)))) continue
    if ((await store.mappings.count(user, day)) === 0) found.push(user)
  }
  return Uint32Array.from(found)
}

const hasTaste = async ({ profiles }: Room['store'], user: number): Promise<boolean> =>
  ((await profiles.of(user))?.clicks ?? 0) >= MATCHING.minClicks
