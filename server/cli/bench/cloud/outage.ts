/** An outage ends: thousands of devices, each with something to send and to fetch, connect in the same moment. */
import { batchListSchema } from '../../../../shared/api.ts'
import { AppError, parse } from '../../../../shared/failure.ts'
import { seeded } from '../../../../shared/random.ts'
import { rounded } from '../../../../worker/bench/measure.ts'
import { TIMEOUT_MS } from '../../../../worker/device/tunnel/line.ts'
import { patienceAsked } from '../../../../worker/device/tunnel/patience.ts'
import { type Answer, openConnection, requestOf } from './connection.ts'
import { sitting, uploadOf } from './ingest.ts'
import type { Part } from './part.ts'
import { type BenchServer, startServer } from './server.ts'
import { latenciesOf } from './turns.ts'

const FULL = { people: 1000, devices: 10_000, history: 30 }
const QUICK = { people: 150, devices: 100, history: 30 }

/** Events that wait in each outbox. */
const OUTBOX = 40
/** A device that has not got through after so long has been left alone, ms. */
const GIVE_UP_MS = 600_000

export const outage: Part = async ({ quick, scratch, progress }) => {
  const { people, devices, history } = quick ? QUICK : FULL
  const stage = 'After an outage'
  const server = await startServer(scratch('outage'), people, { limited: true })
  try {
    const credentials = await server.ask('enrol', { count: devices, crowd: 5, events: history })
    await server.ask('prepare')
    await server.ask('publish')
    await server.ask('follow')
    const { catalogue } = await server.ask('population')
    const items = catalogue.items.map(({ key }) => key)
    const random = seeded(6)
    const visits = credentials.map((credential, nth) => ({
      credential,
      outbox: uploadOf(credential, sitting(OUTBOX, items, random)),
      localAddress: addressOf(nth),
    }))
    progress(stage, 0, devices)
    await server.ask('watch')
    const before = await server.ask('usage')
    let there = 0
    const seen = await Promise.all(
      visits.map((visit) =>
        contact(server, visit).finally(() => {
          progress(stage, ++there, devices)
        }),
      ),
    )
    const after = await server.ask('usage')
    const { peakMb, longestPauseMs } = await server.ask('watched')
    const failures = tally(seen.flatMap(({ failure }) => (failure === undefined ? [] : [failure])))
    const served = seen.filter(({ failure }) => failure === undefined)
    const lost = served.length * OUTBOX - (after.events - before.events)
    const detail = {
      devices,
      eventsAnOutbox: OUTBOX,
      refusals: tally(seen.flatMap(({ refusals }) => refusals.map(String))),
      refusalsOfOne: Math.max(...seen.map(({ refusals }) => refusals.length)),
      waitedMs: latenciesOf(seen.map(({ waitedMs }) => waitedMs)),
      batches: seen.reduce((sum, { batches }) => sum + batches, 0),
      serverCpuS: rounded((after.cpuMs - before.cpuMs) / 1000),
      longestPauseMs,
    }
    return {
      'cloud.outage.failures': {
        value: seen.length - served.length,
        detail: {
          ...(Object.keys(failures).length > 0 && { failures }),
          counted:
            'whatever is no answer below 400, nor 429 or 503 with Retry-After, within 30 s; a device not through in 10 min',
          ...detail,
        },
      },
      'cloud.outage.events_lost': { value: lost, detail: { acknowledged: served.length * OUTBOX } },
      'cloud.outage.seconds': {
        value: rounded(Math.max(...seen.map(({ ms }) => ms)) / 1000),
        detail: { deviceMs: latenciesOf(seen.map(({ ms }) => ms)) },
      },
      'cloud.outage.rss_mb': {
        value: rounded(peakMb),
        detail: {
          beforeMb: rounded(before.rssMb),
          counted: 'the server’s resident memory every 100 ms, the pages of its database file included',
        },
      },
    }
  } finally {
    await server.close()
  }
}

/** Each device has an address of its own, all on loopback. */
export const addressOf = (nth: number): string => `127.${1 + (nth >> 16)}.${(nth >> 8) & 255}.${nth & 255}`

interface Seen {
  /** From the moment when all connect to the last answer. */
  readonly ms: number
  /** Of those, spent waiting as the server had asked. */
  readonly waitedMs: number
  readonly refusals: readonly number[]
  readonly batches: number
  readonly failure?: string
}

/** What a device does when it finds its server again: sends its outbox, asks for the task, pulls its batches. */
async function contact(
  server: BenchServer,
  { credential, outbox, localAddress }: { credential: string; outbox: Buffer; localAddress: string },
): Promise<Seen> {
  const connection = openConnection({ host: server.host, port: server.port, localAddress })
  const start = performance.now()
  const refusals: number[] = []
  let waitedMs = 0
  let batches = 0
  const ask = async (request: Buffer): Promise<Answer> => {
    for (;;) {
      const answer = await within(TIMEOUT_MS, connection.send(request))
      const headers = { get: (name: string) => answer.header(name) ?? null }
      const wait = patienceAsked(answer.status, headers, Date.now(), Math.random())
      if (wait === undefined && answer.status >= 400)
        throw new AppError('refused', `${answer.status}: ${answer.body.toString().slice(0, 200)}`)
      if (wait === undefined) return answer
      refusals.push(answer.status)
      waitedMs += wait
      if (performance.now() - start + wait > GIVE_UP_MS) throw new AppError('refused', 'put off for too long')
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
  const seen = (failure?: string): Seen => ({
    ms: performance.now() - start,
    waitedMs,
    refusals,
    batches,
    ...(failure !== undefined && { failure }),
  })
  try {
    await ask(outbox)
    await ask(requestOf('/api/task', { credential }))
    const { body } = await ask(requestOf('/api/batches', { credential }))
    const { day, count } = parse(batchListSchema, JSON.parse(body.toString()), 'The list of batches')
    for (; batches < count; batches++) await ask(requestOf(`/api/batches/${day}/${batches}`, { credential }))
    return seen()
  } catch (error) {
    return seen(error instanceof Error ? error.message : String(error))
  } finally {
    connection.close()
  }
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError('offline', `no answer within ${ms / 1000} s`)), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** How often each occurs. */
export function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
