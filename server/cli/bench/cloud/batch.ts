/** The batch query: 25 samples for a device that shows its credential, against an empty Hono route of the same process. */
import autocannon from 'autocannon'
import { batchListSchema } from '../../../../shared/api.ts'
import { decodeBatch } from '../../../../shared/codec.ts'
import { AppError, parse } from '../../../../shared/failure.ts'
import { rounded } from '../../../../worker/bench/measure.ts'
import { type Connection, openConnection, requestOf } from './connection.ts'
import { type Paced, pace } from './pace.ts'
import type { Part } from './part.ts'
import { type BenchServer, startServer } from './server.ts'
import { latenciesOf, ratesOf, type Turn } from './turns.ts'

const FULL = { people: 1000, devices: 300, rounds: 5, turnS: 5, pacedS: 10 }
const QUICK = { people: 150, devices: 20, rounds: 1, turnS: 1, pacedS: 1 }

/** Connections at once. */
const CONNECTIONS = 32
/** Samples of a batch in the comparison. */
const SAMPLES = 25

export const batch: Part = async ({ quick, scratch, progress }) => {
  const { people, devices, rounds, turnS, pacedS } = quick ? QUICK : FULL
  progress('Preparing batches', 0, 1)
  const server = await startServer(scratch('batch'), people)
  try {
    const credentials = await server.ask('enrol', { count: devices, crowd: 2 })
    await server.ask('prepare')
    const { pulls, bytes } = await wholeBatches(server, credentials)
    progress('Preparing batches', 1, 1)

    const turns: Record<'empty' | 'batch', Turn[]> = { empty: [], batch: [] }
    const contenders = {
      empty: () => cannon(server.empty, turnS),
      batch: () => cannon(server.port, turnS, pulls),
    }
    // A turn of each that does not count: compilers do their work.
    for (const name of ['empty', 'batch'] as const) await contenders[name]()
    for (let round = 0; round < rounds; round++) {
      for (const name of ['empty', 'batch'] as const) turns[name].push(await turnOf(server, contenders[name]))
      progress('Batch queries', round + 1, rounds)
    }
    const rates = { empty: ratesOf(turns.empty), batch: ratesOf(turns.batch) }

    const half = Math.floor(rates.batch.median / 2)
    const requests = pulls.map(({ path, credential }) => requestOf(path, { credential }))
    const paced = await atHalf(
      server.port,
      { rate: half, seconds: pacedS },
      (n) => requests[n % requests.length]!,
    )
    const idle = await atHalf(server.empty, { rate: half, seconds: pacedS }, () => requestOf('/'))
    const shape = {
      connections: CONNECTIONS,
      devices,
      batches: pulls.length,
      samples: SAMPLES,
      bytesABatch: bytes,
    }
    return {
      'cloud.batch.vs_empty_route': {
        value: rounded(rates.batch.median / rates.empty.median),
        detail: {
          reqPerS: rates,
          byCpuTime: rounded(rates.empty.cpuUs / rates.batch.cpuUs),
          client: 'autocannon, on the same machine',
          shape,
        },
      },
      'cloud.batch.p99_ms': {
        value: latenciesOf(paced.latencies).p99,
        detail: {
          reqPerS: half,
          seconds: pacedS,
          ms: latenciesOf(paced.latencies),
          emptyRouteMs: latenciesOf(idle.latencies),
          counted: 'from when a request was due, evenly spaced, to its whole answer',
          shape,
        },
      },
    }
  } finally {
    await server.close()
  }
}

interface Pull {
  readonly path: string
  readonly credential: string
}

/** The whole batches of these devices, each looked into once. */
async function wholeBatches(
  server: BenchServer,
  credentials: readonly string[],
): Promise<{ pulls: Pull[]; bytes: number }> {
  const connection = openConnection(server)
  const { schema } = await server.ask('population')
  const pulls: Pull[] = []
  let bytes = 0
  for (const credential of credentials) {
    const listed = await connection.send(requestOf('/api/batches', { credential }))
    const { day, count } = parse(batchListSchema, JSON.parse(listed.body.toString()), 'The list of batches')
    for (let n = 0; n < count; n++) {
      const path = `/api/batches/${day}/${n}`
      const { status, body } = await connection.send(requestOf(path, { credential }))
      if (status !== 200 || decodeBatch(schema, body).length !== SAMPLES) continue
      pulls.push({ path, credential })
      bytes += body.length
    }
  }
  connection.close()
  if (pulls.length === 0) throw new AppError('not-ready', `No device has a batch of ${SAMPLES} samples.`)
  return { pulls, bytes: rounded(bytes / pulls.length) }
}

/** Requests that were answered by 200 in so many seconds. Fails if any was answered otherwise. */
async function cannon(port: number, seconds: number, pulls?: readonly Pull[]) {
  let client = 0
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections: CONNECTIONS,
    duration: seconds,
    ...(pulls && {
      setupClient(connection) {
        // Each connection has devices of its own.
        const own = pulls.filter((_, i) => i % CONNECTIONS === client)
        client++
        connection.setRequests(
          (own.length > 0 ? own : pulls).map(({ path, credential }) => ({
            method: 'GET' as const,
            path,
            headers: { authorization: `Bearer ${credential}` },
          })),
        )
      },
    }),
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new AppError('worker', `${result.non2xx} answers were no 200, ${result.errors} requests failed.`)
  return { done: result['2xx'], seconds: result.duration }
}

async function turnOf(
  server: BenchServer,
  run: () => Promise<{ done: number; seconds: number }>,
): Promise<Turn> {
  const before = await server.ask('usage')
  const ran = await run()
  const after = await server.ask('usage')
  return { ...ran, cpuMs: after.cpuMs - before.cpuMs }
}

async function atHalf(
  port: number,
  rate: { rate: number; seconds: number },
  next: (nth: number) => Buffer,
): Promise<Paced> {
  const connections: Connection[] = Array.from({ length: CONNECTIONS }, () =>
    openConnection({ host: '127.0.0.1', port }),
  )
  const paced = await pace(connections, rate, next)
  for (const connection of connections) connection.close()
  const { 200: good = 0, ...others } = paced.statuses
  if (good < paced.latencies.length)
    throw new AppError(
      'worker',
      `Requests at half of the maximum were answered by ${JSON.stringify(others)}.`,
    )
  return paced
}
