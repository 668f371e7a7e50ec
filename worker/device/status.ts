/** The one state that the page sees, gathered from what is stored and from what is going on. */
import { dayOf } from '../../shared/clock.ts'
import { toFailure } from '../../shared/failure.ts'
import { roundSchema, type Status } from '../../shared/protocol.ts'
import type { Platform } from '../platform.ts'
import type { Active } from './active.ts'
import { type Db, getState } from './db.ts'
import type { Models } from './models.ts'
import type { Samples } from './samples.ts'
import { asFailure } from './storage.ts'

/** Rounds that the page is told of. */
const ROUNDS = 20

/** What is going on now, and is not stored. */
export interface Live {
  task: Active | undefined
  run: Status['run']
  /** Whether the server answered when it was last asked. */
  reached: boolean
  /** Why there is nothing to pull, in the server's words. */
  matching: 'ready' | 'too-few-clicks' | 'no-neighbours'
  failure: Status['failure']
}

export interface StatusBoard {
  readonly live: Live
  /** Changes what is going on, and says so. */
  set(change: Partial<Live>): void
  /** Says that something stored has changed. */
  changed(): void
  /** The status as of now. */
  now(): Promise<Status>
  onStatus(listener: (status: Status) => void): () => void
  /** Falls silent; done when nothing is being gathered any more. */
  close(): Promise<void>
}

type Sources = { db: Db; models: Models; samples: Samples; platform: Platform }

export function createStatus(sources: Sources): StatusBoard {
  const live: Live = {
    task: undefined,
    run: { phase: 'idle' },
    reached: true,
    matching: 'ready',
    failure: null,
  }
  const listeners = new Set<(status: Status) => void>()
  let last: Status | undefined
  let gathering: Promise<void> | undefined
  let stale = false
  let closed = false

  function tell(status: Status): void {
    last = status
    for (const listener of listeners) listener(status)
  }

  /** Gathers anew; what changes meanwhile makes it gather once more. */
  function changed(): void {
    stale = true
    if (closed) return
    gathering ??= gatherAll().finally(() => {
      gathering = undefined
      if (stale) changed()
    })
  }

  async function gatherAll(): Promise<void> {
    try {
      while (stale) {
        stale = false
        tell(await gather(sources, live))
      }
    } catch (error) {
      if (last) tell({ ...last, failure: toFailure(asFailure(error), 'storage') })
    }
  }

  return {
    live,
    set(change) {
      const progress = change.run?.phase === live.run.phase && Object.keys(change).length === 1
      Object.assign(live, change)
      // Progress within a phase changes nothing that is stored.
      if (progress && last) tell({ ...last, run: live.run })
      else changed()
    },
    changed,
    now: () => gather(sources, live),
    onStatus(listener) {
      listeners.add(listener)
      if (last) listener(last)
      return () => listeners.delete(listener)
    },
    async close() {
      closed = true
      listeners.clear()
      await gathering
    },
  }
}

async function gather({ db, models, samples, platform }: Sources, live: Live): Promise<Status> {
  const { clock, network } = platform
  const manifest = live.task?.manifest
  const [identity, counters, pulled, waiting, counted, stored, journal, serving] = await Promise.all([
    getState(db, 'identity'),
    getState(db, 'counters'),
    getState(db, 'pulled'),
    db.outbox.count(),
    samples.count(),
    models.list(),
    db.journal.orderBy('n').reverse().limit(ROUNDS).toArray(),
    manifest && models.serving(manifest.name),
  ])
  const rounds = journal.map(({ n, ...round }) => roundSchema.parse(round))
  const { delivered, ...bytes } = counters ?? { delivered: 0, down: 0, up: 0 }
  const online = network.online() && live.reached
  const tomorrow = manifest !== undefined && pulled?.done === dayOf(clock.now(), manifest.hyper.dayMs)
  return {
    device: identity?.device ?? null,
    online,
    task: manifest ? { name: manifest.name, version: manifest.version } : null,
    engine: rounds.find(({ engine }) => engine !== 'none')?.engine ?? null,
    events: { waiting, delivered },
    samples: counted,
    models: stored.map(({ name, slot, version, sha256, bytes, at }) => ({
      name,
      slot,
      version,
      sha256,
      bytes,
      at,
    })),
    serving: serving
      ? { slot: serving.slot === 'M0' ? 'M0' : 'M', version: serving.version, sha256: serving.sha256 }
      : null,
    run: live.run,
    waitingFor: waitingFor(live, { online, tomorrow, clicks: counted.clicks }),
    rounds,
    failure: live.failure,
    bytes,
  }
}

function waitingFor(
  { task, matching, run }: Live,
  { online, tomorrow, clicks }: { online: boolean; tomorrow: boolean; clicks: number },
): Status['waitingFor'] {
  if (run.phase !== 'idle') return { reason: 'nothing' }
  if (!task) return { reason: online ? 'task' : 'network' }
  const missing = task.manifest.hyper.minClicks - clicks
  if (missing > 0) return { reason: 'clicks', missing }
  if (tomorrow) return { reason: 'tomorrow' }
  if (!online) return { reason: 'network' }
  // The server counts for itself; another click or two satisfies it. New neighbours come with the next matching.
  if (matching === 'too-few-clicks') return { reason: 'clicks', missing: 1 }
  return { reason: matching === 'no-neighbours' ? 'tomorrow' : 'nothing' }
}
