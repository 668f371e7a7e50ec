/** Matching when a device asks: one at a time for each user, and on the same day again only where there may be more for them. */
import type { BatchList } from '../../shared/api.ts'
import { dayOf } from '../../shared/clock.ts'
import type { Hyper } from '../../shared/hyper.ts'
import type { FeatureSchema } from '../../shared/schema.ts'
import type { Matches } from '../store/ports/mappings.ts'
import type { Store } from '../store/store.ts'

/** Users of whom is remembered when they were matched: forgetting costs a look. */
const MATCHED = 1_000_000

export interface Demand {
  /** The user's batches of the day of `now`; who has none is matched, and who has not all of them once there is more to give. */
  batches(user: number, now: number): Promise<BatchList>
}

export interface DemandOptions {
  readonly store: Pick<Store, 'samples' | 'events' | 'mappings'>
  readonly hyper: Pick<Hyper, 'batchesPerDay' | 'batchSize' | 'dayMs'>
  /** Batches of a day that are made during the day. */
  readonly freshBatches: number
  /** Of what was imported, if anything was. */
  schema(): FeatureSchema | undefined
  /** Matches the user for the day of `now`; the store has what there is to have when it is done. */
  match(user: number, now: number): Promise<BatchList['state']>
}

export function createDemand({ store, hyper, freshBatches, schema, match }: DemandOptions): Demand {
  const under = new Map<number, { day: number; state: Promise<BatchList['state']> }>()
  /** By user: the number that the next sample had when they were last matched. */
  const matchedAt = new Map<number, number>()
  /** By user: their latest click when they were last matched by it. */
  const movedAt = new Map<number, string>()

  function matched(user: number, day: number, now: number): Promise<BatchList['state']> {
    const before = under.get(user)
    if (before?.day === day) return before.state
    const go = () => match(user, now)
    // Whom the day before still has under way is matched for this one after that: nothing is given on both.
    const state = (before ? before.state.then(go, go) : go()).finally(() => {
      if (under.get(user)?.state === state) under.delete(user)
    })
    under.set(user, { day, state })
    return state
  }

  /** Whether enough samples for a batch came since the user got the last, and were not looked through for them already. */
  async function mayHaveMore(user: number, { batches, until }: Matches): Promise<boolean> {
    if (batches.length >= hyper.batchesPerDay || freshBatches === 0) return false
    if (schema()?.vectorOf === 'latest') return hasMoved(user)
    const next = await store.samples.next()
    if (next - Math.max(until, matchedAt.get(user) ?? 0) < hyper.batchSize) return false
    remember(matchedAt, user, next)
    return true
  }

  /** Whether a user stands elsewhere than when this was last asked of them. */
  async function hasMoved(user: number): Promise<boolean> {
    const latest = (await store.events.of(user)).findLast(({ type }) => type === 'click')?.id
    if (latest === undefined || movedAt.get(user) === latest) return false
    remember(movedAt, user, latest)
    return true
  }

  return {
    async batches(user, now) {
      const day = dayOf(now, hyper.dayMs)
      const there = await store.mappings.of(user, day)
      if (there && !(await mayHaveMore(user, there)))
        return { day, count: there.batches.length, state: 'ready' }
      const state = await matched(user, day, now)
      return { day, count: await store.mappings.count(user, day), state }
    },
  }
}

function remember<T>(of: Map<number, T>, user: number, what: T): void {
  if (of.size > MATCHED) of.clear()
  of.set(user, what)
}
