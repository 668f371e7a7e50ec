/**
 * When the device acts, and in which of its tabs. By itself only the leader contacts the server and trains; what a user asks
 * for is done by the tab that was asked, so that the call, its progress and its end stay in one place. Locks keep it to one
 * contact and one round at a time over all tabs.
 */
import { AppError } from '../../../shared/failure.ts'
import { type Conditions, ROUND_LOCK, type Round } from '../../../shared/protocol.ts'
import { holding } from '../../locks.ts'
import type { Platform } from '../../platform.ts'
import { createTimers, createUnderway, type Timers } from '../../turns.ts'
import { CONTACT_LOCK } from '../storage/names.ts'
import { createLeader } from '../tabs/leader.ts'
import type { Tabs } from '../tabs/tabs.ts'
import type { StatusBoard } from './board.ts'
import type { Cycle } from './cycle.ts'
import type { Eligibility } from './eligibility.ts'

/** Events gather for this long before they are sent. */
const FLUSH_AFTER_MS = 1500
/** The server is contacted this often anyway. */
const CONTACT_EVERY_MS = 60_000
/** A server that has no batches for us yet is asked again after this, then after twice as long, and so on. */
const ASK_AGAIN_MS = 5_000

export interface Schedule {
  leads(): boolean
  /** Queues up to lead, and asks the tab that does what goes on. */
  start(): void
  /** Ends everything that runs or would run by itself; done when nothing is under way. */
  stop(why: AppError): Promise<void>
  /** Begins nothing any more; done when no round runs in this tab. */
  rest(): Promise<void>
  /** A contact that nobody waits for, by the leader; its failure is seen in the status. */
  visit(word?: { soon?: boolean; suspect?: boolean }): void
  /** A contact by this tab. */
  connect(signal?: AbortSignal): Promise<void>
  roundIfDue(signal?: AbortSignal): Promise<void>
  roundNow(signal?: AbortSignal): Promise<Round>
  /** Takes up how things stand, or the user's switch. */
  adapt(change: { conditions?: Conditions; learning?: boolean }): Promise<void>
  /** Replaces what is stored, while nothing is under way in any tab; then all begin from what there is. */
  anew<T>(change: () => Promise<T>): Promise<T>
}

export interface ScheduleDeps {
  readonly platform: Platform
  readonly cycle: Cycle
  readonly board: StatusBoard
  readonly tabs: Tabs
  readonly eligibility: Eligibility
  /** Drops what this tab holds in memory, and takes up what is stored. */
  readonly takeUp: () => Promise<void>
}

export function createSchedule(deps: ScheduleDeps): Schedule {
  const { platform, cycle, board, tabs, eligibility, takeUp } = deps
  const { locks, network } = platform
  let life = new AbortController()
  /** Aborts when this tab leads no longer. */
  let reign = AbortSignal.abort()
  let started = false
  let resting = false
  const contacts = createUnderway()
  const rounds = createUnderway()
  let visiting: Promise<void> | undefined
  let considering = false
  let visitAgain = false
  let patience = ASK_AGAIN_MS
  const timers = createTimers(platform.after)
  let unsubscribe = () => {}

  const hidden = () => eligibility.conditions.page !== 'visible'
  const yields = () => hidden() && !rounds.any()
  const leader = createLeader({ ...platform, tabs, lead, yields })

  const until = (signal: AbortSignal | undefined) =>
    signal ? AbortSignal.any([signal, life.signal]) : life.signal
  const whileLeading = () => AbortSignal.any([life.signal, reign])
  /** Nothing that leads may begin by itself. */
  const idle = () => resting || life.signal.aborted || reign.aborted

  // ── By itself ───────────────────────────────────────────────────────────────────────────────────────────────────

  function lead(until: AbortSignal): void {
    reign = until
    until.addEventListener('abort', () => {
      timers.clear()
      board.hear()
    })
    board.hear()
    visitRegularly()
    rounds.of(cycle.tidy(whileLeading())).catch(cycle.failed).then(offer)
    visitNow()
  }

  /** A hidden leader says that it would give way to a tab that is looked at. */
  function offer(): void {
    if (leader.leads() && yields()) tabs.tell({ type: 'offered' })
  }

  function visit({ soon = false, suspect = false } = {}): void {
    if (suspect) cycle.suspectModels()
    if (!leader.leads()) tabs.tell({ type: 'visit', soon, suspect })
    else if (soon) later('flush', FLUSH_AFTER_MS, visitNow)
    else visitNow()
  }

  function visitNow(): void {
    visitAgain = visiting !== undefined
    if (visiting || idle()) return
    visiting = contacts
      .of(cycle.connect(whileLeading()))
      .then(considerRound, () => {})
      .finally(() => {
        visiting = undefined
        if (visitAgain) visitNow()
      })
  }

  function considerRound(): void {
    if (considering || idle()) return
    considering = true
    rounds
      .of(cycle.roundIfDue(whileLeading()))
      .then(askAgain)
      .catch((error) => void cycle.failed(error))
      .finally(() => {
        considering = false
        offer()
      })
  }

  /** The server may only just have taken in the clicks that were sent to it. */
  function askAgain(): void {
    patience = board.live.matching === 'ready' ? ASK_AGAIN_MS : patience * 2
    if (board.live.matching !== 'ready' && patience <= CONTACT_EVERY_MS)
      later('again', patience / 2, visitNow)
  }

  const later: Timers['later'] = (...timer) => idle() || timers.later(...timer)

  function visitRegularly(): void {
    later('contact', CONTACT_EVERY_MS, () => {
      visitNow()
      visitRegularly()
    })
  }

  /** A tab that sleeps soon must hold nothing; one that is looked at should lead. */
  function queue(): void {
    if (eligibility.conditions.page === 'frozen') leader.leave()
    else leader.join()
    if (eligibility.told && !hidden()) leader.claim()
  }

  // ── Between tabs ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The tab where a round went on may end without a word: then its lock is free. */
  let watching = false
  function watchRound(): void {
    if (watching) return
    watching = true
    locks
      .request(ROUND_LOCK, { mode: 'shared', signal: life.signal }, async () => {
        if (!rounds.any()) board.hear({ run: { phase: 'idle' } })
      })
      .catch(() => {})
      .finally(() => {
        watching = false
      })
  }

  /** Ends what is under way; what comes after is another life. */
  async function interrupt(why: AppError): Promise<void> {
    life.abort(why)
    life = new AbortController()
    await Promise.all([contacts.ended(), rounds.ended()])
  }

  tabs.on('live', ({ live }) => live.run.phase !== 'idle' && watchRound())
  tabs.on('visit', (word) => leader.leads() && visit(word))
  tabs.on('offered', () => hidden() || leader.claim())
  tabs.on(
    'replacing',
    () => void interrupt(new AppError('cancelled', 'Another tab replaces what is stored.')),
  )
  tabs.on('replaced', () => void takeUp().then(() => leader.leads() && visit()))

  /** The tab has slept, or was not looked at: others may have gone on meanwhile. */
  async function wake(): Promise<void> {
    await cycle.loadStored().catch(cycle.failed)
    board.hear()
    tabs.tell({ type: 'hello' })
    visit()
  }

  return {
    leads: leader.leads,
    visit,

    start() {
      started = true
      unsubscribe = network.onChange(() => (network.online() ? visit() : board.set({ reached: false })))
      tabs.tell({ type: 'hello' })
      queue()
    },

    async stop(why) {
      unsubscribe()
      leader.leave()
      life.abort(why)
      await Promise.all([contacts.ended(), rounds.ended()])
    },

    async rest() {
      resting = true
      await rounds.ended()
    },

    connect: (signal) => contacts.of(cycle.connect(until(signal))),
    roundIfDue: (signal) => rounds.of(cycle.roundIfDue(until(signal))),
    roundNow: (signal) => rounds.of(cycle.roundNow(until(signal))),

    async adapt(change) {
      const policy = board.live.task?.manifest.hyper
      const before = { page: eligibility.conditions.page, obstacle: eligibility.obstacle(policy) }
      eligibility.set(change)
      board.hear()
      if (!started) return
      if (change.conditions) queue()
      offer()
      if (before.page !== 'visible' && !hidden()) await wake()
      else if (before.obstacle && !eligibility.obstacle(policy)) considerRound()
    },

    async anew(change) {
      tabs.tell({ type: 'replacing' })
      await interrupt(new AppError('cancelled', 'What is stored is being replaced.'))
      const { signal } = life
      try {
        return await holding(locks, CONTACT_LOCK, signal, () => holding(locks, ROUND_LOCK, signal, change))
      } finally {
        tabs.tell({ type: 'replaced' })
        await takeUp()
        visit()
      }
    },
  }
}
