/** Reports of devices become sums, whoever sends what. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runHealthSchema } from '../../../shared/admin.ts'
import { DAY_MS } from '../../../shared/clock.ts'
import type { Report, RunReport } from '../../../shared/tasks/report.ts'
import { openStore } from '../../store/lmdb.ts'
import type { Store } from '../../store/store.ts'
import { createHealth, type Health, type Teller } from './health.ts'
import { MAX_NAMES } from './tally.ts'

const DAY = 20_000
const time = { now: DAY * DAY_MS }
let path: string
let store: Store
let health: Health
let n = 0
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'kindred-health-'))
  store = openStore(path)
  time.now = DAY * DAY_MS
  const versions = ['rank 1', 'rank 2', 'train 1'].map((name) => {
    const [task = '', version] = name.split(' ')
    return { name: task, version: Number(version), commit: '', who: '', why: '', at: 0 }
  })
  const clock = { now: () => time.now }
  health = createHealth({ store, versions: async () => versions, clock, dayMs: DAY_MS })
})
afterEach(async () => {
  await store.close()
  rmSync(path, { recursive: true })
})

const idOf = (n: number) => `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`
const anyone: Teller = { id: 'phone', mayReport: () => true, mayName: () => true }
const send = (reports: Report[], teller = anyone, id = idOf(n++)) => health.take({ id, reports }, teller)
const run = (more: Partial<RunReport> = {}): RunReport => ({
  type: 'run',
  task: 'rank',
  version: 2,
  trigger: 'visit',
  outcome: 'done',
  engine: 'fused-wasm',
  ms: 100,
  ...more,
})
const logged = (values: Record<string, number>, name = 'training'): Report => ({
  type: 'values',
  task: 'rank',
  version: 2,
  name,
  values,
})

describe('the health of a version', () => {
  it('is told by day and over all days', async () => {
    await store.users.register('phone', Buffer.alloc(32), 0)
    await store.deviceFacts.put({ id: 'phone', platform: 'android' })
    await send([run({ ms: 100, bytes: 5000 }), run({ ms: 300 }), run({ outcome: 'late', ms: 60_000 })])
    await send([logged({ loss: 0.5 }), logged({ loss: 0.7 })], { ...anyone, id: 'unheard-of' })
    time.now += DAY_MS
    await send([run({ outcome: 'failed', failure: 'engine', engine: 'fused-webgpu', trigger: 'day' })])
    await send([run({ outcome: 'stopped', failure: 'cancelled' }), run({ version: 1, outcome: 'refused' })])
    const told = runHealthSchema.parse(await health.tell())
    expect(told).toMatchObject({ dayMs: DAY_MS, from: DAY - 12, to: DAY + 1 })
    expect(told.rows.map(({ day, task, version, runs }) => [day, task, version, runs])).toEqual([
      [DAY, 'rank', 2, 3],
      [DAY + 1, 'rank', 1, 1],
      [DAY + 1, 'rank', 2, 1],
    ])
    const second = told.versions.find(({ version }) => version === 2)!
    expect(second).toMatchObject({
      runs: 4,
      outcomes: { done: 2, late: 1, failed: 1, stopped: 1, refused: 0 },
      failures: { late: 1, engine: 1 },
      by: {
        engine: { 'fused-wasm': { runs: 3, failed: 1 }, 'fused-webgpu': { runs: 1, failed: 1 } },
        platform: { android: { runs: 4, failed: 2 } },
        trigger: { visit: { runs: 3, failed: 1 }, day: { runs: 1, failed: 1 } },
      },
    })
    // Of the two runs that ended well the lower is the median; the late one's minute is not in it.
    expect(second.ms!.median / 100).toBeCloseTo(1, 1)
    expect(second.bytes!.median / 5000).toBeCloseTo(1, 1)
    expect(second.values).toEqual([
      {
        name: 'training loss',
        count: 2,
        mean: expect.closeTo(0.6, 12),
        deviation: expect.closeTo(Math.sqrt(0.02), 12),
        min: 0.5,
        max: 0.7,
      },
    ])
    expect((await health.tell({ task: 'train' })).rows).toEqual([])
    expect((await health.tell({ from: DAY, to: DAY })).versions).toHaveLength(1)
  })

  it('raises an alarm where more fails than before', async () => {
    const many = (version: number, failed: number, runs: number) =>
      send(
        Array.from({ length: runs }, (_, i) =>
          run({ version, ...(i < failed && { outcome: 'failed', failure: 'worker' }) }),
        ),
      )
    await many(1, 48, 80)
    await many(2, 56, 70)
    expect((await health.tell()).alarms).toMatchObject([
      { task: 'rank', version: 2, against: 1, difference: { value: expect.closeTo(0.2, 12) } },
    ])
  })
})

describe('what devices make up', () => {
  it('counts for nothing where there is no such version', async () => {
    const told = await send([run(), run({ version: 3 }), run({ task: 'made-up', version: 1 })])
    expect(told).toEqual({ accepted: 1, ignored: 2 })
    expect(await store.sums.read(0, 2 * DAY)).toHaveLength(1)
  })

  it('counts once, when it is sent twice', async () => {
    expect(await send([run(), run()], anyone, idOf(7))).toEqual({ accepted: 2, ignored: 0 })
    time.now += 3 * DAY_MS
    expect(await send([run(), run()], anyone, idOf(7))).toEqual({ accepted: 0, ignored: 2 })
    expect((await health.tell()).versions).toMatchObject([{ runs: 2 }])
  })

  it('counts as far as the share of one device goes', async () => {
    let left = 3
    const greedy = { ...anyone, mayReport: () => left-- > 0 }
    expect(await send([run(), run()], greedy)).toEqual({ accepted: 2, ignored: 0 })
    expect(await send([run(), run()], greedy)).toEqual({ accepted: 1, ignored: 1 })
  })

  it('as names takes no room beyond a bound, and from others none of theirs', async () => {
    let names = 10
    const inventor = { ...anyone, mayName: () => names-- > 0 }
    for (let i = 0; i < 40; i++) await send([logged({ [`made-up-${i}`]: 1 })], inventor)
    await send([logged({ loss: 0.5 })])
    const [{ values = [] } = {}] = (await health.tell()).versions
    expect(values).toHaveLength(11)
    expect(values.at(-1)).toMatchObject({ name: 'training loss', mean: 0.5 })
    await send([logged({ loss: 0.7 })], inventor)
    expect((await health.tell()).versions[0]!.values.at(-1)).toMatchObject({ count: 2 })
    for (let i = 0; i < MAX_NAMES; i++) await send([logged({ [`more-${i}`]: 1 })])
    expect((await health.tell()).versions[0]!.values).toHaveLength(MAX_NAMES)
  })

  it('never shows but as sums: the order of uploads and who sends what make no difference', async () => {
    const anyRun = fc.record({
      version: fc.constantFrom(1, 2),
      outcome: fc.constantFrom('done', 'failed', 'late', 'stopped' as const),
      ms: fc.nat(100_000),
    }) as fc.Arbitrary<Partial<RunReport>>
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyRun, { minLength: 1, maxLength: 4 }), { maxLength: 6 }),
        async (uploads) => {
          time.now += 100 * DAY_MS
          const today = Math.floor(time.now / DAY_MS)
          for (const one of uploads) await send(one.map(run))
          time.now += DAY_MS
          const together = uploads.flat().reverse()
          if (together.length > 0) await send(together.map(run), { ...anyone, id: 'tablet' })
          const told = async (day: number) =>
            (await health.tell({ from: day, to: day })).rows.map(({ day: _day, ...row }) => row)
          expect(await told(today)).toEqual(await told(today + 1))
        },
      ),
      { seed: 1, numRuns: 30 },
    )
  })
})
