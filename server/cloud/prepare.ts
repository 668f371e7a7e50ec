/** The cloud's part of a day: events → samples → user vectors → index → neighbours → batches. */
import * as z from 'zod'
import { dayOf } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import { MATCHING } from '../../shared/hyper.ts'
import { layoutOf, slotOf } from '../../shared/schema.ts'
import type { Profile } from '../store/store.ts'
import { batchesOf, recentOf } from './batches.ts'
import type { Neighbours } from './matching.ts'
import { freshIndex } from './neighbours.ts'
import { needPopulation } from './population.ts'
import { breathe, type Watch } from './progress.ts'
import type { Room } from './room.ts'
import { generate } from './samples.ts'
import { isZero, vectorOf } from './vectors.ts'

const PREPARED = 'prepared'
const preparedSchema = z.strictObject({ day: z.int().min(0) })
/** Users whose neighbours are looked up at once. */
const CHUNK = 256

export interface Prepared {
  readonly day: number
  /** Users who have a vector, and so can be neighbours. */
  readonly users: number
  /** Samples that were made. */
  readonly samples: number
  /** Users who got batches. */
  readonly mapped: number
}

/** The day that was last prepared. */
export const preparedDay = async ({ store }: Pick<Room, 'store'>): Promise<number | undefined> =>
  (await store.meta.get(PREPARED, preparedSchema))?.day

/**
 * Prepares the day of `now`. What is done already is not done again, so it may be stopped and repeated at will.
 * Batches are made for those who can pull them, the users with a device; or for `everyone`.
 */
export async function prepare(
  room: Room,
  { now, everyone = false }: { now: number; everyone?: boolean },
  watch: Watch,
): Promise<Prepared> {
  const { store, hyper } = room
  if (await store.imports.open())
    throw new AppError('not-ready', 'An import is under way: its samples can be made when it is whole.')
  const day = dayOf(now, hyper.dayMs)
  const { schema } = await needPopulation(store)
  const samples = await generate(room, now, watch)
  watch.progress({ stage: 'Indexing users', done: 0, total: 1 })
  const neighbours = await freshIndex(room, slotOf(layoutOf(schema), schema.userVector).width)
  watch.progress({ stage: 'Indexing users', done: 1, total: 1 })
  const mapped = await mapDay(room, neighbours, now, everyone, watch)
  await store.mappings.dropBefore(Math.max(0, day - MATCHING.days + 1))
  await store.meta.put(PREPARED, { day })
  return { day, users: neighbours.count, samples, mapped }
}

async function mapDay(
  room: Room,
  neighbours: Neighbours,
  now: number,
  everyone: boolean,
  { progress, signal }: Watch,
): Promise<number> {
  const { store, hyper } = room
  const today = dayOf(now, hyper.dayMs)
  const recent = recentOf(store, hyper)
  const profiles = await toMap(room, today, everyone)
  let mapped = 0
  for (let at = 0; at < profiles.length; at += CHUNK) {
    const queries = profiles
      .slice(at, at + CHUNK)
      .map((profile) => ({ user: profile.user, vector: vectorOf(profile) }))
    const nearest = neighbours.nearest(queries, hyper.neighbours)
    const entries: { user: number; batches: Uint32Array[] }[] = []
    for (const [i, { user }] of queries.entries()) {
      const batches = await batchesOf(store, user, nearest[i]!, recent, now, hyper)
      if (batches.length > 0) entries.push({ user, batches })
    }
    mapped += await store.mappings.put(today, entries)
    progress({ stage: 'Matching', done: at + queries.length, total: profiles.length })
    await breathe(signal)
  }
  return mapped
}

/** Users with a taste who have no batches of the day yet. */
async function toMap({ store }: Room, today: number, everyone: boolean): Promise<Profile[]> {
  const found: Profile[] = []
  const take = async (profile: Profile | undefined) => {
    if (!profile || profile.clicks < MATCHING.minClicks || isZero(profile.sum)) return
    if ((await store.mappings.count(profile.user, today)) === 0) found.push(profile)
  }
  if (everyone) for await (const profile of store.samples.profiles()) await take(profile)
  else for (const user of await store.users.devices()) await take(await store.samples.profile(user))
  return found
}
