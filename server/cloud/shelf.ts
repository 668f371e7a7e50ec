/** The samples that there are to give, in memory: whose each is, and how many devices have it (`Shelf` in batches.ts). */
import type { Store } from '../store/store.ts'
import { GONE, type Shelf } from './batches.ts'
import { keptFrom } from './mapping.ts'

/** A donor's newest samples that are looked at: twice a day's worth, for who has few neighbours and was given some already. */
const NEWEST = 600

export interface Stock extends Shelf {
  /** New samples of a user. */
  add(user: number, first: number, count: number): void
  /** All that a user has is not to be given any more. */
  remove(user: number): void
  /** Samples that are gone. */
  drop(ids: Iterable<number>): void
  /** What was given. */
  take(ids: Iterable<number>): void
  /** What was chosen and not given after all. */
  putBack(ids: Iterable<number>): void
}

/** All samples that the store has. `before` knows how many devices have been given those that it held. */
export async function createStock(store: Store, before?: Shelf): Promise<Stock> {
  const owned = await store.samples.owned()
  const next = await store.samples.next()
  let least = next
  for (const id of owned.ids) least = Math.min(least, id)
  const base = least
  let owner = new Uint32Array(room(next - base)).fill(GONE)
  let reach = new Uint16Array(owner.length)
  let starts = new Uint32Array(room((owned.users.at(-1) ?? 0) + 1))
  let ends = new Uint32Array(starts.length)
  let samples = new Uint32Array(room(owned.ids.length))
  let used = 0
  owned.users.forEach((user, i) => {
    starts[user] = used
    for (let at = owned.starts[i + 1]! - 1; at >= owned.starts[i]!; at--) {
      owner[owned.ids[at]! - base] = user
      if (used - starts[user]! < NEWEST) samples[used++] = owned.ids[at]!
    }
    ends[user] = used
  })
  if (before) {
    const from = Math.max(0, base - before.base)
    const known = before.reach.subarray(from, from + reach.length)
    reach.set(known.subarray(0, reach.length), Math.max(0, before.base - base))
  }

  /** All lists one after the other again, with room for more. */
  function tidy(more: number): void {
    let held = 0
    for (let user = 0; user < starts.length; user++) held += ends[user]! - starts[user]!
    const tidied = new Uint32Array(room(held + more))
    let at = 0
    for (let user = 0; user < starts.length; user++) {
      tidied.set(samples.subarray(starts[user]!, ends[user]!), at)
      const length = ends[user]! - starts[user]!
      starts[user] = at
      at += length
      ends[user] = at
    }
    samples = tidied
    used = at
  }

  return {
    base,
    get owner() {
      return owner
    },
    get reach() {
      return reach
    },
    get starts() {
      return starts
    },
    get ends() {
      return ends
    },
    get samples() {
      return samples
    },
    add(user, first, count) {
      if (count === 0) return
      const last = first + count - base
      if (last > owner.length) {
        owner = grown(owner, last, GONE)
        reach = grown(reach, last, 0)
      }
      owner.fill(user, first - base, last)
      if (user >= starts.length) {
        starts = grown(starts, user + 1, 0)
        ends = grown(ends, user + 1, 0)
      }
      const most = Math.min(NEWEST, count + ends[user]! - starts[user]!)
      if (used + most > samples.length) tidy(most)
      const old = samples.subarray(starts[user]!, ends[user]!)
      starts[user] = used
      for (let i = count - 1; i >= 0 && used - starts[user]! < most; i--) samples[used++] = first + i
      for (let i = 0; used - starts[user]! < most; i++) samples[used++] = old[i]!
      ends[user] = used
    },
    remove(user) {
      if (user >= starts.length) return
      for (let at = starts[user]!; at < ends[user]!; at++) owner[samples[at]! - base] = GONE
      ends[user] = starts[user]!
    },
    drop(ids) {
      for (const id of ids) if (id >= base && id - base < owner.length) owner[id - base] = GONE
    },
    take(ids) {
      for (const id of ids) if (id >= base && id - base < reach.length) reach[id - base]!++
    },
    putBack(ids) {
      for (const id of ids) if (id >= base) reach[id - base]!--
    },
  }
}

/** Counts on a stock what was given to these users in the last seven days. */
export async function countGiven(
  stock: Stock,
  { mappings }: Store,
  users: Iterable<number>,
  today: number,
): Promise<void> {
  for (const user of users) stock.take(await mappings.given(user, keptFrom(today), today))
}

/** A quarter more, and never nothing. */
const room = (size: number): number => Math.ceil(size * 1.25) + 16

function grown<T extends Uint32Array | Uint16Array>(array: T, size: number, fill: number): T {
  const larger = new (array.constructor as new (size: number) => T)(Math.max(room(size), 2 * array.length))
  larger.fill(fill)
  larger.set(array)
  return larger
}
