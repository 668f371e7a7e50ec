/** The far side of server.ts: a Kindred server in a process of its own, told by messages what to do. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { pino } from 'pino'
import type { Registration } from '../../../../shared/api.ts'
import { type Clock, systemClock } from '../../../../shared/clock.ts'
import { toFailure } from '../../../../shared/failure.ts'
import { schemas } from '../../../../shared/schemas/index.ts'
import { type Cloud, openCloud } from '../../../cloud/cloud.ts'
import { createApp } from '../../../http/app.ts'
import { LIMITS, type Limits } from '../../../http/limits.ts'
import { listen } from '../../../http/listen.ts'
import { demo } from '../../../sources/demo.ts'
import { weeksOf } from './crowd.ts'

/** How long before now the devices registered: nobody's account is young. */
const OLD_MS = 8 * 86_400_000

const HOST = '127.0.0.1'
/** Limits that are counted like any, and never met. */
const RATE = { burst: 1e9, everyMs: 1 }
const CAPACITY = { most: 1e12, perSecond: 1e6 }
const WIDE: Limits = {
  registrations: RATE,
  address: RATE,
  device: RATE,
  reports: RATE,
  names: RATE,
  uploads: CAPACITY,
  events: CAPACITY,
  waiting: CAPACITY,
}

interface Enrolment {
  readonly count: number
  /** Which people: as in `weeksOf`. */
  readonly crowd: number
  readonly events?: number
  readonly copies?: number
}
/** Devices that are enrolled at the same time. */
const AT_ONCE = 200

const pauses = monitorEventLoopDelay({ resolution: 10 })
let looking: NodeJS.Timeout | undefined
let peakMb = 0
let cloud: Cloud | undefined
let stops: (() => void)[] = []
let aheadMs = 0
const clock: Clock = { now: () => systemClock.now() + aheadMs }

const opened = (): Cloud => {
  if (!cloud) throw new RangeError('the server is not open')
  return cloud
}

/** The clock is read before anything is awaited. */
function registerLongAgo(): Promise<Registration> {
  aheadMs -= OLD_MS
  const registered = opened().register()
  aheadMs += OLD_MS
  return registered
}

const calls = {
  /** Opens the folder with a generated population, and serves it; beside it, at `empty`, a Hono app with one empty route. */
  async open({ dir, people, limited }: { dir: string; people: number; limited: boolean }) {
    cloud = await openCloud({ dataDir: dir, clock })
    if (await cloud.isEmpty()) await cloud.importSource(await demo(undefined, { clock, users: people }))
    const log = pino({ level: 'warn' }, pino.destination(2))
    const app = createApp({ cloud, log, limits: limited ? LIMITS : WIDE })
    const { url } = await listen(app, { port: 0, host: HOST })
    const bare = new Hono().get('/', (c) => c.text(''))
    const server = createAdaptorServer({ fetch: bare.fetch }) as Server
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
    return { port: Number(new URL(url).port), empty: (server.address() as AddressInfo).port }
  },

  /**
   * Registers devices whose owners have been reading for a week, `copies` with the same week each; gives their credentials,
   * those of one week beside each other.
   */
  async enrol({ count, crowd, events = Number.POSITIVE_INFINITY, copies = 1 }: Enrolment): Promise<string[]> {
    const credentials: string[] = []
    const under: Promise<string>[] = []
    for await (const week of weeksOf(count, crowd)) {
      const first = week.events.slice(0, events)
      const one = async () => {
        const { credential } = await registerLongAgo()
        const user = await opened().authenticate(credential)
        await opened().ingest(user!, first)
        return credential
      }
      under.push(...Array.from({ length: copies }, one))
      if (under.length >= AT_ONCE) credentials.push(...(await Promise.all(under.splice(0))))
    }
    return [...credentials, ...(await Promise.all(under.splice(0)))]
  },

  /** The catalogue that its people read, and the schema of their samples. */
  async population() {
    const { catalogue, schema } = await demo(undefined, { clock, users: 1 })
    return { catalogue, schema: schemas[schema](catalogue) }
  },

  prepare: async () => opened().prepare(),

  /** Publishes a task, whatever it is worth. */
  publish: async () => void (await opened().train({ maxSamples: 2000, epochs: 1 })),

  /** From now on, days and what is fresh are prepared as they come. */
  async follow() {
    stops = [opened().followDays(), opened().followFresh()]
  },

  /** CPU time and memory of this process so far, and what its log holds. */
  async usage() {
    const { user, system } = process.cpuUsage()
    const { maxRSS } = process.resourceUsage()
    const { events } = await opened().status()
    return {
      cpuMs: (user + system) / 1000,
      rssMb: process.memoryUsage.rss() / 1e6,
      peakMb: maxRSS / 1000,
      events,
    }
  },

  /** Looks, from now on until `watched`, how much memory is taken and how long the event loop stands still. */
  async watch() {
    pauses.reset()
    pauses.enable()
    peakMb = 0
    looking = setInterval(() => {
      peakMb = Math.max(peakMb, process.memoryUsage.rss() / 1e6)
    }, 100)
  },
  async watched() {
    clearInterval(looking)
    pauses.disable()
    return { peakMb, longestPauseMs: Math.round(pauses.max / 1e6) }
  },

  async close() {
    for (const stop of stops) stop()
    await cloud?.close()
    cloud = undefined
  },
}

export type Calls = typeof calls
export type CallName = keyof Calls
export interface Call {
  readonly id: number
  readonly name: CallName
  readonly input: unknown
}

process.on('message', async ({ id, name, input }: Call) => {
  try {
    const call = calls[name] as (input: unknown) => Promise<unknown>
    process.send!({ id, output: await call(input) })
  } catch (error) {
    const stack = error instanceof Error ? error.stack : undefined
    process.send!({ id, failure: toFailure(error), stack })
  }
})
process.on('disconnect', () => process.exit(0))
