/** What each user is given on a day: the first batches in the morning or when they come, and more as samples come. */
import { dayOf } from '../../shared/clock.ts'
import type { Hyper } from '../../shared/hyper.ts'
import { MATCHING } from '../../shared/hyper.ts'
import { joined } from '../store/mappings.ts'
import type { Matches } from '../store/ports/mappings.ts'
import type { Store } from '../store/store.ts'
import { type Choose, cut } from './batches.ts'
import type { Stock } from './shelf.ts'

/** The first day whose samples are there on `day`: for as long as their exposures could become samples again. */
export const keptFrom = (day: number): number => Math.max(0, day - MATCHING.days)

export interface Mapper {
  readonly anew: boolean
  /** The first batches of a user for the day of `now`, from the users nearest to them; undefined where there is nothing. */
  first(user: number, near: Uint32Array, now: number): Promise<Matches | undefined>
  /** More whole batches, after those that are there; undefined where there is not enough for one. */
  further(user: number, near: Uint32Array, now: number, there: Matches): Promise<Matches | undefined>
}

export interface MapperOptions {
  readonly store: Store
  readonly stock: () => { stock: Stock; choose: Choose }
  readonly hyper: Hyper
  readonly freshBatches: number
  /**
   * Users stand elsewhere each time they come: they are given as much again as at first, also of what there was before. Else
   * neighbours stay the same all day, and there is only more of what is new.
   */
  readonly anew: boolean
}

export function createMapper({ store, stock, hyper, freshBatches, anew }: MapperOptions): Mapper {
  const { batchesPerDay, batchSize, dayMs } = hyper
  const atOnce = Math.max(1, batchesPerDay - freshBatches)

  async function chosen(user: number, donors: Uint32Array, now: number, limit: number, there?: Matches) {
    const day = dayOf(now, dayMs)
    const { choose } = stock()
    const week = await store.mappings.given(user, keptFrom(day), day)
    // Until the day is prepared the stock has older ones, which would go out of what was listed.
    const kept = await store.samples.madeSince(keptFrom(day))
    return choose({
      user,
      day,
      donors,
      week,
      limit,
      since: Math.max(kept, anew ? 0 : (there?.until ?? 0)),
      ...(there && { today: joined(there.batches) }),
    })
  }

  return {
    anew,
    async first(user, near, now) {
      const batches = cut(await chosen(user, near, now, atOnce * batchSize), hyper)
      return batches.length === 0 ? undefined : { batches, until: await store.samples.next() }
    },
    async further(user, near, now, there) {
      const left = Math.min(batchesPerDay - there.batches.length, anew ? atOnce : batchesPerDay)
      if (left <= 0) return undefined
      const until = await store.samples.next()
      const ids = await chosen(user, near, now, left * batchSize, there)
      const batches = cut(ids, hyper)
      // A fragment waits for more: it would be a batch of its own for ever.
      const rest = (batches.at(-1)?.length ?? 0) < batchSize ? batches.pop() : undefined
      if (rest) stock().stock.putBack(rest)
      return batches.length === 0 ? undefined : { batches, until: Math.min(until, ...(rest ?? [])) }
    },
  }
}
