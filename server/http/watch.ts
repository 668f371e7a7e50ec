/** The first and the last to see a request: limits by address, counts, and a line in the log. */
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import { type Services, tooMany } from './env.ts'
import { createLimit } from './limit.ts'
import { requestId } from './request-id.ts'

export interface LogRequests {
  /** Otherwise nothing in the log says where a request came from. */
  readonly addresses: boolean
}

export function createWatch(services: Services, logged: LogRequests | undefined) {
  const { clock, limits, metrics, addressOf, log } = services
  const limit = createLimit(limits.address, clock)
  return createMiddleware(async (c, next) => {
    const start = performance.now()
    const address = addressOf(c)
    const wait = limit(address)
    if (wait > 0) c.res = tooMany(c, services, 'address', wait)
    else await next()
    const ms = performance.now() - start
    const { method } = c.req
    const { status } = c.res
    // The pattern, not the path: that may hold what is somebody's.
    const route = wait > 0 ? '*' : routePath(c)
    metrics.answered(route, method, status, ms / 1000)
    if (logged)
      log.info(
        {
          id: requestId(c),
          method,
          route,
          status,
          ms: Math.round(ms * 100) / 100,
          ...(logged.addresses && { address }),
        },
        'request',
      )
  })
}
