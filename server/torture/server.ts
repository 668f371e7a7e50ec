/**
 * The server of a simulation: the real routes and credentials over a log of events in memory, with matching, releases and
 * batches that the seed makes up. It can be crashed, lose what it knows, and release another version of the task.
 */
import { deflateRawSync, gzipSync } from 'node:zlib'
import type { Logger } from 'pino'
import type { BatchList, ReportsRequest } from '../../shared/api.ts'
import { FIRST_ID } from '../../shared/catalogue.ts'
import { dayOf } from '../../shared/clock.ts'
import { encodeSample, joinBatch } from '../../shared/codec.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { AppError } from '../../shared/failure.ts'
import type { Hyper } from '../../shared/hyper.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { quantise, type Sample } from '../../shared/sample.ts'
import type { FeatureSchema, Layout } from '../../shared/schema.ts'
import type { Delivered } from '../../shared/tasks/contact.ts'
import { sealTask, type TaskDraft } from '../../shared/tasks/manifest.ts'
import { createWorld, type World } from '../../worker/testing/world.ts'
import type { Cloud } from '../cloud/cloud.ts'
import { createCredentials } from '../cloud/credentials.ts'
import { shippedTasks, standingTasks } from '../experiment/standing.ts'
import { createApp } from '../http/app.ts'
import { NO_LIMITS } from '../http/limits.ts'
import type { Users } from '../store/ports/users.ts'
import type { Schedule } from './schedule.ts'

/** Days are short and tables are small, so that a life of samples fits into a few simulated days. */
export const HOUR = 3_600_000
const NUMBERS = {
  dayMs: 6 * HOUR,
  localValidationDays: 0.25,
  localTrainingDays: 0.75,
  clickDays: 0.5,
  batchSize: 6,
  batchMax: 9,
  batchesPerDay: 4,
  maxLocal: 40,
  maxFiltered: 12,
  trainAt: 10,
  minClicks: 3,
  // About half of what is scored passes.
  sigma: 0.5,
  classifier: { epochs: 1, batchSize: 16 },
  ranking: { epochs: 1, batchSize: 8 },
}

/**
 * What the server may release: a first version, a better model, and one whose samples are of another schema; each with what
 * `changes` changes of its hyper-parameters.
 */
export async function createReleases(changes: readonly Partial<Hyper>[] = []): Promise<readonly World[]> {
  const [first, better, other] = await Promise.all(
    [1, 2, 3].map((version) => createWorld({ version, ...NUMBERS, ...changes[version - 1] })),
  )
  const schema = { ...other!.manifest.schema, version: 2 }
  return [first!, better!, { ...other!, manifest: { ...other!.manifest, schema } }]
}

/** What tasks the server may have released: those that ship, others of them, some of them, or none. */
export async function createTaskReleases(): Promise<readonly (readonly Delivered[])[]> {
  const first = await shippedTasks()
  const newer = async (name: string, hyper: Record<string, unknown>): Promise<Delivered> => {
    const { manifest, files } = first.find((one) => one.manifest.name === name)!
    const { format: _, version: __, script: ___, model: ____, ...draft } = manifest
    return { manifest: await sealTask({ ...draft, hyper } as TaskDraft, 2, files), files }
  }
  const without = (name: string) => first.filter(({ manifest }) => manifest.name !== name)
  return [
    first,
    [...without('train'), await newer('train', { ranking: { learningRate: 0.002 } })],
    [...without('filter'), await newer('filter', { sigma: 0.3 })],
    without('filter'),
    without('train'),
    [],
  ]
}

export interface SimServer {
  /** One request, carried out at once. */
  handle(request: Request): Promise<Response>
  /** Another task version is released from now on, maybe an older one. */
  release(): void
  /** All registrations and events are gone, as after a restore from nothing. */
  loseEverything(): void
  /** Every event that is counted now. */
  counted(): Iterable<{ user: number; event: KindredEvent }>
  has(id: string): boolean
  /** Ids of what was counted once and was then lost with everything, or erased at its user's wish. */
  readonly gone: ReadonlySet<string>
  /** Names of the behaviours that were lost with everything. */
  readonly lost: ReadonlySet<string>
  readonly releases: readonly World[]
  readonly failures: readonly string[]
}

export function createServer(
  schedule: Schedule,
  releases: readonly World[],
  tasks: readonly (readonly Delivered[])[],
  seed: number,
): SimServer {
  const { random } = schedule
  const clock = { now: schedule.now }
  const gone = new Set<string>()
  const lost = new Set<string>()
  const failures: string[] = []
  let log = createLog()
  let world = releases[0]!
  const standing = standingTasks(() => world.manifest, tasks[0]!)

  const list = (user: number): BatchList => {
    const { dayMs, batchesPerDay } = world.manifest.hyper
    const day = dayOf(schedule.now(), dayMs)
    const clicks = log.of(user).filter(({ type }) => type === 'click').length
    if (clicks < 3) return { day, count: 0, state: 'too-few-clicks' }
    const count = seeded(seed ^ (user * 7919 + day)).below(batchesPerDay + 1)
    return { day, count, state: count === 0 ? 'no-neighbours' : 'ready' }
  }

  const cloud = {
    register: () => log.credentials.register(schedule.now()),
    authenticate: (credential: string) => log.credentials.authenticate(credential),
    renew: (credential: string) => log.credentials.renew(credential),
    async ingest(user: number, events: readonly KindredEvent[]) {
      return log.append(user, events)
    },
    manifest: async () => world.manifest,
    batches: async (user: number) => list(user),
    async batch(user: number, day: number, n: number) {
      const now = list(user)
      if (day !== now.day || n >= now.count) return undefined
      return batchOf(world, { user, day, n, seed })
    },
    artifact: async (sha256: string) => artifactsOf(releases).get(sha256) ?? standing.artifact(sha256),
    since: async () => undefined,
    health: { take: async ({ reports }: ReportsRequest) => ({ accepted: reports.length, ignored: 0 }) },
    async erase(user: number) {
      const events = log.of(user)
      if (!(await log.credentials.forget(user, async () => log.erase(user)))) return undefined
      for (const { id } of events) gone.add(id)
      return { events: events.length, samples: 0, mappings: 0 }
    },
    status: async () => ({ day: 0, prepared: true, preparedOnce: true, users: 0, events: 0, samples: 0 }),
  }
  const app = createApp({
    cloud: cloud as unknown as Cloud,
    clock,
    log: { error: ({ err }: { err: Error }) => failures.push(String(err.stack)) } as unknown as Logger,
    limits: NO_LIMITS,
    tasks: standing.tasks,
  })

  return {
    handle: async (request) => app.fetch(request),
    release() {
      world = releases[random.below(releases.length)]!
      // As long as most devices have what ships, there is something to see.
      const which = tasks[Math.max(0, random.below(2 * tasks.length) - tasks.length)]!
      standing.release(which)
      const named = which.map(({ manifest: { name, version } }) => `${name} v${version}`).join(', ')
      schedule.trace(`the server releases version ${world.manifest.version} and ${named || 'no tasks'}`)
    },
    loseEverything() {
      for (const { event } of log.all()) {
        gone.add(event.id)
        if (event.type === 'behaviour') lost.add(event.name)
      }
      log = createLog(log.size)
    },
    counted: () => log.all(),
    has: (id) => log.has(id),
    gone,
    lost,
    releases,
    failures,
  }
}

/** Users and their events, each event once. Numbers of users are never given twice. */
function createLog(first = 0) {
  const devices = new Map<string, NonNullable<Awaited<ReturnType<Users['byDevice']>>>>()
  const events = new Map<number, Map<string, KindredEvent>>()
  let size = first
  const users = {
    async register(device: string, credential: Buffer) {
      devices.set(device, { user: size, credential })
      events.set(size, new Map())
      return size++
    },
    byDevice: async (device: string) => devices.get(device),
    async setCredential(device: string, credential: Buffer, next?: Buffer) {
      const row = devices.get(device)
      if (row) devices.set(device, { user: row.user, credential, ...(next && { next }) })
      return row !== undefined
    },
    devicesOf: async (user: number) =>
      [...devices].flatMap(([device, row]) => (row.user === user ? device : [])),
  } as unknown as Users
  return {
    credentials: createCredentials(users),
    get size() {
      return size
    },
    append(user: number, sent: readonly KindredEvent[]) {
      const own = events.get(user)
      if (!own) throw new AppError('unauthorised', 'There is no such user.')
      const fresh = sent.filter(({ id }) => !own.has(id))
      for (const event of fresh) own.set(event.id, event)
      return { accepted: fresh.length, known: sent.length - fresh.length }
    },
    of: (user: number) => [...(events.get(user)?.values() ?? [])],
    *all() {
      for (const [user, own] of events) for (const event of own.values()) yield { user, event }
    },
    has: (id: string) => [...events.values()].some((own) => own.has(id)),
    erase(user: number) {
      for (const [device, row] of devices) if (row.user === user) devices.delete(device)
      return events.delete(user)
    },
  }
}

const artifacts = new WeakMap<readonly World[], Map<string, { bytes: Buffer; gzip: Buffer }>>()

function artifactsOf(releases: readonly World[]) {
  const known = artifacts.get(releases) ?? new Map()
  artifacts.set(releases, known)
  if (known.size === 0)
    for (const { manifest, model, catalogueBytes, factorsBytes } of releases) {
      const files = [
        [manifest.model.sha256, model],
        [manifest.catalogue.sha256, catalogueBytes],
        ...(factorsBytes ? [[manifest.factors!.sha256, factorsBytes] as const] : []),
      ] as const
      for (const [sha256, bytes] of files)
        known.set(sha256, { bytes: Buffer.from(bytes), gzip: gzipSync(bytes) })
    }
  return known
}

/** The same samples whenever they are asked for, and no sample in two batches. */
export function batchOf(
  { manifest: { schema, hyper }, context: { layout } }: World,
  { user, day, n, seed }: Record<'user' | 'day' | 'n' | 'seed', number>,
): Uint8Array<ArrayBuffer> {
  const own = ((user * 31 + day) * 31 + n) >>> 0
  const random = seeded(seed ^ own)
  const { batchSize, dayMs } = hyper
  const rows = Array.from({ length: batchSize }, (_, i) => ({
    id: (own * 64 + i).toString(16).padStart(16, '0'),
    row: encodeSample(layout, sampleOf(schema, layout, day * dayMs, random), dayMs),
  }))
  return new Uint8Array(deflateRawSync(joinBatch(schema, dayMs, rows)))
}

/** Anything that fits the schema; its dense features alone set it apart from all others. */
function sampleOf(schema: FeatureSchema, layout: Layout, at: number, random: Random): Sample {
  const ids = new Int32Array(layout.idWidth)
  for (const { feature, at: start, width } of layout.slots) {
    if (feature.kind === 'dense') continue
    const { size } = schema.vocabularies[feature.vocabulary]!
    const length = feature.kind === 'sequence' ? random.below(Math.min(width, 6)) : 1
    for (let i = 0; i < length; i++) ids[start + i] = FIRST_ID + random.below(size - FIRST_ID)
  }
  const dense = Float32Array.from({ length: layout.denseWidth }, () => quantise(random.next()))
  return { at, label: random.below(3) === 0 ? 1 : 0, ids, dense }
}
