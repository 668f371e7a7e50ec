/**
 * The thread that is always there: it has the index of users and the samples that there are to give in memory, makes the
 * samples of new events every few seconds and everybody's batches once a day, and in between what devices ask for: batches
 * on demand, and being forgotten.
 */
import type { BatchList, Erased } from '../../shared/api.ts'
import { dayOf } from '../../shared/clock.ts'
import { type Context, createContext } from '../../shared/generate.ts'
import { MATCHING } from '../../shared/hyper.ts'
import { layoutOf, slotOf } from '../../shared/schema.ts'
import { type Choose, createChooser } from './batches.ts'
import { createGenerator, type Generator } from './generate.ts'
import { createMapper, type Mapper } from './mapping.ts'
import { loadPopulation } from './population.ts'
import { mayReceive } from './privacy/donors.ts'
import { hideRare } from './privacy/rare.ts'
import type { Watch } from './progress.ts'
import type { Room } from './room.ts'
import { secretOf, seedOf } from './secret.ts'
import { countGiven, createStock, type Stock } from './shelf.ts'
import { openUserIndex, type UserIndex } from './user-index.ts'
import { directionNow, isZero } from './vectors.ts'

/** What a matcher holds in memory. */
export interface Memory {
  readonly index: UserIndex
  readonly generator: Generator
  readonly mapper: Mapper
  stock: Stock
  choose: Choose
  /** Reads the stock from the store again: what is too old is gone then. */
  restock(now: number): Promise<void>
}

export interface Fresh {
  /** Samples that were made. */
  readonly samples: number
  /** Users whose vector moved. */
  readonly moved: number
}

export interface Matcher {
  /** Loaded when it is first needed; undefined for an empty folder. */
  memory(now: number): Promise<Memory | undefined>
  /** Makes samples of what is new, and puts users where their vectors are now: one at a time, so that nothing is counted twice. */
  freshen(now: number, watch: Watch): Promise<Fresh>
  /** Gives a user their first batches of the day of `now`, or more of what came since; says why there are none. */
  match(user: number, now: number): Promise<BatchList['state']>
  /** Undefined for a user who does not exist. */
  erase(user: number, now: number): Promise<Erased | undefined>
  /** Removes what a user shares. */
  withdraw(user: number, now: number): Promise<void>
}

export function createMatcher(room: Room): Matcher {
  const { store, hyper, privacy } = room
  let context: Context | undefined
  let held: Promise<Memory | undefined> | undefined
  let last: Promise<unknown> = Promise.resolve()

  async function load(now: number): Promise<Memory | undefined> {
    const population = await loadPopulation(store)
    if (!population) return undefined
    context = createContext(population.schema, population.catalogue, hyper)
    const { schema } = population
    const index = await openUserIndex(room, slotOf(layoutOf(schema), schema.userVector).width)
    const seed = seedOf(await secretOf(store))
    const chooser = (stock: Stock) => createChooser(stock, { hyper, privacy, seed })
    // A process that was killed may have left this to do.
    await hideRare(room)
    const stock = await createStock(store)
    const today = dayOf(now, hyper.dayMs)
    await countGiven(stock, store, await store.users.devices(), today)
    const memory: Memory = {
      index,
      stock,
      choose: chooser(stock),
      generator: createGenerator(room, {
        added: (user, first, count) => memory.stock.add(user, first, count),
        removed: (ids) => memory.stock.drop(ids),
      }),
      mapper: createMapper({
        store,
        stock: () => memory,
        hyper,
        freshBatches: room.freshBatches,
        anew: schema.vectorOf === 'latest',
      }),
      async restock() {
        memory.stock = await createStock(store, memory.stock)
        memory.choose = chooser(memory.stock)
      },
    }
    return memory
  }

  function memory(now: number): Promise<Memory | undefined> {
    held ??= load(now).then(
      (loaded) => {
        // An empty folder may be filled later.
        if (!loaded) held = undefined
        return loaded
      },
      (error) => {
        held = undefined
        throw error
      },
    )
    return held
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work, work)
    last = result.catch(() => {})
    return result
  }

  /** Has `remove` take out of the store what a user shares; the index on disk, which nobody reads for them then, goes first. */
  async function forget<T>(user: number, now: number, remove: () => Promise<T>): Promise<T> {
    store.refresh()
    const known = await memory(now)
    if (await store.profiles.of(user)) await known?.index.forget(user)
    const removed = await remove()
    // Another job may have put them back in between.
    if (known?.index.neighbours.has(user)) await known.index.forget(user)
    known?.stock.remove(user)
    const rare = await hideRare(room)
    known?.stock.drop(rare)
    return removed
  }

  return {
    memory,
    freshen: (now, watch) =>
      inTurn(async () => {
        const known = await memory(now)
        if (!known || (await store.imports.open())) return { samples: 0, moved: 0 }
        const { samples } = await known.generator.generate(now, watch)
        const moved = await known.index.follow()
        await known.index.save()
        return { samples, moved }
      }),

    async match(user, now) {
      store.refresh()
      const known = await memory(now)
      if (!known || !context) return 'no-neighbours'
      const day = dayOf(now, hyper.dayMs)
      const since = (await store.users.since(user)) ?? now
      if (!mayReceive({ since }, now, hyper.dayMs, privacy)) return 'no-neighbours'
      const events = await store.events.of(user)
      if (events.filter(({ type }) => type === 'click').length < MATCHING.minClicks) return 'too-few-clicks'
      const vector = directionNow(context, events, now)
      if (isZero(vector)) return 'no-neighbours'
      const { index, mapper } = known
      const [near = new Uint32Array()] = index.neighbours.nearest(
        [{ user, vector }],
        Math.ceil(privacy.widen * hyper.neighbours),
      )
      const there = await store.mappings.of(user, day)
      const added = there ? await mapper.further(user, near, now, there) : await mapper.first(user, near, now)
      if (added) await store.mappings[there ? 'append' : 'put'](day, [{ user, ...added }])
      return there || added ? 'ready' : 'no-neighbours'
    },

    erase: (user, now) => forget(user, now, () => store.erase(user)),

    withdraw: (user, now) =>
      forget(user, now, async () => {
        await store.withdraw(user)
      }),
  }
}
