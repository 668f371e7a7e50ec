/** The routes: HTTP on one side, the cloud on the other. */

import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { Logger } from 'pino'
import { type Clock, systemClock } from '../../shared/clock.ts'
import type { Cloud } from '../cloud/cloud.ts'
import type { Tasks } from '../tasks/tasks.ts'
import { type AddressOf, createAddressOf } from './address.ts'
import type { CountryOf } from './country.ts'
import type { Env, Services } from './env.ts'
import type { Identity } from './identity.ts'
import { createKnown } from './known.ts'
import { LIMITS, type Limits } from './limits.ts'
import { type Metrics, NO_METRICS } from './metrics.ts'
import { forOrigins } from './origins.ts'
import { answerError, problem } from './problem.ts'
import { activeRoutes } from './routes/active.ts'
import { adminRoutes } from './routes/admin.ts'
import { batchRoutes } from './routes/batches.ts'
import { deviceRoutes } from './routes/devices.ts'
import { docRoutes } from './routes/docs.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { releaseAdminRoutes } from './routes/release-admin.ts'
import { reportAdminRoutes, reportRoutes } from './routes/reports.ts'
import { artifactRoutes, taskRoutes } from './routes/task.ts'
import { taskAdminRoutes } from './routes/task-admin.ts'
import { createSite } from './site.ts'
import { createUploads } from './uploads.ts'
import { createWatch, type LogRequests } from './watch.ts'

export interface AppDeps {
  readonly cloud: Cloud
  readonly log: Logger
  /** The folder of the built web app; without it, there is only the API. */
  readonly dist?: string
  readonly clock?: Clock
  readonly limits?: Partial<Limits>
  readonly metrics?: Metrics
  /** Whom limits count; by default the other end of the connection. */
  readonly addressOf?: AddressOf
  /** Which country a device is in; without it, the one that it says it is in. */
  readonly countryOf?: CountryOf
  /** Says whose a new device is; without it, devices are anonymous and each is a user. */
  readonly identity?: Identity
  /** Sites besides its own whose pages may ask as devices do. */
  readonly origins?: readonly string[]
  /** The operator's credential; without it there is nothing under /api/admin. */
  readonly adminCredential?: string
  /** Tasks and who gets them; without it there is nothing of either. */
  readonly tasks?: Tasks
  /** A line in the log for each request. */
  readonly logRequests?: LogRequests
  readonly isClosing?: () => boolean
}

export function createApp({
  cloud,
  log,
  dist,
  clock = systemClock,
  limits = {},
  metrics = NO_METRICS,
  addressOf = createAddressOf(),
  countryOf,
  identity,
  origins = [],
  adminCredential,
  tasks,
  logRequests,
  isClosing = () => false,
}: AppDeps) {
  const services: Services = {
    cloud,
    log,
    clock,
    metrics,
    addressOf,
    identity,
    limits: { ...LIMITS, ...limits },
  }
  const known = createKnown(services)
  const uploads = createUploads(services)
  const app = new Hono<Env>().onError(answerError(log)).notFound((c) => problem(c, 404))
  // Before whatever may refuse: a page can only read what is said to its site.
  if (origins.length > 0) app.use(OF_DEVICES, forOrigins(origins))
  app.use(createWatch(services, logRequests))
  if (clock !== systemClock) app.use('/api/*', dated(clock))
  app
    .route('/', healthRoutes(services, isClosing))
    .route('/api', deviceRoutes(services, known))
    .route('/api', eventRoutes(services, known, uploads))
    .route('/api', batchRoutes(services, known))
    .route('/api', taskRoutes(services))
    .route('/', artifactRoutes(services))
  if (tasks)
    app
      .route('/api', activeRoutes({ tasks, cloud, countryOf }, known))
      .route('/api', reportRoutes(services, known, uploads))
  if (adminCredential !== undefined) {
    app.route('/api/admin', adminRoutes(services, adminCredential))
    if (tasks)
      app
        .route('/api/admin', taskAdminRoutes(tasks))
        .route('/api/admin', releaseAdminRoutes({ releases: tasks.releases, cloud, clock }))
        .route('/api/admin', reportAdminRoutes(cloud.health))
  }
  app.route('/api', docRoutes(app))
  app.all('/api/*', (c) => problem(c, 404))
  return dist === undefined
    ? app
    : app.route(
        '/',
        createSite(dist, () => artifactsOf(cloud)),
      )
}

/** What a device asks for first, as soon as it knows the task. */
async function artifactsOf(cloud: Cloud): Promise<string[]> {
  const manifest = await cloud.manifest()
  if (!manifest) return []
  const { model, catalogue, factors } = manifest
  return [catalogue, model, ...(factors ? [factors] : [])].map(({ sha256 }) => `/artifacts/${sha256}`)
}

/** Where devices ask, and not the operator. */
const OF_DEVICES = '/:place{api(?!/admin\\b).*|artifacts/.*}'

/** Devices measure by the server's time how old their samples are. Node says what time it is; another clock has to be told. */
const dated = (clock: Clock) =>
  createMiddleware(async (c, next) => {
    await next()
    c.header('date', new Date(clock.now()).toUTCString())
  })
