/** What devices send takes up memory while it is received: as much at a time as there is room for, of all routes together. */
import type { Context } from 'hono'
import { lengthOf, MAX_BODY } from './body.ts'
import { type Env, type Services, tooMany } from './env.ts'
import { createGate } from './gate.ts'

/** Runs `work`, for which the body of `c` is in memory; or gives the answer to one who is to come again, as there is no room. */
export type Uploads = <T>(c: Context<Env>, work: () => Promise<T>) => Promise<T | ReturnType<typeof tooMany>>

export function createUploads(services: Services): Uploads {
  const { clock, limits, metrics, addressOf } = services
  const gate = createGate(limits.uploads, clock)
  metrics.gauge('kindred_uploads_bytes', 'Bytes of uploads that are being received', () => gate.inside)
  return async (c, work) => {
    const size = Math.min(lengthOf(c) ?? MAX_BODY, MAX_BODY)
    const from = addressOf(c)
    const wait = gate.enter(size, from)
    if (wait > 0) return tooMany(c, services, 'uploads', wait)
    try {
      return await work()
    } finally {
      gate.leave(size, from)
    }
  }
}
