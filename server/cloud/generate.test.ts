import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hyper } from '../../shared/hyper.ts'
import { schemas } from '../../shared/schemas/index.ts'
import { openStore } from '../store/lmdb.ts'
import { createGenerator } from './generate.ts'
import { POPULATION } from './population.ts'
import { browsing, catalogue, DAY, HOUR, NOON, toyPrivacy } from './toy.ts'

const watch = { progress: () => {}, signal: new AbortController().signal }
const USERS = 450

/** What a folder holds after samples were made in it: by one thread, or by several from `many` users on. */
async function made(many: number) {
  const dir = mkdtempSync(join(tmpdir(), 'kindred-generate-'))
  const store = openStore(join(dir, 'store'))
  try {
    await store.meta.put(POPULATION, {
      source: 'toy',
      schema: schemas.demo(catalogue),
      catalogue,
      dayMs: DAY,
    })
    const names = Array.from({ length: USERS }, (_, n) => n)
    const users = await Promise.all(
      names.map((n) => store.users.register(`${n}`, Buffer.alloc(32), NOON - 2 * DAY)),
    )
    // Some of it is too old to be a sample, and some has not settled.
    let undecided = 0
    const visits = [NOON - 10 * DAY, NOON - 30 * HOUR, NOON - 600_000]
    await Promise.all(
      names.map((n) => {
        const events = visits.flatMap((from, i) =>
          browsing(`${n}/${i}`, n % 3, { from, count: 8, seed: n + 1 }),
        )
        const clicks = events.filter(({ type, at }) => type === 'click' && at > NOON - HOUR).length
        if (clicks < 8) undecided++
        return store.events.append(users[n]!, events)
      }),
    )
    const numbers: number[] = []
    const room = {
      store,
      dir,
      hyper: hyper(),
      privacy: toyPrivacy({ donorClicks: 0 }),
      sliceAbove: 100,
      freshBatches: 0,
      tell: () => {},
    }
    const listener = {
      added: (_: number, first: number, count: number) => {
        for (let i = 0; i < count; i++) numbers.push(first + i)
      },
      removed: () => {},
    }
    const generated = await createGenerator(room, listener, many).generate(NOON, watch)
    const profiles = []
    for await (const profile of store.profiles.all()) profiles.push(profile)
    const owned = await store.samples.owned()
    const rows = await store.samples.rows(owned.ids)
    const waiting = (await store.events.dirty()).length
    return { generated, numbers, owned, rows, profiles, waiting, undecided }
  } finally {
    await store.close()
    rmSync(dir, { recursive: true })
  }
}

describe('making samples', () => {
  it('comes to the same in several threads as in one', async () => {
    const one = await made(Number.POSITIVE_INFINITY)
    const several = await made(1)
    expect(several).toEqual(one)
    // By hand: eight exposures of each user are old, eight are samples, and of the last eight those that were clicked.
    expect(one.generated.users).toBe(USERS)
    expect(one.owned.ids).toHaveLength(one.generated.samples)
    expect(one.generated.samples).toBeGreaterThan(8 * USERS)
    expect(one.generated.samples).toBeLessThan(16 * USERS)
    expect(one.waiting).toBe(one.undecided)
    const counted = one.profiles.reduce((sum, { samples }) => sum + samples, 0)
    expect(counted).toBe(one.generated.samples + 8 * USERS)
    expect(one.numbers).toEqual([...one.numbers.keys()])
  })
})
