/** What one server lets itself be asked, all in one place. Whoever asks for more gets 429 with `Retry-After`. */
import type { Capacity } from './gate.ts'
import { NO_LIMIT, type Rate } from './limit.ts'

export interface Limits {
  /** New devices from one address. */
  readonly registrations: Rate
  /** Requests from one address, which may be that of a school or of a mobile network. */
  readonly address: Rate
  /** Requests of one device. */
  readonly device: Rate
  /** Reports of one user that count. */
  readonly reports: Rate
  /** Names of values that one user may bring into what is told of a version. */
  readonly names: Rate
  /** Bytes of uploads that are being received, as they are sent. */
  readonly uploads: Capacity
  /** Events that wait for the disk. */
  readonly events: Capacity
  /** Devices that wait to be matched, or for rows of a table. */
  readonly waiting: Capacity
}

export const LIMITS: Limits = {
  registrations: { burst: 1000, everyMs: 1000 },
  address: { burst: 5000, everyMs: 1 },
  device: { burst: 300, everyMs: 200 },
  reports: { burst: 1000, everyMs: 86_400 },
  names: { burst: 32, everyMs: 2_700_000 },
  uploads: { most: 32 << 20, perSecond: 400 },
  events: { most: 40_000, perSecond: 400 },
  waiting: { most: 200, perSecond: 100 },
}

const endless: Capacity = { most: Number.POSITIVE_INFINITY, perSecond: 1 }

/** For simulations and benchmarks, which come from one address and are meant to be as fast as they can. */
export const NO_LIMITS: Limits = {
  registrations: NO_LIMIT,
  address: NO_LIMIT,
  device: NO_LIMIT,
  reports: NO_LIMIT,
  names: NO_LIMIT,
  uploads: endless,
  events: endless,
  waiting: endless,
}
