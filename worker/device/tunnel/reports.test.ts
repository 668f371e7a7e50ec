/** What waits to be told of runs: bounded, sent once, and nothing but numbers and names. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ReportsRequest, reportsRequestSchema } from '../../../shared/api.ts'
import { DAY_MS } from '../../../shared/clock.ts'
import { AppError } from '../../../shared/failure.ts'
import { createLocks } from '../../locks.ts'
import { stage } from '../../testing/stage.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { FakeServer, problem } from '../../testing/world.ts'
import { eraseAll } from '../storage/db.ts'
import type { Db } from '../storage/tables.ts'
import { Refusal } from './line.ts'
import { MAX_WAITING, noteReports, noteRun, type RunNote, sendReports } from './reports.ts'
import { createTunnel } from './tunnel.ts'

const NOON = 20_000 * DAY_MS
const run: RunNote = {
  task: 'train',
  version: 2,
  trigger: 'samples',
  outcome: 'done',
  engine: 'fused-wasm',
  ms: 812.4,
  bytes: 5120,
  at: NOON,
}
const offline = () => new AppError('offline', 'The server cannot be reached.')

let db: Db
let clock: ReturnType<typeof handClock>
/** What the server was sent, in order; it counts an id once. */
let sent: ReportsRequest[]
beforeEach(() => {
  db = freshDb()
  clock = handClock(NOON)
  sent = []
})
afterEach(() => db.close())

const accept = async (request: ReportsRequest) => {
  sent.push(reportsRequestSchema.parse(request))
  return { accepted: request.reports.length, ignored: 0 }
}
const send = (how: (request: ReportsRequest) => Promise<never> | ReturnType<typeof accept> = accept) =>
  sendReports({ db, clock }, how)
const counted = () => new Map(sent.map(({ id, reports }) => [id, reports]))

describe('what waits', () => {
  it('is what was noted, in whole numbers, and goes when the server has it', async () => {
    await noteRun(db, run)
    await noteReports(db, 'train', 2, [{ name: 'training', values: { start: 0.7, end: 0.6 } }], NOON)
    await send()
    expect(sent.map(({ reports }) => reports)).toEqual([
      [
        {
          type: 'run',
          task: 'train',
          version: 2,
          trigger: 'samples',
          outcome: 'done',
          engine: 'fused-wasm',
          ms: 812,
          bytes: 5120,
        },
        { type: 'values', task: 'train', version: 2, name: 'training', values: { start: 0.7, end: 0.6 } },
      ],
    ])
    expect(await db.reports.count()).toBe(0)
    await send()
    expect(sent).toHaveLength(1)
  })

  it('is written with what ends the run, or not at all', async () => {
    const ending = db.transaction('rw', db.tables, async () => {
      await noteRun(db, run)
      throw new Error('the run could not be stored')
    })
    await expect(ending).rejects.toThrow('the run could not be stored')
    expect(await db.reports.count()).toBe(0)
  })

  it('is the newest where there is too much', async () => {
    const named = Array.from({ length: MAX_WAITING + 7 }, (_, i) => ({ name: 'n', values: { i } }))
    await noteReports(db, 'train', 2, named, NOON)
    await noteRun(db, run)
    await send()
    const [first] = sent[0]!.reports
    expect(sent.flatMap(({ reports }) => reports)).toHaveLength(MAX_WAITING)
    expect(first).toMatchObject({ values: { i: 8 } })
  })

  it('has no number that cannot be added up', async () => {
    await noteReports(db, 'train', 2, [{ name: 'loss', values: { fine: -3, huge: 1e16 } }], NOON)
    await noteRun(db, { ...run, ms: -5 })
    await send()
    expect(sent[0]!.reports).toMatchObject([{ values: { fine: -3 } }, { ms: 0 }])
  })

  it('is told for a week, and then of no more use', async () => {
    await noteRun(db, { ...run, at: NOON - 7 * DAY_MS - 1 })
    await noteRun(db, { ...run, version: 3, at: NOON - 7 * DAY_MS })
    await send()
    expect(sent.flatMap(({ reports }) => reports.map(({ version }) => version))).toEqual([3])
    expect(await db.reports.count()).toBe(0)
  })

  it('is erased with everything else', async () => {
    await noteRun(db, run)
    await eraseAll(db, [])
    await send()
    expect(sent).toEqual([])
  })
})

describe('an upload', () => {
  it('that may have arrived is repeated as it was, under the same id', async () => {
    await noteRun(db, run)
    const lost = async (request: ReportsRequest) => {
      await accept(request)
      throw offline()
    }
    await expect(send(lost)).rejects.toMatchObject({ code: 'offline' })
    await noteRun(db, { ...run, outcome: 'failed', failure: 'engine' })
    await send()
    const [first, again, later] = sent
    expect(again).toEqual(first)
    expect(later!.id).not.toBe(first!.id)
    expect(later!.reports).toMatchObject([{ outcome: 'failed', failure: 'engine' }])
  })

  it.each([400, 404, 413])(
    'that the server will never take (%i) does not stand in the way',
    async (status) => {
      await noteRun(db, run)
      await send(() => Promise.reject(new Refusal('refused', 'No.', status)))
      expect(await db.reports.count()).toBe(0)
    },
  )

  it.each([401, 429, 500, 503])('that the server takes another time (%i) waits', async (status) => {
    await noteRun(db, run)
    await expect(send(() => Promise.reject(new Refusal('refused', 'Later.', status)))).rejects.toThrow(
      'Later.',
    )
    expect(await db.reports.count()).toBe(1)
  })

  it('is small enough to be taken, however much was logged', async () => {
    const values = Object.fromEntries(
      Array.from({ length: 32 }, (_, i) => [`a-name-of-forty-characters-in-all-say-${i + 10}`, Math.E * i]),
    )
    const name = 'another-name-of-forty-characters-in-all-'
    await noteReports(
      db,
      'train',
      2,
      Array.from({ length: 300 }, () => ({ name, values })),
      NOON,
    )
    await send()
    expect(sent.length).toBeGreaterThan(1)
    for (const request of sent) expect(JSON.stringify(request).length).toBeLessThan(256 << 10)
    expect(sent.flatMap(({ reports }) => reports)).toHaveLength(300)
  })

  it('counts every run once, whatever is lost on the way and wherever the page is closed', async () => {
    /** Runs that were noted, and how each of the uploads that follow fares. */
    const steps = fc.array(
      fc.record({
        runs: fc.integer({ min: 0, max: 3 }),
        fate: fc.constantFrom('arrives', 'lost on the way', 'answer lost', 'nothing is sent'),
      }),
      { maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        await db.reports.clear()
        sent = []
        let noted = 0
        for (const { runs, fate } of [...all, { runs: 0, fate: 'arrives' }]) {
          for (let i = 0; i < runs; i++) await noteRun(db, { ...run, ms: noted++ })
          if (fate === 'nothing is sent') continue
          const arrives = fate !== 'lost on the way'
          const answered = fate === 'arrives'
          await send(async (request) => {
            const answer = arrives ? await accept(request) : { accepted: 0, ignored: 0 }
            if (!answered) throw offline()
            return answer
          }).catch(() => {})
        }
        const told = [...counted().values()].flat().map((report) => (report.type === 'run' ? report.ms : -1))
        expect(told.sort((a, b) => a - b)).toEqual(Array.from({ length: noted }, (_, i) => i))
        expect(await db.reports.count()).toBe(0)
      }),
      { seed: 1, numRuns: 40 },
    )
  })
})

describe('the tunnel', () => {
  const server = new FakeServer()
  const tunnel = () =>
    createTunnel({
      db,
      clock,
      fetch: (path, init) => server.fetch(path, init),
      locks: createLocks(),
      after: () => () => {},
      seed: () => 0,
    })

  it('tells the server, compressed, and asks nothing where nothing waits', async () => {
    await tunnel().reports()
    expect(server.requests).toEqual([])
    await noteRun(db, run)
    await tunnel().reports()
    expect(server.requests).toEqual(['POST /api/devices', 'POST /api/reports'])
    expect([...server.reports.values()]).toMatchObject([[{ task: 'train', outcome: 'done' }]])
    expect(await db.reports.count()).toBe(0)
  })

  it('leaves a server alone that asks for it, and keeps what it has to tell', async () => {
    await noteRun(db, run)
    let asked = 0
    server.before = (_, path) =>
      path === '/api/reports' && asked++ === 0 ? problem(503, 'Later', { 'retry-after': '60' }) : undefined
    for (let i = 0; i < 3; i++) await expect(tunnel().reports()).rejects.toMatchObject({ code: 'refused' })
    expect([asked, await db.reports.count()]).toEqual([1, 1])
    clock.move(2 * 60 * 60_000)
    await tunnel().reports()
    expect(await db.reports.count()).toBe(0)
  })
})

describe('a whole device', () => {
  const here = stage()

  it('tells at its next contact what its tasks did, and nothing that the user saw', async () => {
    const device = await here.start()
    await device.contact()
    await here.read(device, 10)
    await device.contact()
    await device.contact()
    const told = [...here.server.reports.values()].flat()
    const ran = told.flatMap((one) => (one.type === 'run' ? [`${one.task} ${one.outcome}`] : []))
    expect(ran).toEqual(expect.arrayContaining(['filter done', 'train done']))
    const sent = JSON.stringify([...here.server.reports])
    const { events, devices } = here.server
    for (const secret of [...events.keys(), ...devices.values(), ...devices.keys(), 'item-'])
      expect(sent).not.toContain(secret)
    await device.stop()
  })
})
