import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ledgerSchema,
  measuredSchema,
  reachSchema,
  shownBoardSchema,
  taskDiffSchema,
  taskVersionsSchema,
  trialSchema,
} from '../../shared/admin.ts'
import { activeSchema, problemSchema, registrationSchema } from '../../shared/api.ts'
import { draft } from '../../shared/tasks/fixtures.ts'
import { byPlatform } from '../../shared/trust/ed25519.ts'
import { verify } from '../../shared/trust/verify.ts'
import type { Cloud } from '../cloud/cloud.ts'
import { browsing, HOUR, NOON, type ToyCloud, toyCloud } from '../cloud/toy.ts'
import { rootOf } from '../tasks/keys.ts'
import { createApp } from './app.ts'
import { LIMITS, NO_LIMITS } from './limits.ts'
import type { ApiDocument } from './openapi.ts'

const ADMIN = 'a-credential-of-the-operator-long-enough'
const ada = { who: 'Ada', why: 'to see it work' }
const one = 'export const run = () => 1'
const two = 'export const run = () => 2'
/** What the console takes them for. */
const answers = {
  '/api/admin/tasks': taskVersionsSchema,
  '/api/admin/tasks/rank/2/from/1': taskDiffSchema,
  '/api/admin/releases': shownBoardSchema,
  '/api/admin/releases/reach': reachSchema,
  '/api/admin/ledger/1': ledgerSchema,
}
const METHODS = ['get', 'post'] as const

describe('tasks over HTTP', () => {
  let toy: ToyCloud
  let app: ReturnType<typeof createApp>
  beforeAll(async () => {
    toy = await toyCloud()
    app = await appOf(toy.cloud)
  })
  afterAll(() => toy.done())

  const log = pino({ level: 'silent' })
  const appOf = async (cloud: Cloud, limits: Parameters<typeof createApp>[0]['limits'] = NO_LIMITS) =>
    createApp({
      cloud,
      log,
      limits,
      adminCredential: ADMIN,
      tasks: await toy.cloud.tasks(),
      clock: { now: () => NOON },
    })
  async function ask(path: string, body?: unknown, headers: Record<string, string> = {}, of = app) {
    return of.request(path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${ADMIN}`, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  }
  async function told(path: string, status: number, body?: unknown): Promise<Record<string, never>> {
    const response = await ask(path, body)
    expect([path, response.status]).toEqual([path, status])
    if (status >= 400) problemSchema.parse(await response.clone().json())
    return response.json() as Promise<Record<string, never>>
  }
  async function device() {
    const { device, credential } = registrationSchema.parse(
      await (await app.request('/api/devices', { method: 'POST' })).json(),
    )
    const headers = { authorization: `Bearer ${credential}` }
    return { id: device, headers }
  }
  const submit = (script: string, more = {}) => ({ draft: draft(), script, ...ada, ...more })
  const order = (version: number, more = {}) => ({
    type: 'release',
    task: 'rank',
    version,
    rule: { everyone: true },
    stages: [{ at: NOON, percent: 100 }],
    ...more,
  })

  it('go from submission to a device that verifies what it is given, and back', async () => {
    const phone = await device()
    expect((await ask('/api/active', {}, phone.headers)).status).toBe(503)
    expect(await told('/api/admin/tasks', 201, submit(one))).toMatchObject({ version: 1, approved: false })
    const model = { draft: draft({ models: { reads: [], writes: ['ranking'], initial: 'ranking' } }) }
    await told(
      '/api/admin/tasks',
      201,
      submit(two, { ...model, model: Buffer.from('weights').toString('base64') }),
    )
    for (const version of [1, 2])
      expect(
        await told(`/api/admin/tasks/rank/${version}`, 200, { action: 'approve', ...ada }),
      ).toMatchObject({
        version,
        approved: true,
      })
    await told('/api/admin/releases', 201, { order: order(1), ...ada })
    const trial = await told('/api/admin/releases/dry-run', 200, {
      order: order(2, { rule: { country: ['DE'] } }),
    })
    expect(trialSchema.parse(trial)).toMatchObject({ devices: 1, hit: 0, reaches: 0 })
    await told('/api/admin/releases', 201, { order: order(2, { rule: { country: ['DE'] } }), ...ada })

    const root = rootOf(new Uint8Array(await (await app.request('/api/roots/1')).arrayBuffer()))
    const active = async (info: object, etag = '') =>
      ask('/api/active', info, { ...phone.headers, 'if-none-match': etag })
    const versionsFor = async (info: object) => {
      const { snapshot, list } = activeSchema.parse(await (await active(info)).json())
      const { sha256 } = JSON.parse(snapshot).signed.targets
      const targets = new Uint8Array(await (await app.request(`/artifacts/${sha256}`)).arrayBuffer())
      const [bytes, listed] = [snapshot, list].map((text) => new TextEncoder().encode(text))
      const update = { snapshot: bytes!, list: listed!, targets }
      const found = await verify({ root }, update, { now: NOON, ed25519: byPlatform, device: phone.id })
      return (
        found.list!.document.kind === 'device' && found.list!.document.tasks.map(({ version }) => version)
      )
    }
    expect(await versionsFor({})).toEqual([1])
    expect(await versionsFor({ country: 'DE', language: 'de', capabilities: ['webgpu'] })).toEqual([2])
    const etag = (await active({})).headers.get('etag')!
    expect((await active({}, etag)).status).toBe(304)
    await told('/api/admin/releases', 201, { order: { type: 'kill', task: 'rank' }, ...ada })
    expect((await active({}, etag)).status).toBe(200)
    expect(await versionsFor({})).toEqual([])

    const { releases, killed, devices } = await told('/api/admin/releases', 200)
    expect(releases).toMatchObject([{ version: 1, percent: 100 }, { version: 2 }])
    expect([killed, devices]).toEqual([['rank'], 1])
    expect(await told('/api/admin/releases/reach', 200)).toEqual({
      devices: 1,
      releases: [
        { release: 3, hit: 1, reaches: 1 },
        { release: 4, hit: 0, reaches: 0 },
      ],
      // It asked once more after the task was killed.
      given: [],
    })
    for (const [path, schema] of Object.entries(answers)) schema.parse(await told(path, 200))
    const { entries } = await told('/api/admin/ledger/4', 200)
    expect(entries).toMatchObject([
      { n: 4, change: { version: 2 } },
      { n: 5, who: 'Ada', change: { type: 'kill' } },
    ])
  })

  it('are shown and compared, and restored as the next version', async () => {
    const { versions } = await told('/api/admin/tasks', 200)
    expect(versions).toMatchObject([{ version: 2 }, { version: 1, who: 'Ada', why: 'to see it work' }])
    expect(await told('/api/admin/tasks/rank/1', 200)).toMatchObject({
      script: one,
      manifest: { version: 1 },
    })
    expect(await told('/api/admin/tasks/rank/2/from/1', 200)).toMatchObject({
      model: 'added',
      script: [
        { change: 'removed', text: one },
        { change: 'added', text: two },
      ],
    })
    const restored = await told('/api/admin/tasks/rank/1', 200, { action: 'restore', ...ada })
    expect(restored).toMatchObject({ version: 3, restores: 1, approved: false })
  })

  it('are tried in arms, whose figures count what their users did', async () => {
    const from = NOON + 1000
    const { n } = await told('/api/admin/releases', 201, {
      order: {
        type: 'experiment',
        task: 'rank',
        rule: { everyone: true },
        seed: 'x',
        arms: [{ name: 'v2', task: { version: 2 }, percent: 90 }],
        from,
      },
      ...ada,
    })
    const measured = await told(`/api/admin/experiments/${n}`, 200)
    shownBoardSchema.parse(await told('/api/admin/releases', 200))
    expect(measuredSchema.parse(measured)).toMatchObject({ baseline: 'holdout', days: [], mixed: 0 })
    expect(await told('/api/admin/experiments/99', 404)).toMatchObject({
      detail: 'There is no such experiment.',
    })
  })

  it('are refused with a sentence where they do not fit, and then nothing has happened', async () => {
    const before = await told('/api/admin/releases', 200)
    const refused: [string, unknown, RegExp][] = [
      ['/api/admin/tasks', submit(two, { draft: { ...draft(), name: '../etc' } }), /task\.json at name/],
      ['/api/admin/tasks', submit(''), /script\.js, line 1: it does not export run/],
      ['/api/admin/tasks', submit('import "x"'), /line 1: it imports another module/],
      ['/api/admin/tasks', { ...submit(one), model: '!' }, /The submission at model/],
      ['/api/admin/tasks', '{', /not JSON/],
      ['/api/admin/tasks/rank/3', { action: 'withdraw', ...ada }, /rank v3 is not approved/],
      ['/api/admin/tasks/rank/2', { action: 'withdraw', ...ada }, /Release \d has rank v2/],
      ['/api/admin/tasks/rank/1', { action: 'delete', ...ada }, /The request at action/],
      ['/api/admin/releases', { order: order(3), ...ada }, /rank v3 is not approved/],
      ['/api/admin/releases', { order: order(1), who: 'Ada', why: '' }, /The request at why/],
      ['/api/admin/releases', { order: { type: 'revoke', release: 99 }, ...ada }, /There is no release 99/],
      ['/api/admin/releases/dry-run', { order: order(1, { rule: {} }) }, /exactly one part/],
    ]
    for (const [path, body, why] of refused) expect((await told(path, 400, body)).detail).toMatch(why)
    for (const path of [
      '/api/admin/tasks/rank/x',
      '/api/admin/ledger/0',
      '/api/admin/experiments/x',
      '/api/roots/0',
    ])
      await told(path, 400)
    for (const path of ['/api/admin/tasks/rank/9', '/api/admin/tasks/rank/9/from/1', '/api/roots/9'])
      await told(path, 404)
    await told('/api/admin/tasks/rank/9', 404, { action: 'approve', ...ada })
    const phone = await device()
    for (const info of [{ id: 'another' }, { registered: 0 }, { country: 'Germany' }])
      expect((await ask('/api/active', info, phone.headers)).status).toBe(400)
    expect(await told('/api/admin/releases', 200)).toEqual(before)
  })

  it('are described, every route and no other, and none answers who may not ask, or asks too often', async () => {
    const document = (await (await app.request('/api/openapi.json')).json()) as ApiDocument
    const routes = new Map<string, { status: number[]; by: string | undefined }>()
    for (const [path, item] of Object.entries(document.paths))
      for (const method of METHODS) {
        const found = item[method]
        if (found)
          routes.set(`${method.toUpperCase()} ${path}`, {
            status: Object.keys(found.responses ?? {}).map(Number),
            by: found.security?.flatMap(Object.keys)[0],
          })
      }
    const ours = app.routes
      .filter(
        ({ method, path }) =>
          method !== 'ALL' && /\/(active|roots|tasks|releases|ledger|experiments)/.test(path),
      )
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
    expect(new Set(ours).size).toBe(13)
    const limited = await appOf(toy.cloud, { ...LIMITS, address: { burst: 0, everyMs: 1000 } })
    for (const route of new Set(ours)) {
      const [method = '', path = ''] = route.split(' ')
      const where = path.replace(/\{\w+\}/g, '1').replace('tasks/1', 'tasks/rank')
      const { status, by } = routes.get(route)!
      const answers = async (of: typeof app, credential: string) =>
        (await of.request(where, { method, headers: { authorization: `Bearer ${credential}` } })).status
      expect([route, await answers(limited, ADMIN)]).toEqual([route, 429])
      expect(status).toEqual(expect.arrayContaining([429, ...(by ? [401] : [])]))
      if (by) expect([route, await answers(app, 'x.y')]).toEqual([route, 401])
    }
  })

  it('count what was seen and clicked in an arm', async () => {
    const phone = await device()
    await ask('/api/active', {}, phone.headers)
    const tasks = await toy.cloud.tasks()
    const events = browsing('arm', 1, { from: NOON - HOUR, count: 20 })
    const upload = { method: 'POST', headers: phone.headers, body: JSON.stringify({ events }) }
    expect((await app.request('/api/events', upload)).status).toBe(202)
    const experiment = { ...tasks.releases.board().experiments[0]!, from: NOON - 2 * HOUR }
    const { total } = await toy.cloud.measure(experiment)
    const [exposures, clicks] = ['exposure', 'click'].map(
      (type) => events.filter((event) => event.type === type).length,
    )
    const sum = (of: 'exposures' | 'clicks') => Object.values(total).reduce((all, arm) => all + arm[of], 0)
    expect([sum('exposures'), sum('clicks')]).toEqual([exposures, clicks])
  })
})
