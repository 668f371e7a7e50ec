/**
 * Events → samples. They are desensitised as they are made: no user, no exposure id and no finer time than the day goes
 * into a row, and what fewer than k users have shown (an item, a category, a listed value) is called unknown. What is here
 * only reads, in whichever thread; what it makes crosses threads as a few arrays.
 */
import { dayOf } from '../../shared/clock.ts'
import { encodeSample } from '../../shared/codec.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { type Context, createContext, generateSamples } from '../../shared/generate.ts'
import { MATCHING } from '../../shared/hyper.ts'
import { slotOf } from '../../shared/schema.ts'
import { exposureTag } from '../store/keys.ts'
import type { Mark } from '../store/ports/events.ts'
import type { UserSamples } from '../store/ports/samples.ts'
import { createPackings } from './packing/folder.ts'
import { needPopulation } from './population.ts'
import { type Donor, donorOf } from './privacy/donors.ts'
import { createDiscretion, createValues, type Values } from './privacy/values.ts'
import type { Room } from './room.ts'

/** What users have shown: that of the i-th is values[ends[i − 1]] … values[ends[i] − 1]. */
export interface Shown {
  readonly ends: Uint32Array
  readonly values: Uint32Array
}

/** What the events of users have come to, side by side. */
export interface Made {
  readonly stamps: Uint32Array
  readonly users: Uint32Array
  /** When there is more to make of the events that there are, ms; 0 where there is not. */
  readonly due: Float64Array
  /** [users × (2 + width)] samples, clicks and sum of the user vector, which are added to the profile */
  readonly tallies: Float64Array
  /** How many samples each user got; of the samples: */
  readonly counts: Uint32Array
  readonly exposures: Uint32Array
  readonly days: Uint32Array
  readonly lengths: Uint32Array
  /** One after the other. */
  readonly rows: Uint8Array
}

export interface Maker {
  /** What donors among these users have shown. */
  shown(input: { marks: readonly Mark[]; now: number }): Promise<Shown>
  /**
   * Samples of what is settled and has none yet: a click at once, what was passed over after `settleMs`. An exposure of more
   * than seven days ago becomes none, but counts for the vector of a user who had none so far. `turn` changes when values
   * may have got viewers. Rows are packed once the folder has a code.
   */
  make(input: { marks: readonly Mark[]; now: number; turn: number }): Promise<Made>
}

export function createMaker(room: Room): Maker {
  const { store } = room
  let values: Values | undefined
  let context: Context | undefined
  let turnOf = -1
  const packings = createPackings(store)

  async function needValues(): Promise<Values> {
    if (values) return values
    const { schema, catalogue } = await needPopulation(store)
    values = createValues(schema, catalogue)
    return values
  }

  /** What may be named hangs on who has seen it by now. */
  async function contextOf(turn: number): Promise<Context> {
    if (context && turn === turnOf) return context
    const { schema, catalogue } = await needPopulation(store)
    const discretion = createDiscretion(
      await needValues(),
      await store.viewers.counts(),
      room.privacy.hideBelow,
    )
    context = createContext(schema, catalogue, room.hyper, discretion)
    turnOf = turn
    return context
  }

  return {
    async shown({ marks, now }) {
      store.refresh()
      const values = await needValues()
      const ends = new Uint32Array(marks.length)
      const all: number[] = []
      for (const [i, { user }] of marks.entries()) {
        const events = await store.events.of(user)
        if ((await donor(room, user, events, now)) === 'ready')
          for (const value of values.of(events)) all.push(value)
        ends[i] = all.length
      }
      return { ends, values: Uint32Array.from(all) }
    },
    async make({ marks, now, turn }) {
      store.refresh()
      const known = await contextOf(turn)
      await packings.refresh()
      const kept = packings.newest()?.pack ?? ((row) => row)
      const made: UserMade[] = []
      for (const { user } of marks) made.push(await makeOf(room, known, user, now, kept))
      return pack(marks, made)
    },
  }
}

interface UserMade extends Pick<UserSamples, 'samples' | 'counted'> {
  readonly due: number
}

async function donor(
  { store, hyper, privacy }: Room,
  user: number,
  events: readonly KindredEvent[],
  now: number,
): Promise<Donor> {
  const since = (await store.users.since(user)) ?? now
  const sharing = (await store.consents.of(user))?.sharing ?? true
  let clicks = 0
  for (const { type } of events) if (type === 'click') clicks++
  return donorOf({ since, sharing }, clicks, now, hyper.dayMs, privacy)
}

async function makeOf(
  room: Room,
  context: Context,
  user: number,
  now: number,
  kept: (row: Uint8Array) => Uint8Array,
): Promise<UserMade> {
  const { store, hyper, privacy } = room
  const events = await store.events.of(user)
  const { at, width } = slotOf(context.layout, context.schema.userVector)
  const sum = new Float64Array(width)
  const state = await donor(room, user, events, now)
  if (state !== 'ready') {
    const age = (await store.users.since(user)) ?? 0
    const due = state === 'later' ? age + privacy.donorAgeDays * hyper.dayMs : 0
    return { due, samples: [], counted: { samples: 0, clicks: 0, sum } }
  }
  const done = await store.samples.exposures(user)
  const before = await store.profiles.of(user)
  const isNew = before === undefined
  const latest = context.schema.vectorOf === 'latest'
  const since = now - MATCHING.days * hyper.dayMs
  const samples: { exposure: number; day: number; row: Uint8Array }[] = []
  let counted = 0
  let clicks = 0
  let due = 0
  for (const one of generateSamples(context, events, now, { after: isNew ? -1 : since })) {
    const { sample, exposure, settled } = one
    if (!settled) {
      due = Math.min(due || Number.POSITIVE_INFINITY, sample.at + hyper.settleMs)
      continue
    }
    const tag = exposureTag(exposure)
    if (done.has(tag)) continue
    counted++
    clicks += sample.label
    if (!latest) for (let i = 0; i < width; i++) sum[i]! += sample.dense[at + i]!
    // It is added to what there is, and leaves of that what it was before this click.
    else if (sample.label === 1)
      for (let i = 0; i < width; i++) sum[i] = sample.dense[at + i]! - (before?.sum[i] ?? 0)
    if (sample.at > since)
      samples.push({
        exposure: tag,
        day: dayOf(sample.at, hyper.dayMs),
        row: kept(encodeSample(context.layout, sample, hyper.dayMs)),
      })
  }
  return { due, samples, counted: { samples: counted, clicks, sum } }
}

function pack(marks: readonly Mark[], made: readonly UserMade[]): Made {
  const samples = made.flatMap(({ samples }) => samples)
  const width = made[0]?.counted.sum.length ?? 0
  const tallies = new Float64Array(made.length * (2 + width))
  made.forEach(({ counted }, i) => {
    tallies.set([counted.samples, counted.clicks], i * (2 + width))
    tallies.set(counted.sum, i * (2 + width) + 2)
  })
  const lengths = Uint32Array.from(samples, ({ row }) => row.length)
  const rows = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const { row } of samples) {
    rows.set(row, at)
    at += row.length
  }
  return {
    users: Uint32Array.from(marks, ({ user }) => user),
    stamps: Uint32Array.from(marks, ({ stamp }) => stamp),
    due: Float64Array.from(made, ({ due }) => due),
    tallies,
    counts: Uint32Array.from(made, ({ samples }) => samples.length),
    exposures: Uint32Array.from(samples, ({ exposure }) => exposure),
    days: Uint32Array.from(samples, ({ day }) => day),
    lengths,
    rows,
  }
}

/** The inverse of how it was packed: for the store. */
export function unpack(made: Made): UserSamples[] {
  const { users, stamps, due, tallies, counts, exposures, days, lengths, rows } = made
  const width = users.length === 0 ? 0 : tallies.length / users.length - 2
  let sample = 0
  let at = 0
  return Array.from(users, (user, i) => {
    const tally = tallies.subarray(i * (2 + width), (i + 1) * (2 + width))
    const samples = Array.from({ length: counts[i]! }, () => {
      const row = rows.subarray(at, at + lengths[sample]!)
      at += row.length
      const found = { exposure: exposures[sample]!, day: days[sample]!, row }
      sample++
      return found
    })
    return {
      user,
      stamp: stamps[i]!,
      settled: due[i] === 0,
      samples,
      counted: { samples: tally[0]!, clicks: tally[1]!, sum: tally.slice(2) },
    }
  })
}
