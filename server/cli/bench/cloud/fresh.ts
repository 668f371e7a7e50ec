/** How soon a click is a sample that another device is given, while others go on sending. */
import { v7 } from 'uuid'
import { batchListSchema } from '../../../../shared/api.ts'
import type { Catalogue } from '../../../../shared/catalogue.ts'
import { decodeBatch } from '../../../../shared/codec.ts'
import type { KindredEvent } from '../../../../shared/event.ts'
import { AppError, parse } from '../../../../shared/failure.ts'
import { createContext, generateSamples } from '../../../../shared/generate.ts'
import { hyper } from '../../../../shared/hyper.ts'
import { seeded } from '../../../../shared/random.ts'
import type { Sample } from '../../../../shared/sample.ts'
import { type FeatureSchema, layoutOf } from '../../../../shared/schema.ts'
import { quantile, rounded } from '../../../../worker/bench/measure.ts'
import { openConnection, requestOf } from './connection.ts'
import { weeksOf } from './crowd.ts'
import { sitting, uploadOf } from './ingest.ts'
import { pace } from './pace.ts'
import type { Part } from './part.ts'
import { type BenchServer, startServer } from './server.ts'
import { latenciesOf } from './turns.ts'

/** `readers` with the taste of each of `clickers`: one of them asks every `stepMs`, each only once. */
const FULL = { people: 1000, clickers: 40, readers: 25, stepMs: 4000, spreadMs: 60_000, senders: 300 }
const QUICK = { people: 200, clickers: 2, readers: 15, stepMs: 4000, spreadMs: 1000, senders: 50 }

/** What others send meanwhile. */
const EVENTS_A_SECOND = 2000
const EVENTS_AN_UPLOAD = 50
/** Clicks before it by which a click is known again in the sample that tells of it. */
const MARKS = 3

export const fresh: Part = async ({ quick, scratch, progress }) => {
  const { people, clickers, readers, stepMs, spreadMs, senders } = quick ? QUICK : FULL
  const stage = 'Clicks on their way to others'
  const server = await startServer(scratch('fresh'), people)
  try {
    const twins = await server.ask('enrol', { count: clickers, crowd: 7, copies: 1 + readers })
    const others = await server.ask('enrol', { count: senders, crowd: 8 })
    await server.ask('prepare')
    await server.ask('follow')
    const { catalogue, schema } = await server.ask('population')
    const items = catalogue.items.map(({ key }) => key)
    const histories: KindredEvent[][] = []
    for await (const { events } of weeksOf(clickers, 7)) histories.push(events)

    const seconds = (spreadMs + (readers + 1) * stepMs) / 1000
    const random = seeded(9)
    const rate = EVENTS_A_SECOND / EVENTS_AN_UPLOAD
    const connections = Array.from({ length: 8 }, () => openConnection(server))
    const load = pace(connections, { rate, seconds }, (nth) =>
      uploadOf(others[nth % senders]!, sitting(EVENTS_AN_UPLOAD, items, random)),
    )
    let there = 0
    progress(stage, 0, clickers)
    const took = await Promise.all(
      histories.map(async (history, n) => {
        await sleep((n * spreadMs) / clickers)
        const [clicker, ...asking] = twins.slice(n * (1 + readers), (n + 1) * (1 + readers))
        const wanted = await click(server, clicker!, { history, nth: n, catalogue, schema })
        const found = await firstToGet(server, asking, stepMs, wanted)
        progress(stage, ++there, clickers)
        return found
      }),
    )
    const { latencies, statuses } = await load
    for (const connection of connections) connection.close()
    const { 202: accepted = 0 } = statuses
    if (accepted < latencies.length)
      throw new AppError('worker', `Uploads were answered by ${JSON.stringify(statuses)}.`)
    const seen = took.flatMap((ms) => (ms === undefined ? [] : [ms]))
    const missed = took.length - seen.length
    const p95 = quantile(
      took.map((ms) => ms ?? Number.POSITIVE_INFINITY),
      0.95,
    )
    const detail = {
      ms: seen.length > 0 ? latenciesOf(seen) : null,
      clicks: took.length,
      notSeen: missed,
      counted: `from the 202 until a device of the same taste has the sample; a fresh one asks every ${stepMs / 1000} s`,
      meanwhile: { eventsPerS: EVENTS_A_SECOND, uploadMs: latenciesOf(latencies) },
    }
    return {
      'cloud.fresh_p95_s': Number.isFinite(p95)
        ? { value: rounded(p95 / 1000), detail }
        : { value: null, detail: { why: `${missed} of ${took.length} clicks reached nobody.`, ...detail } },
    }
  } finally {
    await server.close()
  }
}

interface World {
  readonly nth: number
  readonly history: readonly KindredEvent[]
  readonly catalogue: Catalogue
  readonly schema: FeatureSchema
}

/** Has somebody see and open something that is new to them; gives what is told of it once it is acknowledged. */
async function click(server: BenchServer, credential: string, { history, nth, catalogue, schema }: World) {
  const seen = new Set(history.flatMap((event) => (event.type === 'exposure' ? [event.item] : [])))
  const unseen = catalogue.items.filter(({ key }) => !seen.has(key))
  const { key: item } = unseen[nth % unseen.length]!
  const at = Date.now() - 1000
  const exposure = v7({ msecs: at })
  const events: KindredEvent[] = [
    { type: 'exposure', id: exposure, at, item },
    { type: 'click', id: v7({ msecs: at + 500 }), at: at + 500, item, exposure },
  ]
  const connection = openConnection(server)
  const { status } = await connection.send(uploadOf(credential, events))
  connection.close()
  if (status !== 202) throw new AppError('worker', `A click was answered by ${status}.`)
  const acknowledged = performance.now()
  const context = createContext(schema, catalogue, hyper())
  const { sample } = generateSamples(context, [...history, ...events], Date.now()).at(-1)!
  return { acknowledged, schema, ...marksOf(schema)(sample) }
}

/** What a sample is known by: the item, and what was opened before it. */
function marksOf(schema: World['schema']) {
  const { slots } = layoutOf(schema)
  const at = (from: string) =>
    slots.find(({ feature }) => feature.kind !== 'dense' && feature.from === from)!.at
  const [item, clicks] = [at('item'), at('clicks')]
  return ({ ids, label }: Sample) => ({
    marks: [label, ids[item], ...ids.subarray(clicks, clicks + MARKS)].join(' '),
  })
}

/** ms from the acknowledgement until one of these devices has the sample; undefined if none ever has. */
async function firstToGet(
  server: BenchServer,
  credentials: readonly string[],
  stepMs: number,
  { acknowledged, schema, marks }: Awaited<ReturnType<typeof click>>,
): Promise<number | undefined> {
  const read = marksOf(schema)
  const connection = openConnection(server)
  try {
    for (const [n, credential] of credentials.entries()) {
      await sleep(acknowledged + (n + 1) * stepMs - performance.now())
      const listed = await connection.send(requestOf('/api/batches', { credential }))
      const { day, count } = parse(batchListSchema, JSON.parse(listed.body.toString()), 'The list of batches')
      // What is fresh comes last.
      for (let batch = count - 1; batch >= 0; batch--) {
        const { body } = await connection.send(requestOf(`/api/batches/${day}/${batch}`, { credential }))
        if (decodeBatch(schema, body).some((sample) => read(sample).marks === marks))
          return performance.now() - acknowledged
      }
    }
    return undefined
  } finally {
    connection.close()
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
