/** The feed's life, apart from how it looks: drawn, ranked on the device, watched, ranked anew. */
import type { Catalogue, Item } from '../../shared/catalogue.ts'
import { type Failure, toFailure } from '../../shared/error.ts'
import { itemIndex } from '../../shared/items.ts'
import type { CallOutput, DeviceApi, Status } from '../../shared/protocol.ts'
import { createStore, type Store } from '../store.ts'
import { draw } from './candidates.ts'
import { createExposures } from './exposure.ts'
import { createOutgoing, type Tracked } from './outgoing.ts'
import type { Remembered, Session } from './session.ts'

export type Serving = CallOutput<'rank'>['serving']
/** What moved an item up the most, as far as the model can say. */
export type Because = NonNullable<CallOutput<'why'>['items'][number]['because']>
/** `chance` is the click probability that the model gave. */
export interface Ranked {
  readonly item: Item
  readonly chance: number
}

export type FeedState =
  | { phase: 'preparing' }
  | { phase: 'failed'; failure: Failure }
  | {
      phase: 'ready'
      catalogue: Catalogue
      /** Best first. */
      ranked: readonly Ranked[]
      serving: Serving
      /** By item, of this order; where there is nothing to say, an item has none. */
      reasons: ReadonlyMap<string, Because>
      opened: ReadonlySet<string>
      /** The card that is open now. */
      current: string | null
      /** How often another model has ranked these same cards anew. */
      reranked: number
      /** What went wrong with recording or ranking since; the cards stay usable. */
      trouble: Failure | null
    }
type Ready = Extract<FeedState, { phase: 'ready' }>

export interface Feed {
  readonly state: Store<FeedState>
  /** Draws or restores the cards and ranks them. Also the way out of `failed`. */
  start(): Promise<void>
  /** Cards that are not in the present feed. */
  others(): Promise<void>
  /** Forgets the present feed, and starts. */
  restart(): Promise<void>
  /** Opens a card, or closes it if it is open; the first opening is a click. */
  toggle(item: string): void
  /** The same click for an item that may not be among the cards. */
  open(item: string): void
  /** `share` of a card is visible now. */
  visible(item: string, share: number): void
  /** The page was hidden or shown. */
  page(shown: boolean): void
  /** Sends what was gathered now. */
  flush(): Promise<void>
}

export interface FeedDeps {
  device: Pick<DeviceApi, 'catalogue' | 'rank' | 'why' | 'track' | 'onStatus'>
  session: Session
  /** A seed for the next draw. */
  seed: () => number
  /** Milliseconds, in order. */
  now: () => number
  later: (run: () => void, ms: number) => unknown
}

/** So long after the cards stand (ms) it is asked why they stand so. */
const WHY_AFTER_MS = 400

export function createFeed({ device, session, seed, now, later }: FeedDeps): Feed {
  const state = createStore<FeedState>({ phase: 'preparing' })
  /** The cards to show: on screen once they are ranked. */
  let wanted: { catalogue: Catalogue; feed: Remembered } | null = null
  /** The cards on screen. */
  let shown: Remembered | null = null
  let exposures = createExposures()
  /** Numbers the rankings asked for: only the answer to the last one counts. */
  let asked = 0
  let answered = 0
  /** What the status said last. */
  let heard: string | null = null
  let wasOnline = true
  /** The worker has died; the next one says its first status. */
  let wasDead = false

  const update = (change: Partial<Ready>) => {
    const old = state.get()
    if (old.phase === 'ready') state.set({ ...old, ...change })
  }
  const outgoing = createOutgoing(
    async (events) => {
      await device.track({ events })
      const old = state.get()
      if (old.phase === 'ready' && old.trouble) update({ trouble: null })
    },
    (error) => update({ trouble: toFailure(error) }),
    later,
  )

  function fresh(catalogue: Catalogue, except?: ReadonlySet<string>): Remembered {
    const items = draw(catalogue.items, seed(), undefined, except)
    return { catalogue: catalogue.name, items, seen: [], opened: [] }
  }

  function restored(catalogue: Catalogue): Remembered | null {
    const feed = session.load()
    const index = itemIndex(catalogue)
    const whole = feed?.catalogue === catalogue.name && feed.items.every((item) => index.has(item))
    return whole ? feed : null
  }

  /** Ranks the wanted cards and shows them. */
  async function rank(): Promise<void> {
    if (!wanted) return
    const { catalogue, feed } = wanted
    const number = ++asked
    const { ranked, serving } = await device.rank({ items: feed.items })
    if (number !== asked) return
    answered = number
    const byKey = new Map(catalogue.items.map((item) => [item.key, item]))
    const cards = ranked.map(({ item, score }) => ({ item: byKey.get(item)!, chance: score }))
    const old = state.get()
    if (old.phase === 'ready' && shown === feed) {
      const another = old.serving.sha256 !== serving.sha256
      const reasons: Ready['reasons'] = another ? new Map() : old.reasons
      update({ ranked: cards, serving, reasons, reranked: old.reranked + (another ? 1 : 0) })
    } else show(catalogue, feed, cards, serving)
    later(() => void explain(feed.items, number), WHY_AFTER_MS)
  }

  /** What cannot be explained is shown all the same, and another model's reasons are none. */
  async function explain(items: string[], number: number): Promise<void> {
    if (number !== asked) return
    const { serving, items: told } = await device.why({ items }).catch(() => ({ serving: null, items: [] }))
    const now = state.get()
    if (number !== asked || now.phase !== 'ready' || now.serving.sha256 !== serving?.sha256) return
    const entries = told.flatMap(({ item, because }) => (because ? [[item, because] as const] : []))
    update({ reasons: new Map(entries) })
  }

  function show(catalogue: Catalogue, feed: Remembered, ranked: Ranked[], serving: Serving): void {
    shown = feed
    exposures = createExposures(feed.seen)
    session.save(feed)
    const opened = new Set(feed.opened)
    state.set({
      phase: 'ready',
      catalogue,
      ranked,
      serving,
      reasons: new Map(),
      opened,
      current: null,
      reranked: 0,
      trouble: null,
    })
  }

  /** Another model serves: the same cards are ranked anew. While M is being overwritten M0 serves, but only briefly. */
  function hear({ serving, run, online, failure }: Status): void {
    const back = online && !wasOnline
    wasOnline = online
    const dead = failure?.code === 'worker'
    const revived = wasDead && !dead
    wasDead = dead
    if (revived) void outgoing.flush()
    if (run.phase === 'committing') return
    const sha256 = serving?.sha256 ?? null
    const another = sha256 !== null && sha256 !== heard
    heard = sha256
    const old = state.get()
    if (old.phase === 'failed') {
      if (back || revived || (another && old.failure.code === 'not-ready')) void start()
      return
    }
    const ranking = old.phase !== 'ready' || asked !== answered
    if (!another || !wanted || (!ranking && old.serving.sha256 === sha256)) return
    rank().catch((error) => {
      const failure = toFailure(error)
      if (state.get().phase === 'ready') update({ trouble: failure })
      else state.set({ phase: 'failed', failure })
    })
  }
  device.onStatus(hear)

  async function start(): Promise<void> {
    state.set({ phase: 'preparing' })
    try {
      const catalogue = await device.catalogue(null)
      wanted = { catalogue, feed: restored(catalogue) ?? fresh(catalogue) }
      await rank()
    } catch (error) {
      state.set({ phase: 'failed', failure: toFailure(error) })
    }
  }

  function record(events: Tracked[]): void {
    if (!shown) return
    for (const event of events) {
      if (event.type === 'exposure') shown.seen.push(event.item)
      if (event.type === 'click') shown.opened.push(event.item)
    }
    session.save(shown)
    outgoing.add(...events)
  }

  function open(item: string): void {
    const old = state.get()
    if (old.phase !== 'ready' || old.opened.has(item)) return
    const exposure: Tracked[] = exposures.force(item) ? [{ type: 'exposure', item }] : []
    record([...exposure, { type: 'click', item }])
    update({ opened: new Set(old.opened).add(item) })
  }

  let planned: number | null = null
  function collect(): void {
    planned = null
    const items = exposures.seen(now())
    if (items.length) record(items.map((item) => ({ type: 'exposure', item })))
    plan()
  }
  function plan(): void {
    const at = exposures.next()
    if (at === null || (planned !== null && planned <= at)) return
    planned = at
    later(collect, Math.max(0, at - now()))
  }

  return {
    state,
    start,
    async others() {
      if (!wanted) return start()
      const before = wanted
      wanted = { ...before, feed: fresh(before.catalogue, new Set(before.feed.items)) }
      try {
        await rank()
      } catch (error) {
        wanted = before
        update({ trouble: toFailure(error) })
      }
    },
    restart() {
      session.clear()
      wanted = null
      shown = null
      return start()
    },
    toggle(item) {
      const old = state.get()
      if (old.phase !== 'ready') return
      if (old.current === item) return update({ current: null })
      open(item)
      update({ current: item })
    },
    open,
    visible(item, share) {
      exposures.visible(item, share, now())
      plan()
    },
    page(isShown) {
      collect()
      exposures.page(isShown, now())
      plan()
      if (!isShown) void outgoing.flush()
    },
    flush: () => {
      collect()
      return outgoing.flush()
    },
  }
}
