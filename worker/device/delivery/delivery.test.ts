/** Which tasks a device has, from a server that may be another one than it says. */
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { sha256 } from '../../../shared/hash.ts'
import type { Delivered } from '../../../shared/tasks/contact.ts'
import { text } from '../../../shared/tasks/fixtures.ts'
import { manifestBytes } from '../../../shared/tasks/manifest.ts'
import { createDeliveryBench, type DeliveryBench, task } from '../../testing/deliveries.ts'
import { createWorld, FakeServer, NOON, problem, type World } from '../../testing/world.ts'
import { eraseAll } from '../storage/db.ts'
import { getState } from '../storage/state.ts'

let world: World
let server: FakeServer
let bench: DeliveryBench
let filter: Delivered
let rank: Delivered
let second: Delivered
const weights = text('weights')
const HOUR = DAY_MS / 24

beforeEach(async () => {
  world ??= await createWorld()
  filter ??= await task('filter')
  rank ??= await task('rank', 1, weights)
  second ??= await task('rank', 2)
  server = new FakeServer(world, [filter, rank])
  bench = createDeliveryBench(server)
})
afterEach(() => bench.close())

const contact = () => bench.delivery.contact()
const state = () => getState(bench.db, 'trusted')
const rootHash = async () => sha256((await server.delivering.root(1))!)
/** Everything that a contact may change. */
const all = async () => {
  const { delivered, models, blobs } = bench.db
  return JSON.stringify([
    await state(),
    await delivered.toArray(),
    await models.toArray(),
    await blobs.toArray(),
  ])
}
async function refused(code: string, why: RegExp): Promise<void> {
  const before = await all()
  await expect(contact()).rejects.toMatchObject({ code, message: expect.stringMatching(why) })
  expect(await all()).toBe(before)
}
async function model(name: string, slot: 'M' | 'M0' | 'Mbuf') {
  await bench.db.models.put({ name, slot, version: 1, sha256: '0'.repeat(64), bytes: 7, at: NOON })
  await bench.db.blobs.put({ name, slot, bytes: weights })
}
const models = async () => (await bench.db.models.toArray()).map(({ name, slot }) => `${name} ${slot}`)

describe('what is released', () => {
  test('comes whole with the first answer, but for what is large', async () => {
    await contact()
    const [first] = await bench.delivery.tasks()
    expect(first).toEqual({
      name: 'filter',
      version: 1,
      manifest: filter.manifest,
      manifestSha256: await sha256(manifestBytes(filter.manifest)),
      script: filter.files.script,
      at: NOON,
    })
    expect((await bench.db.delivered.get('rank'))!.model).toEqual(weights)
    const model = `GET /artifacts/${await sha256(weights)}`
    expect(server.requests).toEqual(['POST /api/devices', 'POST /api/active', model])
    expect((await state())!.first).toBe(await rootHash())
  })

  test('is fetched by hash where the answer brings nothing along', async () => {
    server.delivering.brings = false
    await contact()
    expect(await bench.has()).toEqual(['filter v1', 'rank v1'])
    // The targets, two manifests, two scripts and a model.
    expect(server.count('GET /artifacts/')).toBe(6)
  })

  test('is asked for with what the device is and has, and costs one small answer where nothing is new', async () => {
    const facts = { app: '1.2.3', platform: 'android', language: 'de', capabilities: ['webgpu'] }
    bench.close()
    bench = createDeliveryBench(server, { facts })
    await contact()
    const before = await all()
    const said = () => JSON.parse(bench.sent.findLast(({ path }) => path === '/api/active')!.body)
    expect(said()).toEqual({ ...facts, root: 0, have: [] })
    const statuses: number[] = []
    server.after = (_, __, response) => {
      statuses.push(response.status)
      return response
    }
    await contact()
    expect(statuses).toEqual([304])
    expect(said()).toMatchObject({ ...facts, root: 1 })
    // Both scripts, the model, both manifests, the targets.
    expect(said().have).toHaveLength(6)
    expect(await all()).toBe(before)
  })

  test('is the next version, which goes on with the models of its own, but not with what the last one had begun', async () => {
    await contact()
    for (const slot of ['M', 'M0', 'Mbuf'] as const) await model('rank/own', slot)
    for (const slot of ['M', 'Mbuf'] as const) await model('filter/own', slot)
    await model('toy', 'M')
    server.delivering.release([filter, second])
    await contact()
    expect(await bench.has()).toEqual(['filter v1', 'rank v2'])
    expect(await models()).toEqual(['filter/own M', 'filter/own Mbuf', 'rank/own M', 'rank/own M0', 'toy M'])
  })

  test('goes with the models of its own where it is revoked, and comes back by another release', async () => {
    await contact()
    for (const name of ['rank/own', 'filter/own', 'toy']) await model(name, 'M')
    server.delivering.release([filter])
    await contact()
    expect([await bench.has(), await models()]).toEqual([['filter v1'], ['filter/own M', 'toy M']])
    expect(await bench.db.blobs.count()).toBe(2)
    server.delivering.release([])
    await contact()
    expect([await bench.has(), await models()]).toEqual([[], ['toy M']])
    server.delivering.release([rank])
    await contact()
    expect(await bench.has()).toEqual(['rank v1'])
  })

  test('is heard of in every tab, and only where something has changed', async () => {
    const heard: string[][] = []
    const words: string[] = []
    const stop = bench.delivery.onChange((rows) => heard.push(rows.map(({ name }) => name)))
    bench.elsewhere.on('changed', ({ what }) => words.push(what))
    await contact()
    await contact()
    server.delivering.release([rank])
    await contact()
    expect(heard).toEqual([['filter', 'rank'], ['rank']])
    expect(words).toEqual(['delivered', 'delivered'])
    const third = new Promise<void>((resolve) => {
      bench.delivery.onChange(() => resolve())
    })
    bench.elsewhere.tell({ type: 'changed', what: 'delivered' })
    await third
    expect(heard).toHaveLength(3)
    stop()
    server.delivering.release([])
    await contact()
    expect(heard).toHaveLength(3)
  })

  test('says in which arms the device is', async () => {
    expect(await bench.delivery.arms()).toEqual([])
    server.delivering.arms = [{ experiment: 7, arm: 'control' }]
    await contact()
    expect(await bench.delivery.arms()).toEqual([{ experiment: 7, arm: 'control' }])
  })

  test('is fetched anew where the storage gives back something else', async () => {
    await contact()
    await bench.db.delivered.update('filter', { script: text('export const run = () => 666') })
    await contact()
    expect((await bench.db.delivered.get('filter'))!.script).toEqual(filter.files.script)
    await bench.db.delivered.delete('rank')
    await contact()
    expect(await bench.has()).toEqual(['filter v1', 'rank v1'])
  })
})

describe('nothing changes', () => {
  beforeEach(contact)
  const instead = (make: () => Response) => {
    server.before = (_, path) => (path === '/api/active' ? make() : undefined)
  }

  test.each([
    ['nothing is approved yet', 'refused', () => problem(503, 'Nothing is approved yet.'), /approved/],
    ['the server has no tasks', 'refused', () => problem(404, 'Not Found'), /Not Found/],
    [
      'the answer is cut off',
      'bad-input',
      () => new Response('{"snap', { headers: { 'content-type': 'application/json' } }),
      /JSON/,
    ],
    [
      'a portal answers',
      'offline',
      () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
      /between/,
    ],
    [
      'the answer is nonsense',
      'bad-artifact',
      () => Response.json({ snapshot: '{}', list: '{}' }),
      /snapshot is none/,
    ],
  ])('where %s', async (_, code, make, why) => {
    instead(make)
    await refused(code, why)
    expect(await bench.has()).toEqual(['filter v1', 'rank v1'])
  })

  test('where a thief of the server signs with keys of their own', async () => {
    server.delivering.server = 2
    server.delivering.release([second])
    await refused('bad-artifact', /signatures that count/)
  })

  test('where what was there before comes once more', async () => {
    const [, answer] = await Promise.all([
      server.delivering.release([second]),
      server.delivering.answer('device-1', { root: 1 }),
    ])
    server.delivering.release([filter])
    await contact()
    instead(() => Response.json(answer.answer))
    await refused('bad-artifact', /version 2, and 3 was there before/)
  })

  test('where it has expired, and the device goes on with what it has', async () => {
    server.delivering.release([second])
    server.delivering.expires = NOON
    await refused('bad-artifact', /The snapshot has expired, by the clock of this device/)
    expect(await bench.has()).toEqual(['filter v1', 'rank v1'])
  })

  test('where the device was forgotten meanwhile', async () => {
    server.delivering.release([second])
    server.after = async (_, path, response) => {
      if (path === '/api/active') await eraseAll(bench.db, [])
      return response
    }
    await expect(contact()).rejects.toMatchObject({ code: 'cancelled' })
    expect([await bench.has(), await state()]).toEqual([[], undefined])
  })

  test('where somebody stops it', async () => {
    server.delivering.release([second])
    const stop = new AbortController()
    server.after = (_, path, response) => {
      if (path === '/api/active') stop.abort()
      return response
    }
    const before = await all()
    await expect(bench.delivery.contact(stop.signal)).rejects.toThrow()
    expect(await all()).toBe(before)
  })
})

describe('the first root', () => {
  const made = async (root: string) => {
    bench.close()
    bench = createDeliveryBench(server, { root })
  }

  test('is that of the server that is asked first, unless the app was made for one', async () => {
    await made(await rootHash())
    await contact()
    expect(await bench.has()).toEqual(['filter v1', 'rank v1'])
    server = new FakeServer(world, [filter])
    server.delivering.server = 2
    await made(await sha256(text('another')))
    await refused('bad-artifact', /not the one that this app was made for/)
    expect(await state()).toBeUndefined()
  })

  test('is begun with anew by an app that was made for another', async () => {
    await contact()
    const disk = new IDBFactory()
    bench.close()
    bench = createDeliveryBench(server, { disk })
    await contact()
    bench.close()
    server.delivering.server = 2
    bench = createDeliveryBench(server, { disk, root: await rootHash() })
    await contact()
    expect((await state())!.first).toBe(await rootHash())
  })

  test('of a forgotten device is that of whoever it asks then', async () => {
    await contact()
    await eraseAll(bench.db, [])
    server.delivering.server = 2
    await contact()
    expect(await bench.has()).toEqual(['filter v1', 'rank v1'])
  })
})

describe('a clock', () => {
  const serverSays = (at: number) => {
    server.after = async (_, path, response) => {
      if (path !== '/api/active') return response
      const headers = new Headers(response.headers)
      headers.set('date', new Date(at).toUTCString())
      return new Response(response.status === 304 ? null : await response.text(), {
        status: response.status,
        headers,
      })
    }
  }

  test('that stood wrong when the server was first asked is put right, and then the server cannot turn it', async () => {
    const right = NOON - 400 * DAY_MS
    serverSays(right)
    server.delivering.expires = right + DAY_MS / 2
    await contact()
    expect(await bench.has()).toEqual(['filter v1', 'rank v1'])
    server.delivering.release([filter])
    bench.clock.move(DAY_MS)
    await refused('bad-artifact', /has expired/)
    server.delivering.expires = right + 1.5 * DAY_MS
    await contact()
    expect(await bench.has()).toEqual(['filter v1'])
  })

  test('that was wrong by less than half a day is taken as it is', async () => {
    serverSays(NOON + 11 * HOUR)
    server.delivering.expires = NOON + 6 * HOUR
    await contact()
    expect(await bench.has()).toEqual(['filter v1', 'rank v1'])
  })

  test('that was right is believed from then on', async () => {
    serverSays(NOON)
    server.delivering.expires = NOON + DAY_MS / 2
    await contact()
    server.delivering.release([filter])
    bench.clock.move(2 * DAY_MS)
    serverSays(NOON)
    await refused('bad-artifact', /has expired/)
  })
})
