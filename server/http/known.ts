/** Who does not show a known credential goes no further, and who asks too often waits. */
import { createMiddleware } from 'hono/factory'
import { type Env, type Services, tooMany } from './env.ts'
import { createLimit } from './limit.ts'
import { unauthorised } from './problem.ts'

const BEARER = /^bearer ([^ ]+)/i

/** What stands behind `Authorization: Bearer`; empty where nothing does. */
export const bearerOf = (header: string | undefined): string => BEARER.exec(header ?? '')?.[1] ?? ''

export function createKnown(services: Services) {
  const { cloud, clock, limits } = services
  const limit = createLimit(limits.device, clock)
  return createMiddleware<Env>(async (c, next) => {
    const credential = bearerOf(c.req.header('authorization'))
    const user = credential === '' ? undefined : await cloud.authenticate(credential)
    if (user === undefined) return unauthorised(c)
    // The devices of one user share a bucket: otherwise who wants more registers more.
    const wait = limit(user)
    if (wait > 0) return tooMany(c, services, 'device', wait)
    c.set('user', user)
    c.set('device', credential.split('.')[0]!)
    c.set('credential', credential)
    await next()
  })
}
