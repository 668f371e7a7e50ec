/** The one state that the page sees, gathered from what is stored and from what is going on. */
import type * as z from 'zod'
import { dayOf } from '../../../shared/clock.ts'
import { type Failure, toFailure } from '../../../shared/failure.ts'
import { roundSchema, type Status } from '../../../shared/protocol.ts'
import type { Platform } from '../../platform.ts'
import type { Active } from '../delivery/active.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Models } from '../models/models.ts'
import type { Samples } from '../samples/samples.ts'
import { type Db, getState } from '../storage/db.ts'
import { asFailure } from '../storage/withstand.ts'
import type { liveSchema, Tabs } from '../tabs/tabs.ts'
import type { Eligibility, Obstacle } from './eligibility.ts'

/** Rounds that the page is told of. */
const ROUNDS = 20

/** A run is told to the other tabs when it has come this much further. */
const STEP = 0.05

/** What is going on now, and is not stored: in this tab, or told by the one where it goes on. */
export interface Live extends z.infer<typeof liveSchema> {
  task: Active | undefined
}

export interface StatusBoard {
  readonly live: Live
  /** Changes what is going on, and says so to all tabs. */
  set(change: Partial<Live>): void
  /** Says to all tabs that something stored has changed. */
  changed(): void
  /** Takes up what has changed elsewhere, or only here; the other tabs are told nothing. */
  hear(change?: Partial<Live>): void
  /** Says at once what keeps the storage from being read; the next thing read takes it back. */
  warn(failure: Failure): void
  /** The status as of now. */
  now(): Promise<Status>
  onStatus(listener: (status: Status) => void): () => void
  /** Falls silent, with a last word if there is a failure to tell; done when nothing is being gathered any more. */
  close(failure?: Failure): Promise<void>
}

interface Sources {
  readonly db: Db
  readonly models: Models
  readonly samples: Samples
  readonly delivery: Delivery
  readonly platform: Platform
  readonly tabs: Tabs
  readonly eligibility: Eligibility
  readonly leads: () => boolean
}

export function createStatus(sources: Sources): StatusBoard {
  const { tabs } = sources
  const live: Live = { task: undefined, ...NOTHING_YET }
  const listeners = new Set<(status: Status) => void>()
  let last: Status | undefined
  let gathering: Promise<void> | undefined
  let stale = false
  let closed = false
  let told = live.run

  function tell(status: Status): void {
    last = status
    for (const listener of listeners) listener(status)
  }

  /** Gathers anew, if anybody listens; what changes meanwhile makes it gather once more. */
  function renew(): void {
    stale = true
    if (closed || listeners.size === 0) return
    gathering ??= gatherAll().finally(() => {
      gathering = undefined
      if (stale) renew()
    })
  }

  async function gatherAll(): Promise<void> {
    try {
      while (stale) {
        stale = false
        tell(await gather(sources, live))
      }
    } catch (error) {
      tell({ ...(last ?? BLANK), failure: toFailure(asFailure(error), 'storage') })
    }
  }

  function hear(change: Partial<Live> = {}): void {
    const only = isProgress(change, live)
    Object.assign(live, change)
    const { run } = live
    // What runs is told at once; progress within a phase changes nothing that is stored.
    if (change.run && run.phase !== 'idle' && last && !closed) tell({ ...last, run })
    if (!only) renew()
  }

  function sayWhatGoesOn(): void {
    const { task, ...rest } = live
    told = live.run
    tabs.tell({ type: 'live', live: rest })
  }

  function sayHowFar(): void {
    const [now, then] = [live.run, told].map((run) => ('fraction' in run ? run.fraction : 0))
    if (Math.abs(now! - then!) < STEP) return
    told = live.run
    tabs.tell({ type: 'progress', run: live.run })
  }

  tabs.on('live', (word) => hear(word.live))
  tabs.on('progress', ({ run }) => hear({ run }))
  tabs.on('changed', () => hear())
  tabs.on('hello', () => (sources.leads() || live.run.phase !== 'idle') && sayWhatGoesOn())

  return {
    live,
    set(change) {
      const only = isProgress(change, live)
      hear(change)
      if (only) sayHowFar()
      else sayWhatGoesOn()
    },
    changed() {
      renew()
      tabs.tell({ type: 'changed', what: 'rows' })
    },
    hear,
    warn: (failure) => tell({ ...(last ?? BLANK), failure }),
    now: () => gather(sources, live),
    onStatus(listener) {
      listeners.add(listener)
      if (last) listener(last)
      if (stale) renew()
      return () => listeners.delete(listener)
    },
    async close(failure) {
      closed = true
      stale = false
      await gathering
      if (failure) tell({ ...(last ?? BLANK), run: { phase: 'idle' }, leads: false, failure })
      listeners.clear()
    },
  }
}

const NOTHING_YET = { run: { phase: 'idle' }, reached: true, matching: 'ready', failure: null } as const

/** What is said where nothing could be read, as when the storage cannot be opened. */
const BLANK: Status = {
  device: null,
  online: true,
  task: null,
  tasks: [],
  arms: [],
  engine: null,
  events: { waiting: 0, delivered: 0 },
  samples: { local: 0, clicks: 0, matched: 0, filtered: 0 },
  models: [],
  serving: null,
  run: { phase: 'idle' },
  waitingFor: { reason: 'task' },
  learning: true,
  sharing: { on: true, told: true },
  persistent: null,
  leads: false,
  rounds: [],
  failure: null,
  bytes: { down: 0, up: 0 },
  traffic: {},
}

/** Whether a change says no more than how far a phase has come. */
const isProgress = (change: Partial<Live>, { run }: Live): boolean =>
  Object.keys(change).length === 1 && change.run?.phase === run.phase && run.phase !== 'idle'

async function gather(sources: Sources, live: Live): Promise<Status> {
  const { db, models, samples, delivery, platform, eligibility, leads } = sources
  const { clock, network } = platform
  const manifest = live.task?.manifest
  const [
    identity,
    counters,
    pulled,
    ran,
    persistent,
    sharing,
    waiting,
    counted,
    stored,
    journal,
    serving,
    active,
    arms,
  ] = await Promise.all([
    getState(db, 'identity'),
    getState(db, 'counters'),
    getState(db, 'pulled'),
    getState(db, 'ran'),
    getState(db, 'persistent'),
    getState(db, 'sharing'),
    db.outbox.count(),
    samples.count(),
    models.list(),
    db.journal.orderBy('n').reverse().limit(ROUNDS).toArray(),
    manifest && models.serving(manifest.name),
    delivery.tasks(),
    delivery.arms(),
  ])
  const rounds = journal.flatMap(({ n, ...row }) => {
    const round = roundSchema.safeParse(row)
    return round.success ? [round.data] : [] // what is damaged is not told of
  })
  const { delivered, traffic = {}, ...bytes } = counters ?? { delivered: 0, down: 0, up: 0 }
  const online = network.online() && live.reached
  const done =
    manifest?.hyper.augment === false
      ? Object.values(ran ?? {}).map(({ finished }) => finished?.day)
      : [pulled?.done]
  const tomorrow = manifest !== undefined && done.includes(dayOf(clock.now(), manifest.hyper.dayMs))
  return {
    device: identity?.device ?? null,
    online,
    task: manifest ? { name: manifest.name, version: manifest.version } : null,
    tasks: active.map(({ name, version }) => ({ name, version })),
    arms: [...arms],
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
    waitingFor: waitingFor(live, counted, {
      online,
      tomorrow,
      obstacle: eligibility.obstacle(manifest?.hyper),
    }),
    learning: eligibility.learning,
    sharing: sharing ?? BLANK.sharing,
    persistent: persistent ?? null,
    leads: leads(),
    rounds,
    failure: live.failure,
    bytes,
    traffic,
  }
}

function waitingFor(
  { task, matching, run }: Live,
  { clicks, matched }: Status['samples'],
  { online, tomorrow, obstacle }: { online: boolean; tomorrow: boolean; obstacle: Obstacle | null },
): Status['waitingFor'] {
  if (run.phase !== 'idle') return { reason: 'nothing' }
  if (!task) return { reason: online ? 'task' : 'network' }
  if (obstacle === 'paused') return { reason: obstacle }
  const missing = task.manifest.hyper.minClicks - clicks
  if (missing > 0) return { reason: 'clicks', missing }
  // A round that was cut off is not over for today.
  if (obstacle && !(tomorrow && matched === 0)) return { reason: obstacle }
  if (tomorrow) return { reason: 'tomorrow' }
  if (!online) return { reason: 'network' }
  // The server counts for itself; another click or two satisfies it. New neighbours come with the next matching.
  if (matching === 'too-few-clicks') return { reason: 'clicks', missing: 1 }
  return { reason: matching === 'no-neighbours' ? 'tomorrow' : 'nothing' }
}
