import { IDBKeyRange } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connect, type Port, serve } from '../../shared/boundary.ts'
import { DAY_MS } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import { type DeviceApi, type Status, statusSchema } from '../../shared/protocol.ts'
import {
  createHeadlessStorage,
  type HeadlessOptions,
  type HeadlessStorage,
  headlessPlatform,
} from '../headless.ts'
import type { Platform } from '../platform.ts'
import { handClock } from '../testing/storage.ts'
import { batchesFor, createWorld, FakeServer, html, key, NOON, type World } from '../testing/world.ts'
import type { Trainer } from '../trainer/job.ts'
import { DB_NAME, openDb } from './db.ts'
import { createDevice, type Device } from './device.ts'
import { deferred } from './turns.ts'

let world: World
let server: FakeServer
let clock: ReturnType<typeof handClock>
let storage: HeadlessStorage
const devices: Device[] = []

/** Learns fast enough that a round of few steps shows. */
const LEARNING = { ranking: { epochs: 4, batchSize: 16, learningRate: 0.02 } }

beforeEach(async () => {
  world = await createWorld(LEARNING)
  server = new FakeServer(world)
  server.batches = batchesFor(world, { count: 12, kindred: 2 })
  clock = handClock(NOON)
  storage = createHeadlessStorage()
})
afterEach(async () => {
  for (const device of devices.splice(0)) await device.stop()
})

/** A started device; nothing happens by itself after its first contact. */
async function start(
  options: Partial<HeadlessOptions> = {},
  changes: Partial<Platform> = {},
): Promise<Device> {
  const platform = headlessPlatform({
    server: 'http://server',
    fetch: server.fetch as typeof fetch,
    engine: 'plain',
    seed: 1,
    timers: false,
    clock,
    storage,
    ...options,
  })
  const device = createDevice({ ...platform, ...changes })
  devices.push(device)
  await device.start()
  return device
}

/** A reader who loves category 2 looks through items until `clicks` are made. */
async function read(device: DeviceApi, clicks: number): Promise<void> {
  for (let i = 0, made = 0; made < clicks; i++) {
    clock.move(20_000)
    const item = key((i * 7) % 60)
    await device.track({ events: [{ type: 'exposure', item }] })
    if (((i * 7) % 60) % 6 !== 2) continue
    await device.track({ events: [{ type: 'click', item }] })
    made++
  }
}

const offline = () => {
  server.before = () => {
    throw new TypeError('fetch failed')
  }
}
const online = () => {
  server.before = () => undefined
}
const hashes = ({ models }: Status) => Object.fromEntries(models.map(({ slot, sha256 }) => [slot, sha256]))
const status = (device: DeviceApi) => device.status(null)
const rank = async (device: DeviceApi) =>
  (await device.rank({ items: Array.from({ length: 60 }, (_, i) => key(i)) })).ranked
const disk = () => openDb({ name: DB_NAME, indexedDB: storage.indexedDB, IDBKeyRange })

describe('the work cycle', () => {
  test('a new device gets a feed; ten clicks later it has a better model of its own, which ranks', async () => {
    const device = await start({}, {})
    expect((await device.catalogue(null)).items).toHaveLength(60)
    const delivered = world.manifest.model.sha256
    expect(hashes(await status(device))).toEqual({ M: delivered, M0: delivered })
    const feedBefore = await rank(device)

    await read(device, 10)
    await device.contact()

    const now = await status(device)
    const [round] = now.rounds
    expect(round).toMatchObject({
      outcome: 'committed',
      engine: 'plain',
      matched: 300,
      classifying: 100,
      scored: 200,
    })
    expect(round!.scores.filter((score) => score >= 0.2)).toHaveLength(round!.kept)
    expect(round!.kept).toBeGreaterThan(0)
    expect(round!.after).toBeGreaterThan(round!.before!)
    expect(round!.bytes).toBe(server.batches.reduce((sum, { length }) => sum + length, 0))
    expect(round!.local.validation).toBe(now.samples.local)
    expect(hashes(now)).toEqual({ M: now.serving!.sha256, M0: delivered })
    expect(now.serving!.sha256).not.toBe(delivered)
    expect(await rank(device)).not.toEqual(feedBefore)
    expect(now).toMatchObject({
      events: { waiting: 0, delivered: server.events.size },
      samples: { clicks: 10, matched: 0, filtered: 0 },
      waitingFor: { reason: 'tomorrow' },
      failure: null,
    })
  })

  test('it runs on the fused kernel, the engine that Node gets by default', async () => {
    const platform = headlessPlatform({
      server: 'http://server',
      fetch: server.fetch as typeof fetch,
      timers: false,
      clock,
      seed: 1,
    })
    const device = createDevice(platform)
    devices.push(device)
    await device.start()
    await read(device, 10)
    await device.contact()
    expect((await status(device)).rounds[0]).toMatchObject({ engine: 'fused-wasm', outcome: 'committed' })
  })

  test('below ten clicks no batch is asked for', async () => {
    const device = await start()
    await device.contact()
    await read(device, 9)
    await device.contact()
    expect(server.count('GET /api/batches')).toBe(0)
    expect((await status(device)).waitingFor).toEqual({ reason: 'clicks', missing: 1 })
  })

  test('one round a day: the day’s batches are pulled once, and the next day brings the next', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    await read(device, 3)
    await device.contact()
    expect((await status(device)).rounds).toHaveLength(1)
    expect(server.count('GET /api/batches/100/')).toBe(12)
    clock.move(DAY_MS)
    server.day++
    server.batches = batchesFor(world, { count: 4, kindred: 2, seed: 9 })
    await device.contact()
    const now = await status(device)
    expect(now.rounds).toHaveLength(2)
    expect(now.rounds[0]).toMatchObject({ matched: 100 })
    expect(now.rounds[0]!.outcome).toMatch(/committed|kept/)
  })

  test('a server that has nothing yet is asked again', async () => {
    server.state = 'too-few-clicks'
    const batches = server.batches
    server.batches = []
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    expect((await status(device)).waitingFor).toEqual({ reason: 'clicks', missing: 1 })
    expect((await status(device)).rounds).toHaveLength(0)
    server.state = 'ready'
    server.batches = batches
    await device.contact()
    expect((await status(device)).rounds[0]).toMatchObject({ outcome: 'committed' })
  })

  test('few samples wait until there are enough, as long as the day may bring more', async () => {
    server.batches = server.batches.slice(0, 2)
    const device = await start()
    await device.contact()
    await read(device, 10)
    server.before = (_, path) => {
      if (path.endsWith('/1')) throw new TypeError('fetch failed')
      return undefined
    }
    await device.contact()
    const [first] = (await status(device)).rounds
    expect(first).toMatchObject({ outcome: 'filtered', matched: 25, classifying: 8, scored: 17, steps: 0 })
    online()
    await device.contact()
    const [second] = (await status(device)).rounds
    expect(second).toMatchObject({ matched: 25, scored: 17 })
    expect(second!.outcome).toMatch(/committed|kept/)
    expect(server.count('GET /api/batches/100/0')).toBe(1)
    expect((await status(device)).samples).toMatchObject({ matched: 0 })
  })

  test('train runs a round with whatever there is; without local samples it changes nothing', async () => {
    const device = await start()
    await device.contact()
    const delivered = hashes(await status(device))
    const round = await device.train(null)
    expect(round).toMatchObject({ outcome: 'filtered', steps: 0, before: null })
    expect(hashes(await status(device))).toEqual(delivered)
    await read(device, 3)
    const second = await device.train(null)
    expect(second.scored).toBe(200)
    expect(second.outcome).toMatch(/committed|kept/)
  })

  test('rollback brings the delivered model back', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    const own = await rank(device)
    await device.rollback(null)
    expect(hashes(await status(device)).M).toBe(world.manifest.model.sha256)
    expect((await device.rank({ items: [key(0)] })).serving.sha256).toBe(world.manifest.model.sha256)
    expect(await rank(device)).not.toEqual(own)
  })

  test('a new version of the task replaces M and M0, and keeps what the user did', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    server.world = await createWorld({ ...LEARNING, version: 2 })
    clock.move(60_000)
    await device.contact()
    const now = await status(device)
    expect(now.task).toEqual({ name: 'toy', version: 2 })
    expect(hashes(now).M0).toBe(server.world.manifest.model.sha256)
    expect(now.samples.clicks).toBe(10)
    expect((await device.rank({ items: [key(1)] })).serving.version).toBe(2)
  })
})

describe('without a network', () => {
  test('a device that has been used starts and ranks from what it stored', async () => {
    const first = await start()
    await first.contact()
    await read(first, 10)
    await first.contact()
    const feed = await rank(first)
    const before = await status(first)
    await first.stop()

    offline()
    const second = await start()
    expect((await second.catalogue(null)).items).toHaveLength(60)
    expect(await rank(second)).toEqual(feed)
    expect((await status(second)).serving).toEqual(before.serving)
    expect((await status(second)).rounds).toEqual(before.rounds)
    await expect(second.contact()).rejects.toMatchObject({ code: 'offline' })
    expect(await status(second)).toMatchObject({ online: false, failure: { code: 'offline' } })
  })

  test('a new device waits for its task, and what was tracked meanwhile is not lost', async () => {
    offline()
    const device = await start()
    const catalogue = device.catalogue(null)
    await read(device, 2)
    await expect(device.rank({ items: [key(0)] })).rejects.toMatchObject({ code: 'not-ready' })
    await expect(device.contact()).rejects.toMatchObject({ code: 'offline' })
    expect((await status(device)).waitingFor).toEqual({ reason: 'network' })
    online()
    await device.contact()
    expect((await catalogue).items).toHaveLength(60)
    expect((await status(device)).samples.clicks).toBe(2)
    expect([...server.events.values()].filter(({ type }) => type === 'click')).toHaveLength(2)
  })

  test('it can train on what it has', async () => {
    const device = await start()
    await device.contact()
    await read(device, 9)
    await device.train(null)
    clock.move(4 * DAY_MS)
    await read(device, 9)
    offline()
    const round = await device.train(null)
    expect(round).toMatchObject({ matched: 0, scored: 0 })
    expect(round.local.training).toBeGreaterThan(0)
    expect(round.outcome).toMatch(/committed|kept/)
  })
})

describe('faults', () => {
  /** A trainer that dies at its first job, as a thread does that ran out of memory. */
  const dying = (): Trainer => ({
    filter: () => Promise.reject(new AppError('worker', 'The trainer stopped: out of memory.')),
    personalise: () => Promise.reject(new AppError('worker', 'The trainer stopped: out of memory.')),
    pause: () => {},
    resume: () => {},
    terminate: () => {},
  })

  test('a trainer that dies fails the round and nothing else; it is not tried again at once', async () => {
    const platform = headlessPlatform({ server: 'http://server', engine: 'plain', seed: 1 })
    let spawn: () => Trainer = dying
    const device = await start({}, { spawnTrainer: () => spawn() })
    await device.contact()
    await read(device, 10)
    await device.contact()
    const now = await status(device)
    expect(now.rounds[0]).toMatchObject({ outcome: 'failed', failure: { code: 'worker' } })
    expect(now.failure).toMatchObject({ code: 'worker' })
    expect(hashes(now)).toEqual({ M: world.manifest.model.sha256, M0: world.manifest.model.sha256 })
    expect(now.samples.matched).toBe(300)
    expect(await rank(device)).toHaveLength(60)

    spawn = platform.spawnTrainer
    await device.contact()
    expect((await status(device)).rounds).toHaveLength(1)
    clock.move(10 * 60_000)
    await device.contact()
    expect((await status(device)).rounds[0]).toMatchObject({
      outcome: 'committed',
      matched: 300,
      scored: 200,
    })
  })

  test('a round that the caller stops is cancelled; M stays and so do the samples', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    const abort = new AbortController()
    device.onStatus(({ run }) => {
      if (run.phase === 'training' && run.fraction > 0) abort.abort(new AppError('cancelled', 'Stopped.'))
    })
    await expect(device.train(null, abort.signal)).rejects.toMatchObject({ code: 'cancelled' })
    const now = await status(device)
    expect(now.rounds[0]).toMatchObject({ outcome: 'failed', failure: { code: 'cancelled' } })
    expect(now.failure).toBeNull()
    expect(now.run).toEqual({ phase: 'idle' })
    expect(hashes(now).M).toBe(world.manifest.model.sha256)
    expect(now.samples.filtered).toBeGreaterThan(0)
    expect((await device.train(null)).outcome).toBe('committed')
  })

  test('a first download that is cut short leaves nothing half-made, and the next contact heals it', async () => {
    server.before = (_, path) =>
      path.includes(world.manifest.model.sha256) ? new Response(new Uint8Array(9)) : undefined
    const device = await start()
    await expect(device.contact()).rejects.toMatchObject({ code: 'bad-artifact' })
    expect(await status(device)).toMatchObject({ task: null, models: [] })
    online()
    await device.contact()
    expect(await rank(device)).toHaveLength(60)
    expect((await status(device)).failure).toBeNull()
  })

  test('a captive portal is as good as no network', async () => {
    server.before = () => html()
    const device = await start()
    await expect(device.contact()).rejects.toMatchObject({ code: 'offline' })
    expect((await status(device)).online).toBe(false)
  })

  test('with both models damaged on the disk, ranking says so and the next contact brings the model anew', async () => {
    const first = await start()
    await first.contact()
    await first.stop()
    const db = disk()
    await db.blobs.filter(({ slot }) => slot !== 'catalogue').modify({ bytes: new Uint8Array(8) })
    db.close()
    offline()
    const device = await start()
    await expect(rank(device)).rejects.toMatchObject({ code: 'bad-artifact' })
    online()
    await device.contact()
    expect(await rank(device)).toHaveLength(60)
  })

  test('a damaged catalogue is downloaded anew; the personal model stays', async () => {
    const first = await start()
    await first.contact()
    await read(first, 10)
    await first.contact()
    const { M } = hashes(await status(first))
    await first.stop()
    const db = disk()
    await db.blobs.filter(({ slot }) => slot === 'catalogue').modify({ bytes: new Uint8Array(8) })
    db.close()
    const device = await start()
    await device.contact()
    expect((await device.catalogue(null)).items).toHaveLength(60)
    expect(hashes(await status(device)).M).toBe(M)
  })

  test('an item that the catalogue lacks is bad input', async () => {
    const device = await start()
    await device.contact()
    await expect(device.rank({ items: ['nothing'] })).rejects.toMatchObject({ code: 'bad-input' })
  })
})

describe('forgetting', () => {
  test('everything goes, here and on the server, and the device starts anew', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    const { device: name, events } = await status(device)
    expect(await device.forget(null)).toEqual({
      server: { events: events.delivered, samples: 0, mappings: 0 },
    })
    expect(server.events.size).toBe(0)
    await device.contact()
    const now = await status(device)
    expect(now).toMatchObject({
      events: { waiting: 0, delivered: 0 },
      samples: { local: 0, clicks: 0, matched: 0, filtered: 0 },
      rounds: [],
    })
    expect(now.device).not.toBe(name)
    expect(hashes(now).M).toBe(world.manifest.model.sha256)
    expect(await rank(device)).toHaveLength(60)
  })

  test('offline everything goes here, and the answer says that the server could not be told', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    offline()
    expect(await device.forget(null)).toEqual({ server: null })
    const db = disk()
    expect(await Promise.all(db.tables.map((table) => table.count()))).toEqual(db.tables.map(() => 0))
    db.close()
    await expect(device.rank({ items: [key(0)] })).rejects.toMatchObject({ code: 'not-ready' })
  })

  test('a round under way is ended first, and brings nothing back', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    const training = deferred<void>()
    device.onStatus(({ run }) => run.phase === 'training' && training.resolve())
    const round = device.train(null).catch((error) => error)
    await training.promise
    offline()
    await device.forget(null)
    expect(await round).toMatchObject({ code: 'cancelled' })
    const db = disk()
    expect(await db.models.count()).toBe(0)
    expect(await db.journal.count()).toBe(0)
    db.close()
  })
})

describe('by itself', () => {
  /** Timers that the test fires. */
  function handTimers() {
    const set = new Map<number, () => void>()
    let heard = (_: number) => {}
    return {
      after(ms: number, work: () => void) {
        set.set(ms, work)
        heard(ms)
        return () => void set.delete(ms)
      },
      waiting: () => [...set.keys()].sort((a, b) => a - b),
      fire(ms: number) {
        const work = set.get(ms)!
        set.delete(ms)
        work()
      },
      /** Done when a timer of `ms` is set. */
      set: (ms: number) =>
        new Promise<void>((resolve) => {
          heard = (other) => other === ms && resolve()
        }),
    }
  }
  const delivered = (device: Device, count: number) =>
    new Promise<void>((resolve) => {
      device.onStatus(({ events }) => events.delivered === count && resolve())
    })

  test('the device sends what was tracked a moment later, and visits the server once a minute', async () => {
    const timers = handTimers()
    const device = await start({}, { after: timers.after })
    await device.contact()
    expect(timers.waiting()).toEqual([60_000])
    await device.track({ events: [{ type: 'exposure', item: key(1) }] })
    await device.track({ events: [{ type: 'exposure', item: key(2) }] })
    expect(timers.waiting()).toEqual([1500, 60_000])
    timers.fire(1500)
    await delivered(device, 2)
    expect(server.count('POST /api/events')).toBe(1)
    clock.move(60_000)
    const before = server.count('GET /api/task')
    timers.fire(60_000)
    expect(timers.waiting()).toEqual([60_000])
    await device.contact()
    expect(server.count('GET /api/task')).toBe(before + 1)
  })

  test('a network that comes back is used at once', async () => {
    let changed = () => {}
    const network = {
      online: () => true,
      onChange(listener: () => void) {
        changed = listener
        return () => {}
      },
    }
    offline()
    const device = await start({}, { network })
    await device.contact().catch(() => {})
    await device.track({ events: [{ type: 'exposure', item: key(1) }] })
    online()
    changed()
    await delivered(device, 1)
    expect((await status(device)).online).toBe(true)
  })

  test('a server that is still gathering is asked again soon, then more patiently', async () => {
    const timers = handTimers()
    server.state = 'too-few-clicks'
    server.batches = []
    const device = await start({}, { after: timers.after })
    await device.contact()
    await read(device, 10)
    const soon = timers.set(5_000)
    timers.fire(1500)
    await soon
    const later = timers.set(10_000)
    timers.fire(5_000)
    await later
    expect(timers.waiting()).toEqual([10_000, 60_000])
  })
})

describe('two tabs on one storage', () => {
  test('are one device with one set of samples, and only one of them runs the round', async () => {
    const a = await start()
    await a.contact()
    const b = await start()
    await b.contact()
    expect((await status(a)).device).toBe((await status(b)).device)
    await read(a, 5)
    await read(b, 5)
    await Promise.all([a.contact(), b.contact()])
    const now = await status(a)
    expect(now.samples.clicks).toBe(10)
    expect(now.rounds.filter(({ outcome }) => outcome === 'committed')).toHaveLength(1)
    expect(now.rounds).toHaveLength(1)
    expect(now.events.delivered).toBe(server.events.size)
    expect(await rank(b)).toEqual(await rank(a))
  })

  test('one that lags behind takes up the task that the other has received', async () => {
    const a = await start()
    await a.contact()
    const b = await start()
    await b.contact()
    server.world = await createWorld({ ...LEARNING, version: 2 })
    clock.move(60_000)
    await a.contact()
    expect((await b.rank({ items: [key(1)] })).serving.version).toBe(2)
  })
})

test('every status fits its schema, and a round shows its phases in order', async () => {
  const device = await start()
  await device.contact()
  const phases: string[] = []
  device.onStatus((status) => {
    statusSchema.parse(status)
    if (phases.at(-1) !== status.run.phase) phases.push(status.run.phase)
  })
  await read(device, 10)
  await device.contact()
  await status(device)
  expect(phases.filter((phase) => phase !== 'idle')).toEqual([
    'fetching',
    'filtering',
    'training',
    'committing',
  ])
})

test('while a model trains, ranking and tracking are answered', async () => {
  const device = await start()
  await device.contact()
  await read(device, 10)
  const training = deferred<void>()
  device.onStatus(({ run }) => run.phase === 'training' && training.resolve())
  let done = false
  const round = device.train(null).then((round) => {
    done = true
    return round
  })
  await training.promise
  expect(await rank(device)).toHaveLength(60)
  await device.track({ events: [{ type: 'exposure', item: key(1) }] })
  expect(done).toBe(false)
  expect((await round).outcome).toBe('committed')
})

const homes: Record<string, (device: Device) => { api: DeviceApi; close(): void }> = {
  'in this process': (device) => ({ api: device, close: () => {} }),
  'across a port': (device) => {
    const { port1, port2 } = new MessageChannel()
    serve(port2 as unknown as Port, device)
    const api = connect(port1 as unknown as Port)
    port1.start()
    port2.start()
    return { api, close: () => port1.close() }
  },
}

describe.each(Object.entries(homes))('the device %s', (_, home) => {
  let api: DeviceApi
  let close: () => void
  beforeEach(async () => {
    ;({ api, close } = home(await start()))
  })
  afterEach(() => close())

  test('answers catalogue, rank, track, flush and status', async () => {
    expect((await api.catalogue(null)).noun).toBe('thing')
    const { ranked, serving } = await api.rank({ items: [key(3), key(1), key(2)] })
    expect(ranked.map(({ item }) => item).sort()).toEqual([key(1), key(2), key(3)])
    expect(ranked.map(({ score }) => score)).toEqual(ranked.map(({ score }) => score).sort((a, b) => b - a))
    expect(serving).toMatchObject({ slot: 'M', version: 1 })
    expect(await api.track({ events: [{ type: 'click', item: key(3) }] })).toBeNull()
    expect((await api.status(null)).events.waiting).toBe(2)
    expect(await api.flush(null)).toBeNull()
    expect((await api.status(null)).events).toEqual({ waiting: 0, delivered: 2 })
  })

  test('trains, rolls back and forgets', async () => {
    await api.catalogue(null)
    await read(api, 10)
    expect((await api.train(null)).outcome).toBe('committed')
    expect(await api.rollback(null)).toBeNull()
    expect((await api.forget(null)).server).toMatchObject({ samples: 0 })
  })

  test('tells failures with their code', async () => {
    await api.catalogue(null)
    await expect(api.rank({ items: ['nothing'] })).rejects.toMatchObject({
      name: 'AppError',
      code: 'bad-input',
    })
  })

  test('pushes every change of the status, and stops when asked to', async () => {
    await api.catalogue(null)
    const heard = deferred<void>()
    let calls = 0
    const stop = api.onStatus(({ events }) => {
      calls++
      if (events.waiting > 0) heard.resolve()
    })
    await api.track({ events: [{ type: 'exposure', item: key(3) }] })
    await heard.promise
    stop()
    const before = calls
    await api.track({ events: [{ type: 'exposure', item: key(4) }] })
    await api.status(null)
    expect(calls).toBe(before)
  })
})
