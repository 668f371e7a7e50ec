import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MAX_ROWS, type RowsRequest } from '../../../shared/api.ts'
import { DAY_MS } from '../../../shared/clock.ts'
import { AppError } from '../../../shared/failure.ts'
import { din } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import { noRoom, type Operation, withFaults } from '../../testing/faults.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { catalogue, createWorld, NOON, samplesOf, type World } from '../../testing/world.ts'
import type { Active } from '../delivery/active.ts'
import type { Db } from '../storage/tables.ts'
import { asFailure } from '../storage/withstand.ts'
import { createRows, dropRows, type Rows, type RowsDeps } from './rows.ts'

const SIZE = 9000
const DIM = 8
let world: World
let task: Active
let db: Db
let clock: ReturnType<typeof handClock>
let asked: RowsRequest[]
let answer: RowsDeps['tunnel']['rows']

/** The row of an item, from the whole table. */
const rowOf = (id: number) => world.weights['embedding.item']!.data.slice(id * DIM, (id + 1) * DIM)

beforeAll(async () => {
  world = await createWorld({ vocabulary: SIZE })
})
beforeEach(async () => {
  const { manifest, context } = world
  task = { manifest, context, etag: null, catalogue, spec: din(manifest.schema, manifest.ranking) }
  db = freshDb()
  await db.tasks.put({ name: manifest.name, etag: null, manifest })
  clock = handClock(NOON)
  asked = []
  answer = async ({ ids }) => Float32Array.from(ids.flatMap((id) => [...rowOf(id)]))
})

const create = (more: Partial<RowsDeps> = {}): Rows =>
  createRows({
    db,
    clock,
    tunnel: {
      rows(request, ...rest) {
        asked.push(request)
        return answer(request, ...rest)
      },
    },
    ...more,
  })
const have = async (rows: Rows, ...ids: number[]) => {
  const find = await rows.find(task, { item: ids })
  return ids.filter((id) => find('item', id) !== undefined)
}

describe('a row that is not here', () => {
  test('is noted, asked for at the next contact, and then the very one of the table', async () => {
    const rows = create()
    expect(await have(rows, 7, 4000)).toEqual([])
    await rows.fetch(task)
    expect(asked).toEqual([{ table: 'item', sha256: world.manifest.sliced!.item, ids: [7, 4000] }])
    const find = await rows.find(task, { item: [7, 4000, 8] })
    expect(find('item', 7)).toEqual(rowOf(7))
    expect(find('item', 4000)).toEqual(rowOf(4000))
    expect(find('item', 8)).toBeUndefined()
  })

  test('is asked for once', async () => {
    const rows = create()
    await have(rows, 7)
    await rows.fetch(task)
    await rows.fetch(task)
    await have(rows, 7)
    await rows.fetch(task)
    expect(asked).toHaveLength(1)
  })

  test('is told of when it is first missed, and again after others have come', async () => {
    let told = 0
    const rows = create({ onMissing: () => told++ })
    await have(rows, 7)
    await have(rows, 7)
    expect(told).toBe(1)
    answer = async () => null
    await rows.fetch(task)
    await have(rows, 7)
    expect(told).toBe(1)
    await have(rows, 7, 8)
    expect(told).toBe(2)
  })

  test('is asked for by whichever tab has the next contact, and found by the one that missed it', async () => {
    const [one, other] = [create(), create()]
    await have(one, 7)
    await one.fetch({ ...task, manifest: { ...task.manifest, sliced: {} } }) // only to let the note be written
    await other.fetch(task)
    expect(await have(one, 7)).toEqual([7])
  })

  test('stays noted while the server cannot be reached', async () => {
    const rows = create()
    await have(rows, 7)
    const there = answer
    answer = () => Promise.reject(new AppError('offline', 'The server cannot be reached.'))
    await expect(rows.fetch(task)).rejects.toMatchObject({ code: 'offline' })
    answer = there
    await rows.fetch(task)
    expect(await have(rows, 7)).toEqual([7])
  })

  test('of a table that the server has no more is not waited for', async () => {
    const rows = create()
    await have(rows, 7)
    answer = async () => null
    await rows.fetch(task)
    expect(await db.rows.count()).toBe(0)
  })
})

describe('what the stored samples touch', () => {
  test('is asked for, but for padding, unknown and what is here', async () => {
    const [local, matched] = samplesOf(world.context, 1, 2, seeded(1))
    const ids = (some: number[]) => Int32Array.from({ length: local!.ids.length }, (_, i) => some[i] ?? 0)
    // The target comes first; three topics follow, then the clicks.
    await db.local.put({ ...local!, ids: ids([30, 2, 0, 0, 31, 1]), exposure: 'x' })
    await db.matched.put({ ...matched!, ids: ids([31, 3, 0, 0, 8999]), id: 'm', order: 1, state: 'unscored' })
    const rows = create()
    await rows.fetch(task)
    expect(asked.map(({ ids }) => ids)).toEqual([[30, 31, 8999]])
    await db.rows.delete(['item', 31])
    await rows.fetch(task)
    expect(asked.map(({ ids }) => ids).slice(1)).toEqual([[31]])
  })

  test('is asked for in requests of a bounded size', async () => {
    const rows = create()
    const many = Array.from({ length: 3000 }, (_, i) => 2 + 2 * i)
    await have(rows, ...many)
    await rows.fetch(task)
    expect(asked.map(({ ids }) => ids.length)).toEqual([MAX_ROWS, 3000 - MAX_ROWS])
    expect(asked.flatMap(({ ids }) => ids)).toEqual(many)
    expect(await db.rows.count()).toBe(3000)
  })
})

describe('there is room for so many rows', () => {
  const LIMIT = 6
  test('and those that were needed longest ago go first', async () => {
    const rows = create({ limit: LIMIT })
    await have(rows, 10, 11, 12)
    await rows.fetch(task)
    clock.move(DAY_MS)
    await have(rows, 20, 21, 22)
    await rows.fetch(task)
    clock.move(DAY_MS)
    // Needed again today, 10 outlives what is younger.
    await have(rows, 30, 31)
    await db.local.put({ ...samplesOf(world.context, 1, 1, seeded(1))[0]!, exposure: 'x', ids: sampleOf(10) })
    await rows.fetch(task)
    expect(await db.rows.orderBy('[table+id]').keys()).toEqual(
      [10, 20, 21, 22, 30, 31].map((id) => ['item', id]),
    )
  })

  test('no more are asked for than fit', async () => {
    const rows = create({ limit: LIMIT })
    await have(rows, ...Array.from({ length: 50 }, (_, i) => 100 + i))
    await rows.fetch(task)
    expect(asked.flatMap(({ ids }) => ids)).toHaveLength(LIMIT)
    expect(await db.rows.count()).toBe(LIMIT)
  })

  const sampleOf = (item: number) => {
    const ids = new Int32Array(world.context.layout.idWidth)
    ids[0] = item
    return ids
  }
})

test('where the device has no room for them, that is a failure of its storage', async () => {
  const rows = create()
  await have(rows, 7)
  await rows.fetch({ ...task, manifest: { ...task.manifest, sliced: {} } }) // only to let the note be written
  const before = (operation: Operation, table: string) => {
    if (operation === 'mutate' && table === 'rows') throw noRoom()
  }
  db.close()
  Object.assign(withFaults(db), { before })
  await db.open()
  const error = await rows.fetch(task).catch(asFailure)
  expect(error).toMatchObject({ code: 'storage', message: expect.stringContaining('no room') })
  expect(await db.rows.count()).toBe(0)
})

describe('rows of another task', () => {
  test('that come when another tab has taken up a newer one are not kept', async () => {
    const rows = create()
    await have(rows, 7)
    const newer = { ...world.manifest, version: 2, sliced: { item: 'f'.repeat(64) } }
    const there = answer
    answer = async (...request) => {
      await db.tasks.put({ name: newer.name, etag: null, manifest: newer })
      return there(...request)
    }
    await rows.fetch(task)
    expect(await db.rows.count()).toBe(0)
  })

  test('go when a newer one is taken up, and are looked for again', async () => {
    const rows = create()
    await have(rows, 7)
    await rows.fetch(task)
    const manifest = { ...world.manifest, version: 2, sliced: { item: 'f'.repeat(64) } }
    await db.transaction('rw', db.tables, async () => dropRows(db, manifest))
    expect(await db.rows.count()).toBe(0)
    expect(await have(rows, 7)).toEqual([])
  })

  test('or of another width are not taken for its own', async () => {
    const row = { table: 'item', whole: world.manifest.sliced!.item!, used: 0 }
    await db.rows.bulkPut([
      { ...row, id: 7, values: new Float32Array(DIM - 1) },
      { ...row, id: 8, values: new Float32Array(DIM), whole: 'f'.repeat(64) },
      { ...row, id: 9, values: new Float32Array(DIM) },
    ])
    expect(await have(create(), 7, 8, 9)).toEqual([9])
  })
})

test('whatever tabs, server and tasks do: rows are those of the task in use, within bounds, and come when they can', async () => {
  const LIMIT = 12
  const id = fc.integer({ min: 2, max: 30 })
  const act = fc.oneof(
    fc.record({
      type: fc.constant('find' as const),
      tab: fc.nat(1),
      ids: fc.uniqueArray(id, { maxLength: 12, size: 'max' }),
    }),
    fc.record({ type: fc.constant('fetch' as const), tab: fc.nat(1), online: fc.boolean() }),
    fc.record({ type: fc.constant('deliver' as const) }),
    fc.record({ type: fc.constant('lose' as const), ids: fc.uniqueArray(id, { maxLength: 5 }) }),
    fc.record({ type: fc.constant('wait' as const) }),
  )
  type Act = typeof act extends fc.Arbitrary<infer T> ? T : never
  const check = async (acts: readonly Act[]) => {
    db = freshDb()
    let version = 1
    const wholeOf = (version: number) => version.toString(16).padStart(64, '0')
    /** Each version's row of an id says both. */
    const values = (id: number) => new Float32Array(DIM).fill(version * 1000 + id)
    let now = task
    const take = async () => {
      now = { ...task, manifest: { ...task.manifest, version, sliced: { item: wholeOf(version) } } }
      await db.transaction('rw', db.tables, async () => {
        await db.tasks.put({ name: now.manifest.name, etag: null, manifest: now.manifest })
        await dropRows(db, now.manifest)
      })
    }
    await take()
    const tabs = [create({ limit: LIMIT }), create({ limit: LIMIT })]
    const missed = [new Set<number>(), new Set<number>()]
    for (const act of acts) {
      if (act.type === 'find') {
        const find = await tabs[act.tab]!.find(now, { item: act.ids })
        const here = new Set((await db.rows.toArray()).map(({ id }) => id))
        for (const id of act.ids) {
          expect(find('item', id)).toEqual(here.has(id) ? values(id) : undefined)
          if (!here.has(id)) missed[act.tab]!.add(id)
        }
      } else if (act.type === 'fetch') {
        answer = async ({ ids }) => {
          if (!act.online) throw new AppError('offline', 'The server cannot be reached.')
          return Float32Array.from(ids.flatMap((id) => [...values(id)]))
        }
        const reached = await tabs[act.tab]!.fetch(now).then(
          () => true,
          () => false,
        )
        const here = new Set((await db.rows.toArray()).map(({ id }) => id))
        expect(here.size).toBeLessThanOrEqual(LIMIT)
        if (!reached) continue
        for (const id of missed[act.tab]!) expect(here.has(id) || here.size === LIMIT).toBe(true)
        missed[act.tab]!.clear()
      } else if (act.type === 'deliver') {
        version++
        await take()
        for (const ids of missed) ids.clear()
      } else if (act.type === 'lose') {
        // What came in and is lost again is missed by nobody until it is looked for.
        for (const { id } of await db.rows.toArray())
          if (act.ids.includes(id)) for (const ids of missed) ids.delete(id)
        await db.rows.bulkDelete(act.ids.map((id) => ['item', id]))
      } else clock.move(DAY_MS)
    }
    db.close()
  }
  await fc.assert(fc.asyncProperty(fc.array(act, { minLength: 8, maxLength: 24, size: 'max' }), check), {
    seed: 5,
    numRuns: 40,
  })
})

test('where every table was delivered whole, nothing is read, noted or asked for', async () => {
  const { sliced: _, ...manifest } = task.manifest
  const rows = create()
  const find = await rows.find({ ...task, manifest }, { item: [7] })
  expect(find('item', 7)).toBeUndefined()
  await rows.fetch({ ...task, manifest })
  expect(asked).toEqual([])
  expect(await db.state.count()).toBe(0)
})
