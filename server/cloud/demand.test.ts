import { beforeEach, describe, expect, it } from 'vitest'
import type { KindredEvent } from '../../shared/event.ts'
import type { FeatureSchema } from '../../shared/schema.ts'
import { createDemand } from './demand.ts'

const DAY = 3
/** The last moment of that day. */
const NOW = 39
const hyper = { batchesPerDay: 4, batchSize: 25, dayMs: 10 }
/** Of users with batches: how many, the number of the next sample when they got the last, and of which day they are. */
let given: Map<number, { batches: number; until: number; day?: number }>
let nextSample: number
let clicks: string[]
/** Users who were matched, in order; each gets a batch. */
let matched: number[]
let slow: (() => void)[] | undefined
beforeEach(() => {
  given = new Map()
  nextSample = 100
  clicks = []
  matched = []
  slow = undefined
})

const demand = ({ freshBatches = 3, vectorOf }: { freshBatches?: number; vectorOf?: 'latest' } = {}) =>
  createDemand({
    store: {
      mappings: {
        of: async (user: number, day: number) => {
          const has = givenOn(user, day)
          return has && { batches: Array(has.batches).fill(new Uint32Array(1)), until: has.until }
        },
        count: async (user: number, day: number) => givenOn(user, day)?.batches ?? 0,
      },
      samples: { next: async () => nextSample },
      events: { of: async () => clicks.map((id) => ({ type: 'click', id }) as KindredEvent) },
    } as never,
    hyper,
    freshBatches,
    schema: () => ({ vectorOf }) as FeatureSchema,
    async match(user, now) {
      matched.push(user)
      const day = Math.floor(now / hyper.dayMs)
      const { batches = 0 } = givenOn(user, day) ?? {}
      if (slow) await new Promise<void>((go) => slow!.push(go))
      given.set(user, { batches: batches + 1, until: nextSample, day })
      return 'ready'
    },
  })
function givenOn(user: number, day: number) {
  const has = given.get(user)
  return (has?.day ?? DAY) === day ? has : undefined
}

describe('who asks for batches', () => {
  it('is matched where there are none yet, once, however often they ask meanwhile', async () => {
    slow = []
    const asked = demand()
    const all = Promise.all([asked.batches(7, NOW), asked.batches(7, NOW), asked.batches(8, NOW)])
    while (slow.length < 2) await Promise.resolve()
    for (const go of slow) go()
    expect(await all).toEqual(Array(3).fill({ day: DAY, count: 1, state: 'ready' }))
    expect(matched).toEqual([7, 8])
  })

  it('gets those of the day on which they asked, also while those of the day before are made', async () => {
    slow = []
    const asked = demand()
    const late = asked.batches(7, NOW)
    const early = asked.batches(7, NOW + 1)
    for (const [day, list] of [
      [DAY, late],
      [DAY + 1, early],
    ] as const) {
      while (slow.length === 0) await Promise.resolve()
      slow.shift()!()
      expect(await list).toEqual({ day, count: 1, state: 'ready' })
    }
    expect(matched).toEqual([7, 7])
  })

  it('gets more once there are enough new samples for a batch, looks through them once, and not beyond a day’s', async () => {
    const asked = demand()
    await asked.batches(7, NOW)
    nextSample += 24
    expect((await asked.batches(7, NOW)).count).toBe(1)
    nextSample += 1
    expect((await asked.batches(7, NOW)).count).toBe(2)
    // It was looked through: nobody need have got any of it.
    given.set(7, { batches: 2, until: 100 })
    expect((await asked.batches(7, NOW)).count).toBe(2)
    nextSample += 1000
    given.set(7, { batches: hyper.batchesPerDay, until: 100 })
    expect((await asked.batches(7, NOW)).count).toBe(hyper.batchesPerDay)
    expect(matched).toHaveLength(2)
  })

  it('gets more wherever they stand by their latest click, and not where they stood before', async () => {
    const asked = demand({ vectorOf: 'latest' })
    await asked.batches(7, NOW)
    nextSample += 1000
    expect((await asked.batches(7, NOW)).count).toBe(1)
    clicks.push('a')
    expect((await asked.batches(7, NOW)).count).toBe(2)
    expect((await asked.batches(7, NOW)).count).toBe(2)
    clicks.push('b')
    expect((await asked.batches(7, NOW)).count).toBe(3)
  })

  it('gets no more on a server that makes none during the day', async () => {
    const asked = demand({ freshBatches: 0 })
    await asked.batches(7, NOW)
    nextSample += 1000
    expect(await asked.batches(7, NOW)).toEqual({ day: DAY, count: 1, state: 'ready' })
    expect(matched).toEqual([7])
  })
})
