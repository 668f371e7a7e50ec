/** The device's status and rounds, as `api.ts` has them. */
import type { Round as InnerRound, Status as InnerStatus } from '../../shared/protocol.ts'
import type { Model, ModelId, Round, Status } from './api.ts'

type Serving = NonNullable<InnerStatus['serving']>

/** By what is stored: own is what is not M0. */
export function modelIdOf({ models }: InnerStatus, { slot, version, sha256 }: Serving): ModelId {
  const same = models.some((model) => model.slot === 'M0' && model.sha256 === sha256)
  return { origin: slot === 'M0' || same ? 'delivered' : 'own', version, sha256 }
}

export function modelOf(status: InnerStatus): Model | null {
  const { serving, models } = status
  const row = models.find(({ slot, sha256 }) => slot === serving?.slot && sha256 === serving.sha256)
  return serving && row ? { ...modelIdOf(status, serving), since: row.at, bytes: row.bytes } : null
}

export const roundOf = (round: InnerRound): Round => ({
  at: round.at,
  outcome: round.outcome,
  failure: round.failure ?? null,
  ms: round.ms,
  engine: round.engine,
  bytes: round.bytes,
  samples: {
    own: round.local.training + round.local.validation,
    borrowed: round.matched,
    kept: round.kept,
  },
  quality: { before: round.before, after: round.after },
})

export function statusOf(status: InnerStatus): Status {
  const { run, waitingFor, samples, rounds } = status
  return {
    phase: run.phase,
    fraction: 'fraction' in run ? run.fraction : null,
    waitingFor: waitingFor.reason,
    missing: 'missing' in waitingFor ? waitingFor.missing : 0,
    model: modelOf(status),
    online: status.online,
    learning: status.learning,
    sharing: status.sharing.on,
    persistent: status.persistent,
    events: status.events,
    samples: { own: samples.local, clicks: samples.clicks, borrowed: samples.matched },
    traffic: status.bytes,
    rounds: rounds.map(roundOf),
    failure: status.failure,
  }
}

/** Until the worker has said something. */
export const STARTING: Status = {
  phase: 'starting',
  fraction: null,
  waitingFor: 'task',
  missing: 0,
  model: null,
  online: true,
  learning: true,
  sharing: true,
  persistent: null,
  events: { waiting: 0, delivered: 0 },
  samples: { own: 0, clicks: 0, borrowed: 0 },
  traffic: { down: 0, up: 0 },
  rounds: [],
  failure: null,
}
