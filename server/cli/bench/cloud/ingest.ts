/** The up tunnel: uploads of many devices at once, each acknowledged when all of it is on disk. */
import { zlibSync } from 'fflate'
import { v7 } from 'uuid'
import type { KindredEvent } from '../../../../shared/event.ts'
import { AppError } from '../../../../shared/failure.ts'
import { type Random, seeded } from '../../../../shared/random.ts'
import { rounded } from '../../../../worker/bench/measure.ts'
import { openConnection, requestOf } from './connection.ts'
import type { Part } from './part.ts'
import { type BenchServer, startServer } from './server.ts'
import { latenciesOf, ratesOf, type Turn } from './turns.ts'

const FULL = { people: 200, devices: 1000, rounds: 5, events: 150_000 }
const QUICK = { people: 50, devices: 50, rounds: 1, events: 5_000 }

/** Uploads under way at once. */
const CONNECTIONS = 64
/** Events of an upload: a sitting of some 40 cards, a few of them opened; and for comparison. */
const SIZES = [50, 10, 250] as const

export const ingest: Part = async ({ quick, scratch, progress }) => {
  const { people, devices, rounds, events } = quick ? QUICK : FULL
  const server = await startServer(scratch('ingest'), people)
  try {
    const credentials = await server.ask('enrol', { count: devices, crowd: 3 })
    const { catalogue } = await server.ask('population')
    const items = catalogue.items.map(({ key }) => key)
    const random = seeded(4)
    const turns = new Map<number, Turn[]>(SIZES.map((size) => [size, []]))
    const latencies: number[] = []
    let bytes = 0
    for (let round = -1; round < rounds; round++) {
      for (const size of SIZES) {
        const uploads = Array.from({ length: Math.ceil(events / size) }, (_, i) =>
          uploadOf(credentials[i % devices]!, sitting(size, items, random)),
        )
        const turn = await send(server, uploads, size)
        // The first round is for the compilers.
        if (round < 0) continue
        turns.get(size)!.push(turn)
        if (size !== SIZES[0]) continue
        latencies.push(...turn.latencies)
        bytes = uploads.reduce((sum, { length }) => sum + length, 0) / uploads.length
      }
      if (round >= 0) progress('Uploads', round + 1, rounds)
    }
    const rates = Object.fromEntries([...turns].map(([size, some]) => [size, ratesOf(some)]))
    return {
      'cloud.ingest_eps': {
        value: rates[SIZES[0]]!.median,
        detail: {
          eventsPerS: rates,
          cpu: 'µs of the server an event',
          uploadMs: latenciesOf(latencies),
          shape: {
            connections: CONNECTIONS,
            devices,
            eventsAnUpload: SIZES[0],
            bytesAnUpload: rounded(bytes),
            encoding: 'deflate',
          },
          counted: 'from the first upload to the last 202; the log holds every event of them',
        },
      },
    }
  } finally {
    await server.close()
  }
}

/** What somebody sees, and now and then opens, in the minutes before now. */
export function sitting(
  count: number,
  items: readonly string[],
  random: Random,
  now = Date.now(),
): KindredEvent[] {
  const events: KindredEvent[] = []
  let at = now - 5000 * count
  while (events.length < count) {
    at += 1000 + random.below(3000)
    const item = items[random.below(items.length)]!
    const exposure = v7({ msecs: at })
    events.push({ type: 'exposure', id: exposure, at, item })
    if (random.next() > 0.2 || events.length === count) continue
    at += 500
    events.push({ type: 'click', id: v7({ msecs: at }), at, item, exposure })
  }
  return events
}

/** An upload as the device worker sends it. */
export const uploadOf = (credential: string, events: readonly KindredEvent[]): Buffer =>
  requestOf('/api/events', {
    method: 'POST',
    credential,
    headers: { 'content-type': 'application/json', 'content-encoding': 'deflate' },
    body: zlibSync(new TextEncoder().encode(JSON.stringify({ events }))),
  })

/** Sends all uploads, `CONNECTIONS` at a time. Fails unless each is accepted, and the log holds so many events more. */
async function send(
  server: BenchServer,
  uploads: readonly Buffer[],
  size: number,
): Promise<Turn & { latencies: number[] }> {
  const before = await server.ask('usage')
  const latencies: number[] = []
  const start = performance.now()
  let next = 0
  const lane = async () => {
    const connection = openConnection(server)
    while (next < uploads.length) {
      const from = performance.now()
      const { status, body } = await connection.send(uploads[next++]!)
      if (status !== 202) throw new AppError('worker', `An upload was answered by ${status}: ${body}`)
      latencies.push(performance.now() - from)
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, lane))
  const seconds = (performance.now() - start) / 1000
  const after = await server.ask('usage')
  const done = uploads.length * size
  if (after.events - before.events !== done)
    throw new AppError(
      'worker',
      `${done} events were acknowledged, ${after.events - before.events} are held.`,
    )
  return { done, seconds, cpuMs: after.cpuMs - before.cpuMs, latencies }
}
