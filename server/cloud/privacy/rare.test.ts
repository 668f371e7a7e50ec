import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { encodeSample } from '../../../shared/codec.ts'
import type { KindredEvent } from '../../../shared/event.ts'
import { createContext, generateSamples } from '../../../shared/generate.ts'
import { hyper } from '../../../shared/hyper.ts'
import { schemas } from '../../../shared/schemas/index.ts'
import { eventIds } from '../../sources/timeline.ts'
import { exposureTag } from '../../store/keys.ts'
import { openStore } from '../../store/lmdb.ts'
import type { Store } from '../../store/store.ts'
import { createPackings } from '../packing/folder.ts'
import { POPULATION } from '../population.ts'
import { catalogue, DAY, NOON, toyPrivacy } from '../toy.ts'
import { hideRare, noteNames } from './rare.ts'
import { createValues } from './values.ts'

const schema = schemas.demo(catalogue)
const values = createValues(schema, catalogue)
const context = createContext(schema, catalogue, hyper())

let dir: string
let store: Store
let room: Parameters<typeof hideRare>[0]
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kindred-rare-'))
  store = openStore(dir)
  room = { store, privacy: toyPrivacy({ hideBelow: 3 }) }
  await store.meta.put(POPULATION, { source: 'toy', schema, catalogue, dayMs: DAY })
})
afterEach(async () => {
  await store.close()
  rmSync(dir, { recursive: true })
})

/** A user who was shown these items, and clicked the first; gives the user and, by item, their samples. */
async function reader(name: string, items: readonly number[]) {
  const user = await store.users.register(name, Buffer.alloc(32), 1)
  const id = eventIds('rare', name)
  const events: KindredEvent[] = []
  for (const [i, item] of items.entries()) {
    const at = NOON + i * 1000
    const exposure = { type: 'exposure', id: id(at), at, item: `k${item}` } as const
    events.push(exposure)
    if (i === 0)
      events.push({ ...exposure, type: 'click', id: id(at + 1), at: at + 1, exposure: exposure.id })
  }
  await store.viewers.see([{ user, items: values.of(events) }])
  const made = generateSamples(context, events, NOON + DAY)
  const rows = made.map(({ sample }) => encodeSample(context.layout, sample, DAY))
  const packings = createPackings(store)
  await packings.learn(async () => rows)
  const samples = made.map(({ exposure }, i) => ({
    exposure: exposureTag(exposure),
    day: NOON / DAY,
    row: packings.newest()!.pack(rows[i]!),
  }))
  const counted = { samples: samples.length, clicks: 1, sum: new Float64Array(3) }
  const [added] = await store.samples.add(Math.floor(NOON / DAY), [
    { user, stamp: 0, settled: true, samples, counted },
  ])
  return { user, at: (item: number) => added!.first + items.indexOf(item) }
}
const left = async (...ids: number[]) =>
  (await store.samples.rows(ids)).map((row) => (row === undefined ? 'gone' : 'there'))

it('a sample that names an item goes when a user leaves and too few are left who saw it', async () => {
  const one = await reader('one', [0, 3, 6])
  const two = await reader('two', [6, 9, 12])
  const leaving = await reader('leaving', [0, 3, 6, 9])
  const other = await reader('other', [0, 3, 9])
  await noteNames(room)
  expect([...(await hideRare(room))]).toEqual([])
  await store.erase(leaving.user)
  // Seen by two now: 0, 3, 6 and 9. By one: 12, which three had never seen, and was not on record as named.
  const gone = await hideRare(room)
  expect(await left(one.at(0), one.at(3), one.at(6))).toEqual(['gone', 'gone', 'gone'])
  // Its target is not rare for the first time now, but the click before it was on 6.
  expect(await left(two.at(6), two.at(9), two.at(12))).toEqual(['gone', 'gone', 'gone'])
  expect(await left(other.at(0), other.at(3), other.at(9))).toEqual(['gone', 'gone', 'gone'])
  expect(gone).toHaveLength(9)
})

it('what enough have still seen stays, and so does a sample whose history names nothing rare', async () => {
  const readers = [await reader('a', [0, 3]), await reader('b', [0, 3]), await reader('c', [0, 3])]
  const stays = await reader('stays', [0, 6])
  const before = await reader('before', [0, 6])
  const leaving = await reader('leaving', [0, 6])
  await noteNames(room)
  await store.withdraw(leaving.user)
  expect([...(await hideRare(room))]).toEqual([stays.at(6), before.at(6)])
  expect(await left(stays.at(0), before.at(0), ...readers.flatMap(({ at }) => [at(0), at(3)]))).toEqual(
    Array(8).fill('there'),
  )
})

it('a category of which too few have seen anything goes, too', async () => {
  // Things 1, 4 and 7 are green, and nobody has seen the same of them; 0 is red.
  await reader('a', [0, 1])
  const stays = await reader('b', [0, 4])
  const leaving = await reader('leaving', [0, 7])
  await reader('d', [0])
  await noteNames(room)
  await store.erase(leaving.user)
  expect([...(await hideRare(room))]).toContain(stays.at(4))
  expect(await left(stays.at(0))).toEqual(['there'])
})

it('a departure whose consequences a crash cut off is found later', async () => {
  const one = await reader('one', [0])
  await reader('two', [0])
  const leaving = await reader('leaving', [0])
  await noteNames(room)
  await store.erase(leaving.user)
  await store.close()
  store = openStore(dir)
  room = { ...room, store }
  expect([...(await hideRare(room))]).toContain(one.at(0))
  await noteNames(room)
  expect([...(await hideRare(room))]).toEqual([])
})
