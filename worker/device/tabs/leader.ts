/**
 * Which of the tabs leads: it alone deals with the server and trains unasked. Leading is holding a Web Lock, which the
 * browser gives to the next in the queue the moment that a tab ends, however it ends.
 *
 * A tab that sleeps keeps its locks. So one that the user looks at asks whether the leader is alive: a hidden one gives way
 * to it, and from one that does not answer it takes what it holds. That one finds out when it wakes, and queues again.
 */
import { AppError } from '../../../shared/failure.ts'
import { ROUND_LOCK } from '../../../shared/protocol.ts'
import type { Platform } from '../../platform.ts'
import { CONTACT_LOCK } from '../storage/names.ts'
import type { Tabs } from './tabs.ts'

const LEADER_LOCK = 'kindred:leader'
/** A leader that says nothing for this long sleeps: one that is awake answers within a few milliseconds. */
const SILENCE_MS = 1000

export interface Leader {
  leads(): boolean
  /** Queues up to lead, unless it does already. */
  join(): void
  /** Leads no longer, and does not want to. */
  leave(): void
  /** The user looks at this tab: it should lead. */
  claim(): void
}

export interface LeaderDeps extends Pick<Platform, 'locks' | 'after'> {
  readonly tabs: Tabs
  /** Begins to lead; `until` aborts when that ends. */
  readonly lead: (until: AbortSignal) => void
  /** Whether it would give way to a tab that the user looks at. */
  readonly yields: () => boolean
}

export function createLeader({ locks, after, tabs, lead, yields }: LeaderDeps): Leader {
  /** From queueing up until leading has ended. */
  let attempt: AbortController | undefined
  let leading = false
  let stopWaiting: (() => void) | undefined

  function join(steal = false): void {
    const mine = new AbortController()
    attempt = mine
    const hold = () =>
      new Promise<void>((resolve) => {
        if (mine.signal.aborted) return resolve()
        mine.signal.addEventListener('abort', () => resolve())
        leading = true
        heardFrom()
        lead(mine.signal)
      })
    locks.request(LEADER_LOCK, steal ? { steal } : { signal: mine.signal }, hold).catch(() => {
      if (attempt !== mine || !leading) return
      stop('Another tab took over.')
      join()
    })
  }

  function stop(why: string): void {
    leading = false
    attempt?.abort(new AppError('cancelled', why))
    attempt = undefined
  }

  function heardFrom(): void {
    stopWaiting?.()
    stopWaiting = undefined
  }

  function take(fromSleeper: boolean): void {
    stopWaiting = undefined
    if (!attempt || leading) return
    stop('It leads at once.')
    if (fromSleeper)
      for (const name of [CONTACT_LOCK, ROUND_LOCK]) void locks.request(name, { steal: true }, async () => {})
    join(true)
  }

  function claim(): void {
    if (!attempt || leading) return
    stopWaiting ??= after(SILENCE_MS, () => take(true))
    tabs.tell({ type: 'claim' })
  }

  tabs.on('claim', () => leading && tabs.tell({ type: 'leading', yields: yields() }))
  tabs.on('leading', (word) => {
    if (!stopWaiting) return
    heardFrom()
    if (word.yields) take(false)
  })

  return {
    leads: () => leading,
    join: () => attempt ?? join(),
    leave() {
      heardFrom()
      stop('This tab leads no longer.')
    },
    claim,
  }
}
