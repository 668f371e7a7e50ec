/**
 * The same device runtime in Node, for simulations and tests: storage in memory, locks and trainer in this process, and
 * the server over HTTP. Nothing about the device itself is different here.
 */
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { type Clock, systemClock } from '../shared/clock.ts'
import { type Chosen, chooseEngine } from '../shared/engine/choose.ts'
import type { EngineName } from '../shared/engine/engine.ts'
import type { WasmPaths } from '../shared/engine/tfjs/backend.ts'
import { seeded } from '../shared/random.ts'
import { createDevice, type Device } from './device/device.ts'
import { DB_NAME } from './device/storage/names.ts'
import { createLocks } from './locks.ts'
import type { Facts, Platform, TabChannel } from './platform.ts'
import type { Wish } from './trainer/engines.ts'
import type { Trainer } from './trainer/job.ts'
import { createTrainer } from './trainer/trainer.ts'
import { createTurns } from './turns.ts'

export interface HeadlessOptions {
  /** Base URL of the server. */
  readonly server: string
  /** Base URL of a static host, where that has artifacts and tasks. */
  readonly files?: string
  readonly clock?: Clock
  /** Forces an engine; else the best that runs here. */
  readonly engine?: EngineName
  /** Where tfjs finds its .wasm files, if not beside itself. */
  readonly wasmPaths?: WasmPaths
  /** Makes the rounds repeatable. */
  readonly seed?: number
  /** False: nothing happens by itself after `start`; the caller says when to `contact` the server. */
  readonly timers?: boolean
  /** What the device stores; pass it to another device to start again from there. */
  readonly storage?: HeadlessStorage
  readonly fetch?: typeof fetch
  /** What it says of itself. */
  readonly facts?: Facts
  /** SHA-256 of the server's first root of trust. */
  readonly root?: string
}

/** All that a device keeps when its process ends, and what its tabs would share. */
export interface HeadlessStorage {
  readonly indexedDB: Platform['storage']['indexedDB']
  readonly locks: Platform['locks']
  /** One more tab: what it posts the others hear. */
  joinTabs(): TabChannel
}

export const createHeadlessStorage = (): HeadlessStorage => ({
  indexedDB: new IDBFactory(),
  locks: createLocks(),
  joinTabs: createMeeting(),
})

/** Tabs that hear each other, as over a `BroadcastChannel`: later, in order, each its own copy. */
function createMeeting(): () => TabChannel {
  const everyone = new Set<(message: unknown) => void>()
  return () => {
    const mine = new Set<(message: unknown) => void>()
    return {
      post(message) {
        for (const hear of everyone)
          if (!mine.has(hear)) {
            const copy = structuredClone(message)
            queueMicrotask(() => everyone.has(hear) && hear(copy))
          }
      },
      onMessage(listener) {
        everyone.add(listener)
        mine.add(listener)
        return () => {
          everyone.delete(listener)
          mine.delete(listener)
        }
      },
    }
  }
}

/** A device that is not started yet. */
export const createHeadlessDevice = (options: HeadlessOptions): Device =>
  createDevice(headlessPlatform(options))

/** What such a device runs on; tests replace parts of it. */
export function headlessPlatform({
  server,
  files,
  clock = systemClock,
  engine,
  wasmPaths,
  seed = Math.floor(Math.random() * 2 ** 32),
  timers = true,
  storage = createHeadlessStorage(),
  fetch: send = globalThis.fetch,
  facts = { platform: 'node' },
  root,
}: HeadlessOptions): Platform {
  const random = seeded(seed)
  return {
    clock,
    fetch: (path, request) => send(new URL(path, server), request),
    ...(files !== undefined && { files: (path, request) => send(new URL(path, files), request) }),
    facts: () => facts,
    ...(root !== undefined && { root }),
    storage: { name: DB_NAME, indexedDB: storage.indexedDB, IDBKeyRange },
    locks: storage.locks,
    tabs: storage.joinTabs(),
    network: { online: () => true, onChange: () => () => {} },
    after(ms, work) {
      if (!timers) return () => {}
      const timer = setTimeout(work, ms)
      // Node's timers keep the process alive, unless told; to the types of a browser they are numbers.
      ;(timer as { unref?: () => void }).unref?.()
      return () => clearTimeout(timer)
    },
    agent: { browser: 'none', engines: 'of this process' },
    spawnTrainer: () =>
      takingTurns(createTrainer((wish) => sharedEngine(wish, engine, wasmPaths), { end: keep })),
    seed: () => random.below(2 ** 32),
  }
}

const engines = new Map<EngineName | undefined, Promise<Chosen>>()

/** One engine for all devices of this process: its models come and go with each job, its start-up is paid once. */
function sharedEngine(
  { lost }: Wish,
  preferred: EngineName | undefined,
  wasmPaths: WasmPaths | undefined,
): Promise<Chosen> {
  if (lost.length > 0) return chooseEngine({ preferred, wasmPaths, lost })
  const running = engines.get(preferred)
  if (running) return running
  const started = chooseEngine({ preferred, wasmPaths })
  engines.set(preferred, started)
  started.catch(() => engines.delete(preferred))
  return started
}

const keep = async () => {}

/**
 * One thread trains for all devices of this process: two jobs at a time would only take each other's memory. No user has to
 * be spared here, so none of them rests meanwhile.
 */
const turn = createTurns()

/** A call takes no turn: somebody waits for its answer, and ranking takes no time. */
const takingTurns = (trainer: Trainer): Trainer => ({
  ...trainer,
  run: (job, watch) => {
    const work = () => trainer.run({ ...job, duty: 1 }, watch)
    return job.trigger.on === 'call' ? work() : turn(work)
  },
})
