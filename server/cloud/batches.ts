/** Which samples a user is given: the union of the neighbours' samples, in an order that favours the near and the new. */
import { dayOf } from '../../shared/clock.ts'
import { type Hyper, MATCHING } from '../../shared/hyper.ts'
import type { Store } from '../store/store.ts'

/** One neighbour's samples, newest first. */
export interface Recent {
  readonly ids: Uint32Array
  readonly days: Uint32Array
}

/**
 * Up to a day's worth of samples: in rounds, one of each neighbour, nearest first, newest first; those of the last seven
 * days before all that are older. None of `exclude`.
 */
export function choose(
  neighbours: readonly Recent[],
  exclude: ReadonlySet<number>,
  today: number,
  { batchesPerDay, batchSize }: Pick<Hyper, 'batchesPerDay' | 'batchSize'>,
): number[] {
  const chosen = new Set<number>()
  const limit = batchesPerDay * batchSize
  const isNew = (day: number) => day > today - MATCHING.days
  for (const tier of [true, false]) {
    const queues = neighbours.map(({ ids, days }) =>
      ids.filter((id, i) => isNew(days[i]!) === tier && !exclude.has(id)),
    )
    const rounds = Math.max(0, ...queues.map(({ length }) => length))
    for (let round = 0; round < rounds && chosen.size < limit; round++)
      for (const queue of queues) if (round < queue.length && chosen.size < limit) chosen.add(queue[round]!)
  }
  return [...chosen]
}

/** Batches of `batchSize`; the last takes up to `batchMax`, if that leaves no fragment. */
export function cut(
  ids: readonly number[],
  { batchSize, batchMax }: Pick<Hyper, 'batchSize' | 'batchMax'>,
): Uint32Array[] {
  const batches: Uint32Array[] = []
  for (let at = 0; at < ids.length; ) {
    const left = ids.length - at
    const size = left <= batchMax ? left : batchSize
    batches.push(Uint32Array.from(ids.slice(at, at + size)))
    at += size
  }
  return batches
}

/** The batches of one user for the day of `now`, given the users nearest to them. */
export async function batchesOf(
  store: Store,
  user: number,
  neighbours: Uint32Array,
  recent: (user: number) => Promise<Recent>,
  now: number,
  hyper: Hyper,
): Promise<Uint32Array[]> {
  const today = dayOf(now, hyper.dayMs)
  const queues: Recent[] = []
  for (const neighbour of neighbours) if (neighbour !== user) queues.push(await recent(neighbour))
  const exclude = await store.mappings.mapped(user, Math.max(0, today - MATCHING.days), today)
  return cut(choose(queues, exclude, today, hyper), hyper)
}

/** A neighbour's newest samples: enough for one who has few neighbours and was sent some already. */
export function recentOf(
  store: Store,
  { batchesPerDay, batchSize }: Hyper,
): (user: number) => Promise<Recent> {
  const known = new Map<number, Recent>()
  return async (user) => {
    const there = known.get(user)
    if (there) return there
    if (known.size >= 20_000) known.clear()
    const found = await store.samples.newest(user, 2 * batchesPerDay * batchSize)
    known.set(user, found)
    return found
  }
}
