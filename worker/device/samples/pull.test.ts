import { afterEach, beforeEach, expect, test } from 'vitest'
import { freshDb, handClock } from '../../testing/storage.ts'
import { createWorld, NOON } from '../../testing/world.ts'
import type { Active } from '../delivery/active.ts'
import { getState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import { pull, pulledToday } from './pull.ts'
import { createSamples } from './samples.ts'

let db: Db
const clock = handClock(NOON)
beforeEach(() => {
  db = freshDb()
})
afterEach(() => db.close())

/** A server that has `count` batches without a sample in them. */
const serverOf = (count: number, pulled: number[]) => ({
  batches: async () => ({ day: 100, count, state: 'ready' as const }),
  async batch(_: unknown, __: number, n: number) {
    pulled.push(n)
    return { samples: [], bytes: 10 }
  },
})

test('one that is cut off after its last batch has pulled what there was', async () => {
  const { manifest } = await createWorld({ evidence: { weight: 1 } })
  const samples = createSamples(db, clock)
  const cut = {
    ...samples,
    async forgetOld() {
      throw new Error('The tab was closed.')
    },
  }
  const pulled: number[] = []
  const deps = { db, clock, tunnel: serverOf(3, pulled) as never }
  await expect(pull({ ...deps, samples: cut }, { manifest } as Active)).rejects.toThrow('closed')
  await pull({ ...deps, samples }, { manifest } as Active)
  const state = await getState(db, 'pulled')
  expect(pulled).toEqual([0, 1, 2])
  expect(pulledToday(state, clock, manifest.hyper)).toBe(true)
  expect(state).toMatchObject({ next: 3, bytes: 30, asked: NOON })
})

test('one that is cut off before has not, until the rest is here', async () => {
  const { manifest } = await createWorld()
  const samples = createSamples(db, clock)
  const pulled: number[] = []
  const tunnel = serverOf(3, pulled)
  const lost = {
    ...tunnel,
    async batch(schema: unknown, day: number, n: number) {
      if (n === 2) throw new TypeError('fetch failed')
      return tunnel.batch(schema, day, n)
    },
  }
  const deps = { db, clock, samples }
  await expect(pull({ ...deps, tunnel: lost as never }, { manifest } as Active)).rejects.toThrow('failed')
  expect(pulledToday(await getState(db, 'pulled'), clock, manifest.hyper)).toBe(false)
  await pull({ ...deps, tunnel: tunnel as never }, { manifest } as Active)
  expect(pulledToday(await getState(db, 'pulled'), clock, manifest.hyper)).toBe(true)
  expect(pulled).toEqual([0, 1, 2])
})
