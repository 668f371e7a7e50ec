/** What the routes share. */
import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { Clock } from '../../shared/clock.ts'
import type { Cloud } from '../cloud/cloud.ts'
import type { AddressOf } from './address.ts'
import type { Identity } from './identity.ts'
import type { Limits } from './limits.ts'
import type { Metrics, Refused } from './metrics.ts'
import { problem } from './problem.ts'

export interface Env {
  Variables: {
    /** On routes behind `known`: whose device asks, which one it is, and what it has shown. */
    user: number
    device: string
    credential: string
  }
}

export interface Services {
  readonly cloud: Cloud
  readonly log: Logger
  readonly clock: Clock
  readonly limits: Limits
  readonly metrics: Metrics
  readonly addressOf: AddressOf
  readonly identity: Identity | undefined
}

/** Each answer of the API is for one device, or soon out of date. */
export const NO_STORE = { 'cache-control': 'no-store' } as const

/** The answer to one who is to come again after `seconds`. */
export function tooMany(c: Context, { metrics }: Pick<Services, 'metrics'>, why: Refused, seconds: number) {
  metrics.refused(why)
  return problem(c, 429, REFUSED[why], { 'retry-after': `${seconds}` })
}

const REFUSED: Record<Refused, string> = {
  registrations: 'Too many new devices from here.',
  address: 'Too many requests from here.',
  device: 'Too many requests of this device.',
  uploads: 'Too many uploads are under way.',
  events: 'Too many events wait to be written.',
  waiting: 'Too many devices wait for their matches.',
}
