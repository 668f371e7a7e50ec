/** Who hears how things stand: the page, by a whole status each time, and the other tabs, by what of it is not stored. */
import { type Failure, toFailure } from '../../../shared/failure.ts'
import { BLANK, type Status } from '../../../shared/protocol.ts'
import { asFailure } from '../storage/withstand.ts'
import type { Tabs } from '../tabs/tabs.ts'
import { gatherStatus, type Live, type StatusSources } from './status.ts'

/** A run is told to the other tabs when it has come this much further. */
const STEP = 0.05

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

export interface BoardDeps extends StatusSources {
  readonly tabs: Tabs
}

export function createBoard({ tabs, ...sources }: BoardDeps): StatusBoard {
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
        tell(await gatherStatus(sources, live))
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
    now: () => gatherStatus(sources, live),
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

/** Whether a change says no more than how far a phase has come. */
const isProgress = (change: Partial<Live>, { run }: Live): boolean =>
  Object.keys(change).length === 1 && change.run?.phase === run.phase && run.phase !== 'idle'
