/**
 * Events → samples. They are desensitised as they are made: no user, no exposure id and no finer time than the day goes
 * into a row, and what fewer than k users have shown (an item, a category, a listed value) is called unknown.
 */
import { dayOf } from '../../shared/clock.ts'
import { encodeSample } from '../../shared/codec.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { type Context, createContext, generateSamples } from '../../shared/generate.ts'
import { slotOf } from '../../shared/schema.ts'
import type { UserSamples } from '../store/store.ts'
import { needPopulation } from './population.ts'
import { createDiscretion, createValues, type Values } from './privacy/values.ts'
import { breathe, type Watch } from './progress.ts'
import type { Room } from './room.ts'
import { sumOf } from './vectors.ts'

/** Events that one transaction works through, about. */
const CHUNK = 20_000

/** Makes a sample of every settled exposure that has none yet, over all users with new events; tells how many. */
export async function generate(room: Room, now: number, watch: Watch): Promise<number> {
  const { store, hyper, privacy } = room
  const { schema, catalogue } = await needPopulation(store)
  const dirty = await store.events.dirty()
  const values = createValues(schema, catalogue)
  await countViewers(room, values, dirty, watch)
  const discretion = createDiscretion(values, await store.samples.viewers(), privacy.hideBelow)
  const context = createContext(schema, catalogue, hyper, discretion)
  let made = 0
  const stage = 'Making samples'
  await inChunks(room, dirty, { ...watch, stage }, async (chunk) => {
    const found: UserSamples[] = []
    for (const { user, stamp, events } of chunk)
      found.push({
        user,
        stamp,
        ...samplesOf(context, events, now, hyper, await store.samples.exposures(user)),
      })
    made += await store.samples.add(found)
  })
  return made
}

type Dirty = { user: number; stamp: number }

/** Reads the events of users, and gives them to `work` in chunks of bounded size. */
async function inChunks(
  { store }: Room,
  users: readonly Dirty[],
  { stage, progress, signal }: Watch & { stage: string },
  work: (chunk: (Dirty & { events: KindredEvent[] })[]) => Promise<void>,
): Promise<void> {
  let chunk: (Dirty & { events: KindredEvent[] })[] = []
  let held = 0
  const total = users.length
  for (const [i, one] of users.entries()) {
    const events = await store.events.of(one.user)
    chunk.push({ ...one, events })
    held += events.length
    if (held < CHUNK && i < total - 1) continue
    await work(chunk)
    chunk = []
    held = 0
    progress({ stage, done: i + 1, total })
    await breathe(signal)
  }
}

function countViewers(room: Room, values: Values, dirty: readonly Dirty[], watch: Watch) {
  return inChunks(room, dirty, { ...watch, stage: 'Counting viewers' }, (chunk) =>
    room.store.samples.see(chunk.map(({ user, events }) => ({ user, items: values.of(events) }))),
  )
}

/** The settled samples of one user's exposures that are not in `done`. */
export function samplesOf(
  context: Context,
  events: readonly KindredEvent[],
  now: number,
  { settleMs, dayMs }: { settleMs: number; dayMs: number },
  done: ReadonlySet<string>,
): Pick<UserSamples, 'samples' | 'settled' | 'sum'> {
  const until = now - settleMs
  const { layout, schema } = context
  let after = Number.POSITIVE_INFINITY
  let settled = true
  for (const event of events) {
    if (event.type !== 'exposure' || done.has(event.id)) continue
    after = Math.min(after, event.at - 1)
    if (event.at > until) settled = false
  }
  const made = generateSamples(context, events, now, { after, until }).filter(
    ({ exposure }) => !done.has(exposure),
  )
  return {
    settled,
    samples: made.map(({ exposure, sample }) => ({
      exposure,
      day: dayOf(sample.at, dayMs),
      label: sample.label,
      row: encodeSample(layout, sample, dayMs),
    })),
    sum: sumOf(made, slotOf(layout, schema.userVector)),
  }
}
