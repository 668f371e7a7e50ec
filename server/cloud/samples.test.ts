import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UNKNOWN_ID } from '../../shared/catalogue.ts'
import { decodeSample } from '../../shared/codec.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { hyper } from '../../shared/hyper.ts'
import { quantise, type Sample } from '../../shared/sample.ts'
import { layoutOf, slotOf } from '../../shared/schema.ts'
import { schemas } from '../../shared/schemas/index.ts'
import { addItem } from '../../shared/sketch.ts'
import { eventIds } from '../sources/timeline.ts'
import { exposureTag } from '../store/keys.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { createGenerator } from './generate.ts'
import { createPackings } from './packing/folder.ts'
import { POPULATION } from './population.ts'
import type { Room } from './room.ts'
import { catalogue, DAY, NOON, toyPrivacy } from './toy.ts'

const MINUTE = 60_000
const schema = schemas.demo(catalogue)
const watch = { progress: () => {}, signal: new AbortController().signal }

describe('samples on the server', () => {
  let dir: string
  let store: Store
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kindred-samples-'))
    store = openStore(dir)
    await store.meta.put(POPULATION, { source: 'toy', schema, catalogue, dayMs: DAY })
  })
  afterEach(async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  })

  const room = (hideBelow = 1, changes: Parameters<typeof toyPrivacy>[0] = {}): Room => ({
    store,
    dir,
    hyper: hyper(),
    privacy: toyPrivacy({ hideBelow, donorClicks: 0, ...changes }),
    sliceAbove: 100,
    freshBatches: 0,
    tell: () => {},
  })
  /** How many samples a new process makes at `now`. */
  const generate = async (room: Room, now: number) =>
    (await createGenerator(room).generate(now, watch)).samples
  const register = (name: string) => store.users.register(name, Buffer.alloc(32), NOON - DAY)
  /** A user's samples, oldest first. */
  async function samplesOf(user: number): Promise<Sample[]> {
    const { ids } = await store.samples.of(user)
    const rows = await createPackings(store).rows(ids)
    return rows.map((row) => decodeSample(schema, row!, DAY))
  }
  const read = ({ ids, dense }: Sample, name: string) => {
    const { feature, at, width } = slotOf(layoutOf(schema), name)
    return feature.kind === 'dense'
      ? [...dense.subarray(at, at + width)]
      : [...ids.subarray(at, at + width)].filter((id) => id !== 0)
  }

  /** [minutes before noon, item, minutes until the click] */
  function events(name: string, seen: [number, string, number?][]): KindredEvent[] {
    const id = eventIds('hand', name)
    const found: KindredEvent[] = []
    for (const [before, item, click] of seen) {
      const at = NOON - before * MINUTE
      const exposure = { type: 'exposure', id: id(at), at, item } as const
      found.push(exposure)
      if (click === undefined) continue
      const then = at + click * MINUTE
      found.push({ type: 'click', id: id(then), at: then, item, exposure: exposure.id })
    }
    return found
  }

  it('are those of the settled exposures of known items, with what was known before each', async () => {
    const user = await register('a')
    await store.events.append(
      user,
      events('a', [
        [100, 'k0', 1],
        [90, 'k1'],
        [80, 'nothing', 1],
        [70, 'k3'],
        [29, 'k4', 1],
        [28, 'k6'],
      ]),
    )
    // A click settles its exposure at once; what was passed over half an hour ago may still be clicked.
    expect(await generate(room(), NOON)).toBe(4)
    const samples = await samplesOf(user)
    expect(samples.map((sample) => [read(sample, 'target')[0], sample.label])).toEqual([
      [2, 1],
      [3, 0],
      [5, 0],
      [6, 1],
    ])
    // The third knows of two clicks, one on an item that the catalogue lacks; half of the taste is red.
    expect(samples.map((sample) => read(sample, 'taste'))).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [0.5, 0, 0],
      [0.5, 0, 0],
    ])
    expect(read(samples[2]!, 'clicks')).toEqual([UNKNOWN_ID, 2])
    expect(samples.map(({ at }) => at)).toEqual(Array(4).fill(Math.floor(NOON / DAY) * DAY))
    // By hand: the sum of the four tastes.
    expect(await store.profiles.of(user)).toMatchObject({
      samples: 4,
      clicks: 2,
      sum: Float64Array.of(2, 0, 0),
    })
  })

  it('are made once, also when exposures settle or arrive late', async () => {
    const user = await register('a')
    const [first, late, second] = events('a', [
      [100, 'k0'],
      [95, 'k1'],
      [20, 'k2'],
    ])
    await store.events.append(user, [first!, second!])
    expect(await generate(room(), NOON)).toBe(1)
    expect(await generate(room(), NOON)).toBe(0)
    // An upload that was held back by a lost network.
    await store.events.append(user, [late!])
    expect(await generate(room(), NOON)).toBe(1)
    expect(await generate(room(), NOON + 10 * MINUTE)).toBe(1)
    expect(await generate(room(), NOON + DAY)).toBe(0)
    const tags = [first!, late!, second!].map(({ id }) => exposureTag(id))
    expect(await store.samples.exposures(user)).toEqual(new Set(tags))
    expect(await store.events.dirty()).toEqual([])
  })

  it('give a user the vector that was theirs before the latest click, where the schema says so', async () => {
    const news = schemas.globo(catalogue)
    await store.meta.put(POPULATION, { source: 'toy', schema: news, catalogue, dayMs: DAY })
    const user = await register('a')
    /** Half of the older click and the newer one, at unit length. */
    const faded = (newer: string, older?: string) => {
      const sum = new Float64Array(64)
      addItem(sum, newer, 1)
      if (older) addItem(sum, older, 0.5)
      const length = Math.hypot(...sum)
      return sum.map((value) => quantise(value / length))
    }
    const sumNow = async () => [...(await store.profiles.of(user))!.sum]
    const seen: [number, string, number?][] = [
      [100, 'k0', 1],
      [90, 'k1', 1],
      [80, 'k2'],
    ]
    await store.events.append(user, events('a', seen))
    await generate(room(), NOON)
    expect(await sumNow()).toEqual([...faded('k0')])
    await store.events.append(user, events('later', [[20, 'k2', 1]]))
    await generate(room(), NOON)
    expect(await sumNow()).toEqual([...faded('k1', 'k0')])
  })

  it('name no item that fewer than k users have seen, as target or as click', async () => {
    const users = [await register('a'), await register('b'), await register('c')]
    for (const [i, user] of users.entries()) {
      const seen: [number, string, number?][] = [[100, 'k0', 1]]
      if (i < 2) seen.push([90, 'k1', 1])
      seen.push([80, 'k0'])
      await store.events.append(user, events(`${i}`, seen))
    }
    await generate(room(3), NOON)
    const [, rare, then] = await samplesOf(users[0]!)
    expect(read(rare!, 'target')).toEqual([UNKNOWN_ID])
    expect(read(then!, 'target')).toEqual([2])
    expect(read(then!, 'clicks')).toEqual([UNKNOWN_ID, 2])
  })
})
