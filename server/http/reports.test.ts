/** What devices tell of the runs of tasks, over HTTP, and what the operator reads of it. */
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runHealthSchema } from '../../shared/admin.ts'
import { problemSchema, registrationSchema, reportedSchema } from '../../shared/api.ts'
import { draft } from '../../shared/tasks/fixtures.ts'
import { MAX_REPORTS } from '../../shared/tasks/report.ts'
import { DAY, NOON, type ToyCloud, toyCloud, toySource } from '../cloud/toy.ts'
import { createApp } from './app.ts'
import { LIMITS, type Limits, NO_LIMITS } from './limits.ts'
import type { ApiDocument } from './openapi.ts'

const ADMIN = 'a-credential-of-the-operator-long-enough'
const run = { type: 'run', task: 'rank', version: 1, trigger: 'day', outcome: 'done', ms: 120 } as const
const idOf = (n: number) => `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`

describe('reports over HTTP', () => {
  let toy: ToyCloud
  let app: ReturnType<typeof createApp>
  let phone: Record<string, string>
  let id = 0
  beforeAll(async () => {
    toy = await toyCloud()
    const tasks = await toy.cloud.tasks()
    const files = { script: new TextEncoder().encode('export const run = () => 1') }
    await tasks.submit(draft(), files, { who: 'Ada', why: 'to be reported of' })
    app = await appOf(NO_LIMITS)
    phone = await device()
  })
  afterAll(() => toy.done())

  const appOf = async (limits: Partial<Limits>) =>
    createApp({
      cloud: toy.cloud,
      log: pino({ level: 'silent' }),
      limits,
      adminCredential: ADMIN,
      tasks: await toy.cloud.tasks(),
      clock: { now: () => toy.time.now },
    })
  async function device() {
    const answer = await app.request('/api/devices', { method: 'POST' })
    return { authorization: `Bearer ${registrationSchema.parse(await answer.json()).credential}` }
  }
  const send = async (body: unknown, { headers = phone, to = app } = {}) =>
    to.request('/api/reports', {
      method: 'POST',
      headers,
      body: body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
    })
  const taken = async (reports: unknown[], of: Parameters<typeof send>[1] = {}, upload = idOf(id++)) => {
    const answer = await send({ id: upload, reports }, of)
    expect(answer.status).toBe(202)
    return reportedSchema.parse(await answer.json())
  }
  async function health(query = '', credential = ADMIN) {
    return app.request(`/api/admin/health${query}`, { headers: { authorization: `Bearer ${credential}` } })
  }
  const told = async (query = '') => runHealthSchema.parse(await (await health(query)).json())

  it('are taken, compressed or not, once, and told to the operator', async () => {
    expect(await taken([run, { ...run, outcome: 'failed', failure: 'engine' }], {}, idOf(900))).toEqual({
      accepted: 2,
      ignored: 0,
    })
    expect(await taken([run], {}, idOf(900))).toEqual({ accepted: 0, ignored: 1 })
    const body = deflateSync(JSON.stringify({ id: idOf(901), reports: [run] }))
    expect((await send(body, { headers: { ...phone, 'content-encoding': 'deflate' } })).status).toBe(202)
    const { versions, rows } = await told()
    expect(versions).toMatchObject([{ task: 'rank', version: 1, runs: 3, failures: { engine: 1 } }])
    const day = Math.floor(toy.time.now / DAY)
    expect(rows.map((row) => row.day)).toEqual([day])
    expect((await told('?task=train')).rows).toEqual([])
    expect((await told(`?from=${day + 1}&to=${day + 9}`)).rows).toEqual([])
    expect((await told(`?from=${day}`)).rows).toHaveLength(1)
    expect(await told('?days=3')).toMatchObject({ from: day - 2, to: day, rows: [{ day }] })
  })

  it('outlive the device that sent them, which is forgotten', async () => {
    const another = await device()
    await taken([run], { headers: another })
    const before = await told()
    expect((await app.request('/api/me', { method: 'DELETE', headers: another })).status).toBe(200)
    expect(await told()).toEqual(before)
  })

  it('are refused whole where something does not fit', async () => {
    const before = await told()
    const odd: unknown[] = [
      {},
      { id: 'x', reports: [run] },
      { id: idOf(1), reports: [] },
      { id: idOf(1), reports: Array.from({ length: MAX_REPORTS + 1 }, () => run) },
      { id: idOf(1), reports: [run, { ...run, ms: -1 }] },
      { id: idOf(1), reports: [{ ...run, item: 'what the user saw' }] },
      { id: idOf(1), reports: [{ ...run, failure: 'a text of one’s own' }] },
      {
        id: idOf(1),
        reports: [{ type: 'values', task: 'rank', version: 1, name: 'n', values: { a: 'text' } }],
      },
      { id: idOf(1), reports: [{ type: 'values', task: 'rank', version: 1, name: 'A name', values: {} }] },
      {
        id: idOf(1),
        reports: [{ type: 'values', task: 'rank', version: 1, name: 'n', values: { a: 1e300 } }],
      },
    ]
    for (const body of odd) {
      const answer = await send(body)
      expect([body, answer.status]).toEqual([body, 400])
      problemSchema.parse(await answer.json())
    }
    expect(await told()).toEqual(before)
    for (const query of ['?from=-1', '?to=x', '?days=0', '?task=../etc'])
      expect((await health(query)).status).toBe(400)
  })

  it('of any shape are taken or refused, and what is told of them is well-formed', async () => {
    const values = { type: 'values', task: 'rank', version: 1, name: 'n', values: { a: 1, b: -2.5 } }
    const good = { id: idOf(7), reports: [run, { ...run, engine: 'plain', bytes: 7 }, values] }
    /** Every place in it, as the keys that lead there. */
    const places = (value: unknown): string[][] =>
      typeof value === 'object' && value !== null
        ? [
            [],
            ...Object.entries(value).flatMap(([key, inner]) => places(inner).map((rest) => [key, ...rest])),
          ]
        : [[]]
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        'rank',
        1,
        0,
        -1,
        2 ** 53,
        1e15,
        1e308,
        '__proto__',
        'constructor',
        'late',
        'failed',
        {},
        [],
      ),
    )
    const put = (value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown =>
      key === undefined
        ? to
        : Array.isArray(value)
          ? value.map((inner, i) => (String(i) === key ? put(inner, rest, to) : inner))
          : { ...(value as object), [key]: put((value as Record<string, unknown>)[key], rest, to) }
    const met = new Set<number>()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places(good)), odd, async (place, to) => {
        const answer = await send(put({ ...good, id: idOf(10_000 + id++) }, place, to))
        met.add(answer.status)
        expect([202, 400]).toContain(answer.status)
        await told()
      }),
      { seed: 1, numRuns: 300 },
    )
    expect(met).toEqual(new Set([202, 400]))
  })

  it('of one device count for its share and no more', async () => {
    const narrow = await appOf({
      ...NO_LIMITS,
      reports: { burst: 3, everyMs: DAY },
      names: { burst: 1, everyMs: DAY },
    })
    const values = (name: string) => ({ type: 'values', task: 'rank', version: 1, name, values: { v: 1 } })
    expect(await taken([values('first'), values('second'), run, run, run], { to: narrow })).toEqual({
      accepted: 3,
      ignored: 2,
    })
    const other = await device()
    expect(await taken([run], { to: narrow, headers: other })).toEqual({ accepted: 1, ignored: 0 })
    const names = (await told()).versions[0]!.values.map(({ name }) => name)
    expect(names).toContain('first v')
    expect(names).not.toContain('second v')
  })

  it('are for who is known, and come again later where there is too much', async () => {
    expect((await send({ id: idOf(1), reports: [run] }, { headers: {} })).status).toBe(401)
    expect((await health('', 'no-credential')).status).toBe(401)
    const full = await appOf({ ...LIMITS, device: { burst: 0, everyMs: 1000 } })
    const answer = await send({ id: idOf(1), reports: [run] }, { to: full })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1'])
  })

  it('are described: parameters, bodies and answers', async () => {
    const { paths } = (await (await app.request('/api/openapi.json')).json()) as ApiDocument
    const parameters = paths['/api/admin/health']?.get?.parameters as { in: string; name: string }[]
    expect(parameters.map(({ in: place, name }) => `${place} ${name}`)).toEqual([
      'query from',
      'query to',
      'query days',
      'query task',
    ])
    expect(Object.keys(paths['/api/reports']?.post?.responses ?? {})).toEqual(
      expect.arrayContaining(['202', '400', '401', '413', '415', '429']),
    )
  })

  it('of days long gone go with their events', async () => {
    toy.time.now = NOON + 61 * DAY
    await toy.cloud.importSource(toySource())
    await toy.cloud.prepare()
    expect((await told('?from=0')).rows).toEqual([])
  })
})
