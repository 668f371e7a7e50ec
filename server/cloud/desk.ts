/** What devices ask for that takes more than a look into the store: matching on demand, and being forgotten. */
import type { BatchList, Erased } from '../../shared/api.ts'
import { dayOf } from '../../shared/clock.ts'
import { type Context, createContext } from '../../shared/generate.ts'
import { MATCHING } from '../../shared/hyper.ts'
import { layoutOf, slotOf } from '../../shared/schema.ts'
import { batchesOf, recentOf } from './batches.ts'
import { indexHash, openIndex, rebuildIndex } from './neighbours.ts'
import { loadPopulation } from './population.ts'
import type { Room } from './room.ts'
import { isZero, vectorNow } from './vectors.ts'

export interface Desk {
  /** Gives a user, who has none, their batches for the day of `now`; says why not. */
  match(user: number, now: number): Promise<BatchList['state']>
  /** Undefined for a user who does not exist. */
  erase(user: number): Promise<Erased | undefined>
  /** Removes what a user shares. */
  withdraw(user: number): Promise<void>
}

export function createDesk(room: Room): Desk {
  const { store, hyper } = room
  let context: Context | undefined
  let opened: Awaited<ReturnType<typeof openIndex>>

  /** The catalogue of a folder never changes, so its context is made once. */
  async function needContext(): Promise<Context | undefined> {
    if (context) return context
    const population = await loadPopulation(store)
    if (population) context = createContext(population.schema, population.catalogue, hyper)
    return context
  }

  /** The index is loaded once, and again when another was written. */
  async function index() {
    if (opened?.sha256 !== (await indexHash(room))) opened = await openIndex(room)
    return opened?.neighbours
  }

  return {
    async match(user, now) {
      store.refresh()
      const known = await needContext()
      if (!known) return 'no-neighbours'
      const events = await store.events.of(user)
      if (events.filter(({ type }) => type === 'click').length < MATCHING.minClicks) return 'too-few-clicks'
      const vector = vectorNow(known, events, now)
      const neighbours = isZero(vector) ? undefined : await index()
      const [nearest] = neighbours?.nearest([{ user, vector }], hyper.neighbours) ?? []
      if (!nearest) return 'no-neighbours'
      const batches = await batchesOf(store, user, nearest, recentOf(store, hyper), now, hyper)
      if (batches.length === 0) return 'no-neighbours'
      await store.mappings.put(dayOf(now, hyper.dayMs), [{ user, batches }])
      return 'ready'
    },

    async withdraw(user) {
      await store.withdraw(user)
    },

    async erase(user) {
      store.refresh()
      const indexed = (await index())?.has(user)
      const erased = await store.erase(user)
      if (!erased || !indexed) return erased
      const { schema } = (await needContext())!
      await rebuildIndex(room, slotOf(layoutOf(schema), schema.userVector).width)
      return erased
    },
  }
}
