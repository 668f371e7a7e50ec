/** Devices on a stage for each test: one world, one server, one clock, one storage; all ends with the test. */
import { IDBKeyRange } from 'fake-indexeddb'
import { afterEach, beforeEach } from 'vitest'
import type { DeviceApi, Status } from '../../shared/protocol.ts'
import { createDevice, type Device } from '../device/device.ts'
import { openDb } from '../device/storage/db.ts'
import { DB_NAME } from '../device/storage/names.ts'
import type { Db } from '../device/storage/tables.ts'
import { createHeadlessStorage, type HeadlessStorage, headlessPlatform } from '../headless.ts'
import type { Platform } from '../platform.ts'
import { builtTasks } from './built.ts'
import { handClock } from './storage.ts'
import { batchesFor, createWorld, FakeServer, key, NOON, type World } from './world.ts'

/** Learns fast enough that a round of few steps shows. */
export const LEARNING = { ranking: { epochs: 4, batchSize: 16, learningRate: 0.02 } }
/** One pass, for tests whose rounds need only come to an end. */
export const BRIEF = {
  ranking: { epochs: 1, batchSize: 32, learningRate: 0.05 },
  classifier: { epochs: 1 },
}

/** Call it at the top of a test file. What it gives is new for each test; its functions may be taken out of it. */
export function stage() {
  const devices: Device[] = []
  const here = {
    world: undefined as unknown as World,
    server: undefined as unknown as FakeServer,
    clock: handClock(NOON),
    storage: undefined as unknown as HeadlessStorage,

    /** What devices here run on: nothing happens by itself after the first contact. */
    platform: (): Platform =>
      headlessPlatform({
        server: 'http://server',
        fetch: here.server.fetch as typeof fetch,
        engine: 'plain',
        seed: 1,
        timers: false,
        clock: here.clock,
        storage: here.storage,
      }),

    /** A device on a platform with `changes`, not started yet. */
    prepare(changes: Partial<Platform> = {}): Device {
      const device = createDevice({ ...here.platform(), ...changes })
      devices.push(device)
      return device
    },

    /** A started device. */
    async start(changes: Partial<Platform> = {}): Promise<Device> {
      const device = here.prepare(changes)
      await device.start()
      return device
    },

    /** A reader who loves category 2 looks through items until `clicks` are made. */
    async read(device: DeviceApi, clicks: number): Promise<void> {
      for (let i = 0, made = 0; made < clicks; i++) {
        here.clock.move(20_000)
        const item = key((i * 7) % 60)
        await device.track({ events: [{ type: 'exposure', item }] })
        if (((i * 7) % 60) % 6 !== 2) continue
        await device.track({ events: [{ type: 'click', item }] })
        made++
      }
    },

    offline() {
      here.server.before = () => {
        throw new TypeError('fetch failed')
      }
    },
    online() {
      here.server.before = () => undefined
    },

    /** The same database, past the device. */
    disk: (): Db => openDb({ name: DB_NAME, indexedDB: here.storage.indexedDB, IDBKeyRange }),
  }

  beforeEach(async () => {
    here.world = await createWorld(LEARNING)
    here.server = new FakeServer(here.world, builtTasks)
    here.server.batches = batchesFor(here.world, { count: 12, kindred: 2 })
    here.clock = handClock(NOON)
    here.storage = createHeadlessStorage()
  })
  afterEach(async () => {
    for (const device of devices.splice(0)) await device.stop()
  })
  return here
}

export const status = (device: DeviceApi): Promise<Status> => device.status(null)

/** SHA-256 by slot. */
export const hashes = ({ models }: Status): Record<string, string> =>
  Object.fromEntries(models.map(({ slot, sha256 }) => [slot, sha256]))

export const rank = async (device: DeviceApi) =>
  (await device.rank({ items: Array.from({ length: 60 }, (_, i) => key(i)) })).ranked
