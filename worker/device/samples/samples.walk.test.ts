/** Random walks through Figure 5 against a naive restatement of it, in plain lists: whatever happens, the same is stored. */
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { hyper } from '../../../shared/hyper.ts'
import { seeded } from '../../../shared/random.ts'
import { Figure5, LIMITS } from '../../testing/figure5.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { createWorld, key, NOON, samplesOf } from '../../testing/world.ts'
import { noteContact } from '../storage/ages.ts'
import type { Db } from '../storage/tables.ts'
import { record } from './history.ts'
import { createSamples } from './samples.ts'

const HOUR = 3_600_000
const numbers = hyper(LIMITS)

const item = fc.nat(5)
const op = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('see' as const),
      items: fc.array(item, { minLength: 1, maxLength: 4 }),
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('click' as const), item }), weight: 3 },
  {
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(60_000, HOUR, 20 * HOUR, 3 * DAY_MS, 4 * DAY_MS + 1, 7 * DAY_MS),
    }),
    weight: 3,
  },
  {
    // Far enough apart for each to be remembered.
    arbitrary: fc.record({
      kind: fc.constant('contact' as const),
      ms: fc.constantFrom(7 * HOUR, 5 * DAY_MS),
    }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('pull' as const),
      ids: fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 6 }),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({ kind: fc.constant('filter' as const), seed: fc.nat(99), dies: fc.boolean() }),
    weight: 4,
  },
  {
    arbitrary: fc.record({ kind: fc.constantFrom('use' as const, 'new day') }),
    weight: 2,
  },
)

let db: Db | undefined
afterEach(() => db?.close())

test('a walk through Figure 5 stores what a naive restatement of it does, at every step', async () => {
  const { context } = await createWorld()
  const pool = samplesOf(context, 0, 31, seeded(1)).map((sample, i) => ({
    ...sample,
    id: String(i).padStart(3, '0'),
  }))
  const seen = { cut: 0, aged: 0, halved: 0, scored: 0 }

  await fc.assert(
    fc.asyncProperty(fc.array(op, { minLength: 10, maxLength: 40 }), async (ops) => {
      db?.close()
      db = freshDb()
      const clock = handClock(NOON)
      const samples = createSamples(db, clock)
      const naive = new Figure5()
      const pass = (ms: number) => {
        naive.now += ms
        clock.move(ms)
      }
      for (const op of ops) {
        switch (op.kind) {
          case 'see':
            for (const item of op.items) naive.see(item)
            await record(
              db,
              clock,
              op.items.map((item) => ({ type: 'exposure', item: key(item) })),
            )
            break
          case 'click':
            naive.click(op.item)
            await record(db, clock, [{ type: 'click', item: key(op.item) }])
            break
          case 'pass':
            pass(op.ms)
            break
          case 'contact':
            pass(op.ms)
            naive.contacts.push({ at: naive.now, exposures: naive.exposures.length })
            await noteContact(db, clock, naive.now)
            break
          case 'pull':
            naive.pull(op.ids.map((n) => pool[n]!.id))
            await samples.add(op.ids.map((n) => pool[n]!))
            break
          case 'filter': {
            const waiting = await samples.waiting()
            const due = naive.matched.filter(({ state }) => state === 'unscored').map(({ id }) => id)
            expect(waiting.map(({ id }) => id)).toEqual(due)
            if (op.dies || due.length < 2) break
            const random = seeded(op.seed)
            const scores = new Map(due.map((id) => [id, random.below(10) / 10]))
            const used = random.shuffle([...due]).slice(0, 1 + random.below(due.length - 1))
            naive.score(new Set(used), scores)
            const others = due.filter((id) => !used.includes(id))
            const scored = others.map((id) => ({ id, score: scores.get(id)!, keep: scores.get(id)! >= 0.2 }))
            await samples.settle({ scores: scored, used }, numbers)
            seen.scored++
            break
          }
          case 'use':
            naive.use()
            await samples.settle(
              { scores: [], used: (await samples.filtered()).map(({ id }) => id) },
              numbers,
            )
            break
          case 'new day':
            if (naive.matched.length > 6) seen.halved++
            naive.halve()
            await samples.makeRoom(numbers)
            break
          default:
            op satisfies never
        }
        const before = { size: naive.local.size, cut: naive.cut }
        naive.update()
        await samples.update(context, numbers)
        if (naive.cut > before.cut) seen.cut++
        else if (naive.local.size < before.size) seen.aged++
        await same(db, samples, naive)
      }
    }),
    { numRuns: 60, seed: 5 },
  )
  // The walk went where it matters.
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(3)
}, 120_000)

async function same(db: Db, samples: ReturnType<typeof createSamples>, naive: Figure5): Promise<void> {
  const exposures = (await db.history.orderBy('id').toArray()).filter(({ type }) => type === 'exposure')
  const numberOf = new Map(exposures.map(({ id }, n) => [id, n]))
  const local = (await db.local.toArray()).map(({ exposure, label }) => [numberOf.get(exposure), label])
  expect(new Map(local as [number, 0 | 1][])).toEqual(naive.local)
  const { validation, training } = await samples.local(numbers)
  const numbered = (rows: typeof validation) => rows.map(({ exposure }) => numberOf.get(exposure))
  expect({ validation: numbered(validation), training: numbered(training) }).toEqual(naive.uses())
  const matched = (await db.matched.orderBy('id').toArray()).map((row) =>
    row.state === 'filtered'
      ? { id: row.id, state: row.state, score: row.score }
      : { id: row.id, state: row.state },
  )
  expect(matched).toEqual(naive.rows())
}
