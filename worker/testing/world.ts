/** A small world for tests: two kinds of readers, a catalogue, a task, and a server that speaks the HTTP contract in memory. */
import { deflateSync, unzlibSync } from 'fflate'
import {
  activeRequestSchema,
  registerSchema,
  reportsRequestSchema,
  rowsRequestSchema,
  sharingSchema,
} from '../../shared/api.ts'
import { type Catalogue, UNKNOWN_ID } from '../../shared/catalogue.ts'
import { DAY_MS } from '../../shared/clock.ts'
import { encodeSample, joinBatch } from '../../shared/codec.ts'
import { type KindredEvent, uploadSchema } from '../../shared/event.ts'
import { type Context, createContext, UserState } from '../../shared/generate.ts'
import { reprDigest, sha256 } from '../../shared/hash.ts'
import { type Hyper, hyper } from '../../shared/hyper.ts'
import { type Factors, writeFactors } from '../../shared/model/factors.ts'
import { partOf, writeLocal } from '../../shared/model/local.ts'
import { din, initialWeights } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { type Random, seeded } from '../../shared/random.ts'
import type { Sample } from '../../shared/sample.ts'
import { schemas } from '../../shared/schemas/index.ts'
import type { Manifest } from '../../shared/task.ts'
import type { Delivered } from '../../shared/tasks/contact.ts'
import type { Report } from '../../shared/tasks/report.ts'
import { Delivering } from './delivering.ts'

/** A Friday noon. */
export const NOON = Date.UTC(2024, 0, 5, 12)

/** 60 things in six categories: item i is of category i mod 6. */
export const catalogue: Catalogue = {
  name: 'toy',
  noun: 'thing',
  categories: ['a', 'b', 'c', 'd', 'e', 'f'],
  items: Array.from({ length: 60 }, (_, i) => ({
    key: `item-${i}`,
    title: `Thing ${i}`,
    categories: [i % 6],
  })),
}

export const key = (i: number): string => `item-${i}`

/** What a reader who loves `category`, and clicks nothing else, has seen of late. */
export function samplesOf(
  context: Context,
  category: number,
  count: number,
  random: Random,
  at = NOON,
): Sample[] {
  const state = new UserState(context)
  return Array.from({ length: count }, (_, i) => {
    const item = random.below(60)
    const then = at - (count - i) * 60_000
    const label = item % 6 === category ? 1 : 0
    const sample = state.sample(item, then, label)
    state.observe({ type: 'exposure', id: `x${i}`, at: then, item: key(item) })
    if (label) state.observe({ type: 'click', id: `c${i}`, at: then, item: key(item), exposure: `x${i}` })
    return sample
  })
}

export interface World {
  readonly manifest: Manifest
  readonly context: Context
  readonly model: Uint8Array<ArrayBuffer>
  readonly catalogueBytes: Uint8Array<ArrayBuffer>
  /** Item factors, where the task uses some. */
  readonly factorsBytes: Uint8Array<ArrayBuffer> | undefined
  /** The weights that the model is of, all their rows. */
  readonly weights: Weights
}

export async function createWorld({
  version = 1,
  seed = version,
  vocabulary,
  ...changes
}: {
  version?: number
  seed?: number
  /** Size of the vocabulary of items, which then is not delivered whole. */
  vocabulary?: number
} & Partial<Parameters<typeof hyper>[0]> = {}): Promise<World> {
  const schema = schemas.demo(catalogue)
  if (vocabulary !== undefined) schema.vocabularies.item!.size = vocabulary
  const numbers: Hyper = hyper(changes)
  const ranking = { attention: 8, mlp: [16] }
  const weights = initialWeights(din(schema, ranking), seeded(seed))
  const core = vocabulary === undefined ? {} : { item: Int32Array.of(0, UNKNOWN_ID) }
  const model = writeLocal(partOf({ ids: {}, weights }, core))
  const items = new Uint8Array(weights['embedding.item']!.data.buffer)
  const catalogueBytes = new TextEncoder().encode(JSON.stringify(catalogue))
  const factorsBytes = numbers.ranking.personal
    ? writeFactors(factorsOf(schema.vocabularies.item!.size))
    : undefined
  const manifest: Manifest = {
    name: 'toy',
    version,
    schema,
    hyper: numbers,
    ranking,
    classifier: { attention: 0, mlp: [8] },
    model: { sha256: await sha256(model), bytes: model.length },
    ...(vocabulary !== undefined && { sliced: { item: await sha256(items) } }),
    ...(factorsBytes && { factors: { sha256: await sha256(factorsBytes), bytes: factorsBytes.length } }),
    catalogue: { sha256: await sha256(catalogueBytes), bytes: catalogueBytes.length },
  }
  const context = createContext(schema, catalogue, numbers)
  return { manifest, context, model, catalogueBytes, factorsBytes, weights }
}

/** Factors in three dimensions, of items that nobody has seen. */
function factorsOf(rows: number): Factors {
  const random = seeded(4)
  const dim = 3
  return {
    rows,
    dim,
    vectors: Float32Array.from({ length: rows * dim }, () => random.normal()),
    bias: Float32Array.from({ length: rows }, () => 0.1 * random.normal()),
    level: 0.4,
    noise: 0.2,
    spread: 0.1,
    mix: { model: 0.8, factors: 3, user: 2, level: 0.25 },
  }
}

/** Samples of one reader: about as many as a new user has after ten clicks. */
const SEEN = 50

/** Batches as the server makes them: half of the samples by readers who love `kindred`, half by those of `foreign`. */
export function batchesFor(
  { manifest, context }: World,
  {
    count,
    size = 25,
    kindred = 0,
    foreign = 3,
    seed = 5,
    renamed = (id) => id,
  }: Partial<Record<'kindred' | 'foreign' | 'size' | 'seed', number>> & {
    count: number
    /** What the readers' items are called in their samples: another id for each but padding and unknown. */
    renamed?: (id: number) => number
  },
): Uint8Array[] {
  const random = seeded(seed)
  const readers = Math.ceil((count * size) / 2 / SEEN)
  const those = (category: number) =>
    Array.from({ length: readers }, () => samplesOf(context, category, SEEN, random))
      .flat()
      .map(rename)
  const items = context.layout.slots.filter(
    ({ feature }) => 'vocabulary' in feature && feature.vocabulary === 'item',
  )
  function rename(sample: Sample): Sample {
    const ids = sample.ids.slice()
    for (const { at, width } of items)
      for (let i = at; i < at + width; i++) if (ids[i]! > UNKNOWN_ID) ids[i] = renamed(ids[i]!)
    return { ...sample, ids }
  }
  const pool = [...those(kindred), ...those(foreign)]
  const rows = random.shuffle(
    pool.map((sample, i) => ({ id: (i + 1).toString(16).padStart(16, '0'), sample })),
  )
  return Array.from({ length: count }, (_, n) =>
    deflateSync(
      joinBatch(
        manifest.schema,
        DAY_MS,
        rows
          .slice(n * size, (n + 1) * size)
          .map(({ id, sample }) => ({ id, row: encodeSample(context.layout, sample, DAY_MS) })),
      ),
    ),
  )
}

type Answer = Response | undefined | Promise<Response | undefined>

/** The server's side of the HTTP contract. `before` may answer in its place: that is how it fails, lies and dies. */
export class FakeServer {
  world: World | undefined
  batches: Uint8Array[] = []
  day = 100
  state: 'ready' | 'too-few-clicks' | 'no-neighbours' = 'ready'
  readonly devices = new Map<string, string>()
  readonly events = new Map<string, KindredEvent & { device: string }>()
  /** By upload: what was told of runs. */
  readonly reports = new Map<string, readonly Report[]>()
  readonly requests: string[] = []
  before: (method: string, path: string) => Answer = () => undefined
  after: (method: string, path: string, response: Response) => Response | Promise<Response> = (_, __, r) => r
  /** What each device has said about sharing. */
  readonly sharing = new Map<string, boolean>()
  private made = 0

  /** Which tasks devices are to have; what they are told vouches for the world's manifest. */
  readonly delivering: Delivering

  constructor(world?: World, tasks: readonly Delivered[] = []) {
    this.world = world
    this.delivering = new Delivering(() => this.world?.manifest, tasks)
  }

  count(request: string): number {
    return this.requests.filter((made) => made.startsWith(request)).length
  }

  readonly fetch = async (
    input: URL | string | globalThis.Request,
    init: RequestInit = {},
  ): Promise<Response> => {
    const { pathname } = new URL(String(input), 'http://server')
    const method = init.method ?? 'GET'
    init.signal?.throwIfAborted()
    this.requests.push(`${method} ${pathname}`)
    const instead = await this.before(method, pathname)
    if (instead) return instead
    return this.after(method, pathname, await this.answer(method, pathname, init))
  }

  private answer(method: string, path: string, init: RequestInit): Response | Promise<Response> {
    if (method === 'POST' && path === '/api/devices') {
      const device = `device-${++this.made}`
      const credential = `credential-of-${device}`
      this.devices.set(credential, device)
      const { consent } = registerSchema.parse(JSON.parse(String(init.body)))
      if (consent) this.sharing.set(device, consent.sharing)
      return Response.json({ device, credential }, { status: 201 })
    }
    if (path.startsWith('/artifacts/')) return this.artifact(path.slice('/artifacts/'.length))
    const headers = new Headers(init.headers)
    if (path === '/api/task') return this.task(headers)
    const device = this.devices.get(headers.get('authorization')?.replace('Bearer ', '') ?? '')
    if (!device) return problem(401, 'Unknown device')
    if (method === 'POST' && path === '/api/events') return this.takeEvents(device, init)
    if (method === 'POST' && path === '/api/reports') return this.takeReports(init)
    if (method === 'PUT' && path === '/api/me/consent') {
      const { sharing } = sharingSchema.parse(JSON.parse(String(init.body)))
      this.sharing.set(device, sharing)
      return Response.json({ sharing, version: 1, at: NOON })
    }
    if (method === 'POST' && path === '/api/me/credential') {
      const credential = `credential-${++this.made}-of-${device}`
      this.devices.set(credential, device)
      return Response.json({ device, credential })
    }
    if (method === 'DELETE' && path === '/api/me') return this.erase(device)
    if (method === 'POST' && path === '/api/rows') return this.rows(init)
    if (method === 'POST' && path === '/api/active') return this.active(device, headers, init)
    const [, day, n] = /^\/api\/batches\/(\d+)\/(\d+)$/.exec(path) ?? []
    const batch = this.batches[Number(n)]
    if (Number(day) === this.day && batch)
      return new Response(new Uint8Array(batch), { headers: { 'content-type': 'application/octet-stream' } })
    if (path === '/api/batches')
      return Response.json({ day: this.day, count: this.batches.length, state: this.state })
    return problem(404, 'Nothing here')
  }

  private takeEvents(device: string, init: RequestInit): Response {
    const text = new TextDecoder().decode(unzlibSync(init.body as Uint8Array))
    const { events } = uploadSchema.parse(JSON.parse(text))
    const fresh = events.filter(({ id }) => !this.events.has(id))
    for (const event of fresh) this.events.set(event.id, { ...event, device })
    return Response.json({ accepted: fresh.length, known: events.length - fresh.length }, { status: 202 })
  }

  private takeReports(init: RequestInit): Response {
    const text = new TextDecoder().decode(unzlibSync(init.body as Uint8Array))
    const { id, reports } = reportsRequestSchema.parse(JSON.parse(text))
    const accepted = this.reports.has(id) ? 0 : reports.length
    this.reports.set(id, reports)
    return Response.json({ accepted, ignored: reports.length - accepted }, { status: 202 })
  }

  private erase(device: string): Response {
    const own = [...this.events.values()].filter((event) => event.device === device)
    for (const { id } of own) this.events.delete(id)
    for (const [credential, name] of this.devices) if (name === device) this.devices.delete(credential)
    return Response.json({ events: own.length, samples: 0, mappings: 0 })
  }

  private async active(device: string, headers: Headers, { body }: RequestInit): Promise<Response> {
    const { answer, etag } = await this.delivering.answer(
      device,
      activeRequestSchema.parse(JSON.parse(String(body))),
    )
    return headers.get('if-none-match') === etag
      ? new Response(null, { status: 304, headers: { etag } })
      : Response.json(answer, { headers: { etag } })
  }

  private task(headers: Headers): Response {
    if (!this.world) return problem(404, 'No task yet')
    const { version, rollback } = this.world.manifest
    const etag = `"${version}${rollback ? ` ${rollback.order}` : ''}"`
    if (headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers: { etag } })
    return Response.json(this.world.manifest, { headers: { etag } })
  }

  private async rows({ body }: RequestInit): Promise<Response> {
    const { table, sha256, ids } = rowsRequestSchema.parse(JSON.parse(String(body)))
    const { manifest, weights } = this.world!
    if (manifest.sliced?.[table] !== sha256) return problem(404, 'No such table')
    const { data, shape } = weights[`embedding.${table}`]!
    const rows = ids.flatMap((id) => [...data.subarray(id * shape[1]!, (id + 1) * shape[1]!)])
    const bytes = new Uint8Array(Float32Array.from(rows).buffer)
    return new Response(bytes, { headers: { 'repr-digest': await reprDigest(bytes) } })
  }

  private async artifact(sha: string): Promise<Response> {
    const { manifest, model, catalogueBytes, factorsBytes } = this.world!
    const ofData = {
      [manifest.model.sha256]: model,
      [manifest.catalogue.sha256]: catalogueBytes,
      ...(factorsBytes && { [manifest.factors!.sha256]: factorsBytes }),
    }
    const bytes = ofData[sha] ?? (await this.delivering.artifact(sha))
    return bytes ? new Response(bytes) : problem(404, 'No such artifact')
  }
}

export const problem = (status: number, title: string, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ type: 'about:blank', title, status }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })

export const html = (status = 200): Response =>
  new Response('<html>Accept our terms</html>', { status, headers: { 'content-type': 'text/html' } })
