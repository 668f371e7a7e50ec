/** The routes: HTTP on one side, the cloud on the other. */
import { createHash } from 'node:crypto'
import { getConnInfo } from '@hono/node-server/conninfo'
import { sValidator } from '@hono/standard-validator'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { secureHeaders } from 'hono/secure-headers'
import type { Logger } from 'pino'
import * as z from 'zod'
import { rowsRequestSchema } from '../../shared/api.ts'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { uploadSchema } from '../../shared/event.ts'
import { parse } from '../../shared/failure.ts'
import { reprDigest } from '../../shared/hash.ts'
import { sha256Schema } from '../../shared/task.ts'
import type { Cloud } from '../cloud/cloud.ts'
import { MAX_BODY, readJson } from './body.ts'
import { createLimit, type Rate } from './limit.ts'
import { answerError, orProblem, problem, unauthorised } from './problem.ts'
import { createSite } from './site.ts'

export interface AppDeps {
  readonly cloud: Cloud
  readonly log: Logger
  /** The folder of the built web app; without it, there is only the API. */
  readonly dist?: string
  /** New devices from one address. A school or an office is one address too. */
  readonly registrations?: Rate
  readonly clock?: Clock
}

const whole = z.coerce.number().int().min(0).max(1e9)
const batchParam = z.object({ day: whole, n: whole })
const artifactParam = z.object({ sha256: sha256Schema })

export function createApp({
  cloud,
  log,
  dist,
  registrations = { burst: 100, everyMs: 10_000 },
  clock = systemClock,
}: AppDeps) {
  const limit = createLimit(registrations, clock)

  /** Who does not show a known credential goes no further. */
  const known = createMiddleware<{ Variables: { user: number } }>(async (c, next) => {
    const [scheme = '', credential = ''] = (c.req.header('authorization') ?? '').split(' ', 2)
    const user = scheme.toLowerCase() === 'bearer' ? await cloud.authenticate(credential) : undefined
    if (user === undefined) return unauthorised(c)
    c.set('user', user)
    await next()
  })

  const api = new Hono()
    .use(async (c, next) => {
      await next()
      // Each answer is for one device, or soon out of date.
      if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store')
      // Devices measure by it how old their samples are.
      c.header('date', new Date(clock.now()).toUTCString())
    })
    .use(bodyLimit({ maxSize: MAX_BODY, onError: (c) => problem(c, 413, 'The body is too large.') }))
    .post('/devices', async (c) => {
      const wait = limit(addressOf(c))
      if (wait > 0) return problem(c, 429, 'Too many new devices from here.', { 'retry-after': `${wait}` })
      return c.json(await cloud.register(), 201)
    })
    .post('/events', known, async (c) => {
      const { events } = parse(uploadSchema, await readJson(c), 'The upload')
      return c.json(await cloud.ingest(c.var.user, events), 202)
    })
    .get('/task', async (c) => {
      const manifest = await cloud.manifest()
      if (!manifest) return problem(c, 404, 'There is no task yet.')
      const etag = `"${createHash('sha256').update(JSON.stringify(manifest)).digest('base64url')}"`
      c.header('etag', etag)
      c.header('cache-control', 'no-cache')
      return matches(c.req.header('if-none-match'), etag) ? c.body(null, 304) : c.json(manifest, 200)
    })
    .get('/batches', known, async (c) => c.json(await cloud.batches(c.var.user), 200))
    .get('/batches/:day/:n', known, sValidator('param', batchParam, orProblem), async (c) => {
      const { day, n } = c.req.valid('param')
      const batch = await cloud.batch(c.var.user, day, n)
      if (!batch) return problem(c, 404, 'You have no such batch.')
      return c.body(batch, 200, { 'content-type': 'application/octet-stream' })
    })
    .post('/rows', known, async (c) => {
      const rows = await cloud.rows(parse(rowsRequestSchema, await readJson(c), 'The request'))
      if (!rows) return problem(c, 404, 'There is no such table (any more).')
      return c.body(rows, 200, {
        'content-type': 'application/octet-stream',
        'repr-digest': await reprDigest(rows),
      })
    })
    .delete('/me', known, async (c) => {
      const erased = await cloud.erase(c.var.user)
      return erased ? c.json(erased, 200) : unauthorised(c)
    })
    .all('*', (c) => problem(c, 404))

  const app = new Hono()
    .onError(answerError(log))
    .notFound((c) => problem(c, 404))
    .use(secureHeaders(HEADERS))
    .get('/healthz', async (c) => {
      const { day, prepared } = await cloud.status()
      return c.json({ ok: true, day, prepared }, 200, { 'cache-control': 'no-store' })
    })
    .route('/api', api)
    .get('/artifacts/:sha256', sValidator('param', artifactParam, orProblem), async (c) => {
      const artifact = await cloud.artifact(c.req.valid('param').sha256)
      if (!artifact) return problem(c, 404)
      const zipped = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
      return c.body(zipped ? artifact.gzip : artifact.bytes, 200, {
        'content-type': 'application/octet-stream',
        'cache-control': 'public, max-age=31536000, immutable',
        vary: 'accept-encoding',
        ...(zipped && { 'content-encoding': 'gzip' }),
      })
    })
  return dist === undefined ? app : app.route('/', createSite(dist))
}

/** What the page may load and do: itself, WebAssembly, pictures that it makes. */
const HEADERS: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
    workerSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:', 'blob:'],
    connectSrc: ["'self'"],
    manifestSrc: ["'self'"],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
  referrerPolicy: 'no-referrer',
  xFrameOptions: 'DENY',
  permissionsPolicy: { camera: [], microphone: [], geolocation: [], payment: [], usb: [] },
}

/** The address of the connection: what a proxy says of others could be anything. */
function addressOf(c: Context): string {
  try {
    return getConnInfo(c).remote.address ?? 'unknown'
  } catch {
    return 'unknown' // a request that came by no connection, as in tests
  }
}

const matches = (header: string | undefined, etag: string): boolean =>
  header?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag) ?? false
