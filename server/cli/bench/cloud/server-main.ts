/** The far side of server.ts: a Kindred server in a process of its own, told by messages what to do. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { pino } from 'pino'
import { type Clock, systemClock } from '../../../../shared/clock.ts'
import { toFailure } from '../../../../shared/failure.ts'
import { schemas } from '../../../../shared/schemas/index.ts'
import { type Cloud, openCloud } from '../../../cloud/cloud.ts'
import { createApp } from '../../../http/app.ts'
import { listen } from '../../../http/listen.ts'
import { demo } from '../../../sources/demo.ts'

/** How long before now the devices registered: nobody's account is young. */
const OLD_MS = 8 * 86_400_000

const HOST = '127.0.0.1'
/** An address behind which there are many devices. */
const NO_LIMIT = { burst: 1e9, everyMs: 1 }

let cloud: Cloud | undefined
let stop: (() => void) | undefined
let aheadMs = 0
const clock: Clock = { now: () => systemClock.now() + aheadMs }

const opened = (): Cloud => {
  if (!cloud) throw new RangeError('the server is not open')
  return cloud
}

const calls = {
  /** Opens the folder with a generated population, and serves it; beside it, at `empty`, a Hono app with one empty route. */
  async open({ dir, people }: { dir: string; people: number }) {
    cloud = await openCloud({ dataDir: dir, clock })
    if (await cloud.isEmpty()) await cloud.importSource(await demo(undefined, { clock, users: people }))
    const app = createApp({
      cloud,
      log: pino({ level: 'warn' }, pino.destination(2)),
      clock,
      registrations: NO_LIMIT,
    })
    const { url } = await listen(app, { port: 0, host: HOST })
    const bare = new Hono().get('/', (c) => c.text(''))
    const server = createAdaptorServer({ fetch: bare.fetch }) as Server
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
    return { port: Number(new URL(url).port), empty: (server.address() as AddressInfo).port }
  },

  /** Registers devices whose owners have been reading for a week; gives their credentials. */
  async enrol({ count, seed }: { count: number; seed: number }): Promise<string[]> {
    const readers = (await demo(undefined, { clock, users: count, seed })).users()
    aheadMs -= OLD_MS
    const identities = await Promise.all(Array.from({ length: count }, () => opened().register()))
    aheadMs += OLD_MS
    for (const { credential } of identities) {
      const user = await opened().authenticate(credential)
      const { value } = await readers[Symbol.asyncIterator]().next()
      await opened().ingest(user!, value.events)
    }
    return identities.map(({ credential }) => credential)
  },

  /** The catalogue that its people read, and the schema of their samples. */
  async population() {
    const { catalogue, schema } = await demo(undefined, { clock, users: 1 })
    return { catalogue, schema: schemas[schema](catalogue) }
  },

  prepare: async () => opened().prepare(),

  /** From now on, days and what is fresh are prepared as they come. */
  async follow() {
    stop = opened().followDays()
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

  async close() {
    stop?.()
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
