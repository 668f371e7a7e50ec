/** Making the samples of all who have new events: work of all cores where there is much of it, written by one thread. */
import { dayOf } from '../../shared/clock.ts'
import type { Mark } from '../store/ports/events.ts'
import { createPackings, spread } from './packing/folder.ts'
import { createPool, inThisThread, type Pool } from './pool.ts'
import { hideRare, noteNames } from './privacy/rare.ts'
import { breathe, type Watch } from './progress.ts'
import type { Room } from './room.ts'
import { createMaker, type Made, type Maker, type Shown, unpack } from './samples.ts'

/** Users in one piece of work, which is one transaction: here it holds others up, and from threads it only comes in. */
const FEW_AT_A_TIME = 200
const MANY_AT_A_TIME = 1000
/** From so many users on other threads help: before that they would take longer to start. */
const MANY = 2000

export interface Generated {
  readonly samples: number
  /** Users whose profile has changed. */
  readonly users: number
}

export interface Generator {
  /**
   * Makes a sample of every settled exposure of the last seven days that has none yet. Who only waits for something to
   * settle is looked at when it does.
   */
  generate(now: number, watch: Watch): Promise<Generated>
}

/** What becomes of samples. */
export interface Listener {
  /** The numbers of a user's new samples are first … first + count − 1. */
  added(user: number, first: number, count: number): void
  /** These are not to be given any more. */
  removed(ids: Uint32Array): void
}

export function createGenerator(
  room: Room,
  { added, removed }: Listener = { added: () => {}, removed: () => {} },
  many = MANY,
): Generator {
  const { store, hyper } = room
  const maker: Maker = createMaker(room)
  const packings = createPackings(store)
  /** By user: the mark that they were last looked at under, and when to look again, ms. */
  const waiting = new Map<number, { stamp: number; due: number }>()
  let turn = 0

  const isDue = ({ user, stamp }: Mark, now: number) => {
    const known = waiting.get(user)
    return !known || known.stamp !== stamp || known.due <= now
  }

  const see = (marks: readonly Mark[], { ends, values }: Shown) =>
    store.viewers.see(
      marks.map(({ user }, i) => ({ user, items: values.subarray(i === 0 ? 0 : ends[i - 1]!, ends[i]!) })),
    )

  async function add(marks: readonly Mark[], made: Made, now: number): Promise<Generated> {
    const users = unpack(made)
    const numbers = await store.samples.add(dayOf(now, hyper.dayMs), users)
    let samples = 0
    let changed = 0
    numbers.forEach(({ first, count }, i) => {
      const { user, stamp } = marks[i]!
      if (count > 0) added(user, first, count)
      if (made.due[i]! > 0) waiting.set(user, { stamp, due: made.due[i]! })
      else waiting.delete(user)
      samples += count
      if (users[i]!.counted.samples > 0) changed++
    })
    return { samples, users: changed }
  }

  /** The rows of the first of these pieces that comes to any, before they are packed. */
  async function firstRows(pieces: Iterable<readonly Mark[]>, now: number): Promise<Uint8Array[]> {
    for (const marks of pieces) {
      const made = unpack(await maker.make({ marks, now, turn }))
      const rows = made.flatMap(({ samples }) => samples.map(({ row }) => row))
      if (rows.length > 0) return rows
    }
    return []
  }

  return {
    async generate(now, watch) {
      store.refresh()
      const marks = (await store.events.dirty()).filter((mark) => isDue(mark, now))
      const total = { samples: 0, users: 0 }
      if (marks.length === 0) return total
      turn++
      const size = marks.length < many ? FEW_AT_A_TIME : MANY_AT_A_TIME
      const chunks = Array.from({ length: Math.ceil(marks.length / size) }, (_, i) =>
        marks.slice(i * size, (i + 1) * size),
      )
      const { store: _, tell: __, ...place } = room
      const pool = marks.length < many ? undefined : createPool(place)
      const team: Pool = pool ?? inThisThread(maker)
      const tell = async (stage: string, chunk: number) => {
        watch.progress({ stage, done: Math.min((chunk + 1) * size, marks.length), total: marks.length })
        await breathe(watch.signal)
      }
      try {
        await team.each(
          'shown',
          chunks.map((marks) => ({ marks, now })),
          async (shown, i) => {
            await see(chunks[i]!, shown)
            await tell('Counting viewers', i)
          },
        )
        // Before any sample is made, and while none is.
        removed(await hideRare(room))
        await noteNames(room)
        await packings.learn(() => firstRows([spread(marks, FEW_AT_A_TIME), ...chunks], now))
        await team.each(
          'make',
          chunks.map((marks) => ({ marks, now, turn })),
          async (made, i) => {
            const { samples, users } = await add(chunks[i]!, made, now)
            total.samples += samples
            total.users += users
            await tell('Making samples', i)
          },
        )
      } finally {
        await pool?.close()
      }
      return total
    },
  }
}
