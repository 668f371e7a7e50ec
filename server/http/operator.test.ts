import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { deflateSync } from 'node:zlib'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { erasedSchema, problemSchema, registrationSchema } from '../../shared/api.ts'
import type { Cloud } from '../cloud/cloud.ts'
import { browsing, HOUR, NOON, type ToyCloud, toyCloud } from '../cloud/toy.ts'
import { createAddressOf } from './address.ts'
import { type AppDeps, createApp } from './app.ts'
import { NO_LIMITS } from './limits.ts'
import { createMetrics, metricsApp } from './metrics.ts'

const ADMIN = 'a-credential-of-the-operator-long-enough'
const OPERATIONS = resolve(import.meta.dirname, '../../docs/operations.md')

describe('what an operator has', () => {
  let toy: ToyCloud
  let lines: Record<string, unknown>[]
  let time: { now: number }
  beforeAll(async () => {
    toy = await toyCloud()
  })
  afterAll(() => toy.done())
  beforeEach(() => {
    lines = []
    time = { now: NOON }
  })

  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const appWith = (deps: Partial<AppDeps> = {}) =>
    createApp({ cloud: toy.cloud, log, clock: { now: () => time.now }, ...deps })
  type App = ReturnType<typeof appWith>
  async function register(app: App) {
    const response = await app.request('/api/devices', { method: 'POST' })
    const { device, credential } = registrationSchema.parse(await response.json())
    return { device, credential, headers: { authorization: `Bearer ${credential}` } }
  }
  const upload = (app: App, headers: Record<string, string>, name: string, count = 5) =>
    app.request('/api/events', {
      method: 'POST',
      headers,
      body: JSON.stringify({ events: browsing(name, 1, { from: NOON - 3 * HOUR, count }) }),
    })
  async function expectProblem(response: Response, status: number): Promise<string> {
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    return problemSchema.parse(await response.json()).detail ?? ''
  }
  /** An answer that lies in the future. */
  function deferred<T>() {
    let resolve: (value: T) => void = () => {}
    const promise = new Promise<T>((done) => {
      resolve = done
    })
    return { promise, resolve }
  }

  describe('the admin routes', () => {
    const admin = { authorization: `Bearer ${ADMIN}` }

    it('are not there unless there is a credential for them, nor with another, nor with a device’s', async () => {
      await expectProblem(await appWith().request('/api/admin/status', { headers: admin }), 404)
      const app = appWith({ adminCredential: ADMIN })
      const { headers } = await register(app)
      for (const wrong of [headers, {}, { authorization: `Bearer ${ADMIN}x` }, { authorization: 'Bearer ' }])
        for (const path of ['/api/admin/status', '/api/admin/nothing'])
          await expectProblem(await app.request(path, { headers: wrong }), 401)
      await expectProblem(await app.request('/api/me', { method: 'DELETE', headers: admin }), 401)
      expect((await app.request('/api/admin/status', { headers: admin })).status).toBe(200)
    })

    it('are not there with a credential that can be guessed', () => {
      expect(() => appWith({ adminCredential: 'secret' })).toThrow(/32 or more/)
    })

    it('make a device unknown at once, and keep what its user did', async () => {
      const app = appWith({ adminCredential: ADMIN })
      const { device, headers } = await register(app)
      expect((await upload(app, headers, 'revoked')).status).toBe(202)
      const { events } = await toy.cloud.status()
      const path = `/api/admin/devices/${device}`
      expect((await app.request(path, { method: 'DELETE', headers: admin })).status).toBe(200)
      await expectProblem(await upload(app, headers, 'revoked'), 401)
      expect((await toy.cloud.status()).events).toBe(events)
      await expectProblem(await app.request(path, { method: 'DELETE', headers: admin }), 404)
    })

    it('erase the user behind a device', async () => {
      const app = appWith({ adminCredential: ADMIN })
      const { device, headers } = await register(app)
      await upload(app, headers, 'erased')
      const path = `/api/admin/devices/${device}/user`
      const erased = await app.request(path, { method: 'DELETE', headers: admin })
      expect(erasedSchema.parse(await erased.json()).events).toBeGreaterThanOrEqual(5)
      await expectProblem(await upload(app, headers, 'erased'), 401)
      await expectProblem(await app.request(path, { method: 'DELETE', headers: admin }), 404)
    })

    it('begin long jobs, one of a kind, and the log says how they end', async () => {
      const prepared = deferred<object>()
      const cloud = {
        ...toy.cloud,
        prepare: () => prepared.promise,
        train: () => Promise.reject(new Error('no data')),
      }
      const app = appWith({ adminCredential: ADMIN, cloud: cloud as unknown as Cloud })
      const start = (job: string) => app.request(`/api/admin/${job}`, { method: 'POST', headers: admin })
      expect((await start('prepare')).status).toBe(202)
      await expectProblem(await start('prepare'), 409)
      const status = await (await app.request('/api/admin/status', { headers: admin })).json()
      expect(status).toMatchObject({ running: ['prepare'] })
      expect((await start('train')).status).toBe(202)
      prepared.resolve({ mapped: 7 })
      await new Promise((resolve) => setImmediate(resolve))
      expect(lines).toContainEqual(expect.objectContaining({ job: 'prepare', mapped: 7, level: 30 }))
      expect(lines).toContainEqual(expect.objectContaining({ job: 'train', level: 50 }))
      expect((await start('prepare')).status).toBe(202)
    })
  })

  describe('a device’s credential', () => {
    it('is renewed, and the old one is accepted until the new one has been shown', async () => {
      const app = appWith()
      const { headers, device } = await register(app)
      const renew = async (shown: Record<string, string>) => {
        const response = await app.request('/api/me/credential', { method: 'POST', headers: shown })
        expect(response.status).toBe(200)
        const renewed = registrationSchema.parse(await response.json())
        expect(renewed.device).toBe(device)
        return { authorization: `Bearer ${renewed.credential}` }
      }
      const lost = await renew(headers)
      const next = await renew(headers)
      expect((await upload(app, headers, 'renewed')).status).toBe(202)
      await expectProblem(await upload(app, lost, 'renewed'), 401)
      expect((await upload(app, next, 'renewed')).status).toBe(202)
      await expectProblem(await upload(app, headers, 'renewed'), 401)
      expect((await upload(app, await renew(next), 'renewed')).status).toBe(202)
    })
  })

  describe('limits', () => {
    const OTHER = { '198.51.100.1': 1, '198.51.100.2': 1 }
    const from = (address: string) => ({ 'x-forwarded-for': address })
    /** A request that comes by no connection comes from nowhere: here that stands for the proxy. */
    const addressOf: AppDeps['addressOf'] = (c) => c.req.header('x-forwarded-for') ?? ''

    it('hold one address’s requests, to any route, and not another’s', async () => {
      const app = appWith({ addressOf, limits: { address: { burst: 2, everyMs: 5000 } } })
      const [one, two] = Object.keys(OTHER).map(from)
      const paths = ['/healthz', '/api/task', '/nothing']
      const ask = (headers = {}) =>
        Promise.all(paths.map(async (path) => (await app.request(path, { headers })).status))
      expect(await ask(one)).toEqual([200, 404, 429])
      expect(await ask(two)).toEqual([200, 404, 429])
      const refused = await app.request('/api/batches', { headers: from('198.51.100.1') })
      expect(refused.headers.get('retry-after')).toBe('5')
      time.now += 5000
      expect((await app.request('/healthz', { headers: from('198.51.100.1') })).status).toBe(200)
    })

    it('hold one device’s requests, and not those of others at its address', async () => {
      const app = appWith({ limits: { device: { burst: 3, everyMs: 1000 } } })
      const [one, two] = [await register(app), await register(app)]
      const statuses = async ({ headers }: typeof one) => {
        const found = []
        for (let i = 0; i < 4; i++) found.push((await app.request('/api/batches', { headers })).status)
        return found
      }
      expect(await statuses(one)).toEqual([200, 200, 200, 429])
      expect(await statuses(two)).toEqual([200, 200, 200, 429])
    })

    it('are none where there are to be none', async () => {
      const app = appWith({ limits: NO_LIMITS, addressOf: createAddressOf() })
      const { headers } = await register(app)
      for (let i = 0; i < 400; i++) expect((await app.request('/api/batches', { headers })).status).toBe(200)
    })
  })

  describe('under a load that is too high', () => {
    it('uploads are turned away before they are read, with a time to come again for each', async () => {
      const limits = { ...NO_LIMITS, uploads: { most: 1000, perSecond: 2 } }
      const app = appWith({ limits, tasks: await toy.cloud.tasks() })
      const { headers } = await register(app)
      const body = deflateSync(Buffer.alloc(1 << 20))
      // Its length is not said, so it may be as long as any: until it is read, there is room for no other.
      const hanging = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(body) })
      const slow = app.request('/api/events', {
        method: 'POST',
        headers,
        body: hanging,
        duplex: 'half',
      } as RequestInit)
      const waits = []
      for (let i = 0; i < 6; i++) {
        const refused = await upload(app, headers, 'refused')
        waits.push(Number(refused.headers.get('retry-after')))
        expect(await expectProblem(refused, 429)).toMatch(/uploads/)
      }
      expect(waits).toEqual([2, 2, 3, 3, 4, 4])
      // The room is that of all routes together.
      const reports = await app.request('/api/reports', { method: 'POST', headers, body: 'refused' })
      expect(await expectProblem(reports, 429)).toMatch(/uploads/)
      void slow
    })

    it('no more events wait for the disk than should, and there is room again once they are written', async () => {
      const written = deferred<{ accepted: number; known: number }>()
      const cloud = { ...toy.cloud, ingest: () => written.promise }
      const limits = { ...NO_LIMITS, events: { most: 20, perSecond: 2 } }
      const app = appWith({ limits, cloud: cloud as unknown as Cloud })
      const { headers } = await register(app)
      const first = upload(app, headers, 'first', 10)
      await new Promise((resolve) => setImmediate(resolve))
      expect(await expectProblem(await upload(app, headers, 'second', 20), 429)).toMatch(/wait to be written/)
      written.resolve({ accepted: 10, known: 0 })
      expect((await first).status).toBe(202)
      expect((await upload(app, headers, 'third', 20)).status).toBe(202)
    })

    it('no more devices wait for their matches than should', async () => {
      const matched = deferred<object>()
      const cloud = { ...toy.cloud, batches: () => matched.promise }
      const limits = { ...NO_LIMITS, waiting: { most: 2, perSecond: 1 } }
      const app = appWith({ limits, cloud: cloud as unknown as Cloud })
      const { headers } = await register(app)
      const ask = async () => app.request('/api/batches', { headers })
      const both = [ask(), ask()]
      await new Promise((resolve) => setImmediate(resolve))
      expect(await expectProblem(await ask(), 429)).toMatch(/wait for their matches/)
      matched.resolve({ day: 1, count: 0, state: 'too-few-clicks' })
      for (const one of await Promise.all(both)) expect(one.status).toBe(200)
      expect((await ask()).status).toBe(200)
    })
  })

  describe('the log', () => {
    it('has a line for each request if that is wanted, and nothing in it of who it was', async () => {
      const app = appWith({ logRequests: { addresses: false } })
      const { headers, credential } = await register(app)
      await app.request('/api/batches/1/0?secret=1', { headers })
      expect(lines).toHaveLength(2)
      expect(lines[1]).toMatchObject({
        method: 'GET',
        route: '/api/batches/:day/:n',
        status: 404,
        msg: 'request',
      })
      expect(lines[0]!.id).not.toBe(lines[1]!.id)
      const [device, secret] = credential.split('.') as [string, string]
      for (const hidden of [device, secret, 'secret', 'address'])
        expect(JSON.stringify(lines)).not.toContain(hidden)
    })

    it('says where requests come from only where that is asked for', async () => {
      const app = appWith({ logRequests: { addresses: true }, addressOf: () => '192.0.2.1' })
      await app.request('/healthz')
      expect(lines[0]).toMatchObject({ address: '192.0.2.1' })
    })

    it('has what was not foreseen under the id that the answer names', async () => {
      const cloud = { ...toy.cloud, manifest: () => Promise.reject(new Error('inside')) }
      const app = appWith({ cloud: cloud as unknown as Cloud, logRequests: { addresses: false } })
      const detail = await expectProblem(await app.request('/api/task'), 500)
      const [failed, request] = lines
      expect(failed).toMatchObject({ level: 50, route: '/api/task', err: { message: 'inside' } })
      expect(request!.id).toBe(failed!.id)
      expect(detail).toContain(failed!.id)
    })
  })

  describe('the metrics', () => {
    const scrape = async (metrics: ReturnType<typeof createMetrics>) => {
      const text = await (await metricsApp(metrics.registry).request('/metrics')).text()
      const value = (line: string) =>
        Number(
          text
            .split('\n')
            .find((one) => one.startsWith(`${line} `))
            ?.split(' ')[1],
        )
      return { text, value }
    }

    it('count answers by the pattern of their route, events, refusals, and what is held', async () => {
      const metrics = createMetrics(toy.cloud.status)
      const app = appWith({ metrics, limits: { registrations: { burst: 1, everyMs: 1000 } } })
      const { headers } = await register(app)
      await app.request('/api/devices', { method: 'POST' })
      await upload(app, headers, 'counted')
      await upload(app, headers, 'counted')
      for (const n of [0, 1, 2]) await app.request(`/api/batches/1/${n}`, { headers })
      const { value, text } = await scrape(metrics)
      const count = (method: string, route: string, status: number) =>
        value(`kindred_http_requests_total{route="${route}",method="${method}",status="${status}"}`)
      expect(count('GET', '/api/batches/:day/:n', 404)).toBe(3)
      expect(count('POST', '/api/devices', 201)).toBe(1)
      expect(count('POST', '/api/devices', 429)).toBe(1)
      expect(value('kindred_refused_total{limit="registrations"}')).toBe(1)
      const sent = browsing('counted', 1, { from: NOON - 3 * HOUR, count: 5 }).length
      expect(value('kindred_events_total{outcome="accepted"}')).toBe(sent)
      expect(value('kindred_events_total{outcome="known"}')).toBe(sent)
      expect(value('kindred_http_request_duration_seconds_count{route="/api/events",method="POST"}')).toBe(2)
      expect(value('kindred_held{what="users"}')).toBe((await toy.cloud.status()).users)
      expect(value('kindred_events_waiting')).toBe(0)
      expect(text).toContain('nodejs_eventloop_lag_p99_seconds')
    })

    it('are not to be had where devices ask', async () => {
      const app = appWith({ metrics: createMetrics(toy.cloud.status) })
      await expectProblem(await app.request('/metrics'), 404)
    })

    it('are those of docs/operations.md', async () => {
      const metrics = createMetrics(toy.cloud.status)
      appWith({ metrics })
      const found = (await metrics.registry.getMetricsAsJSON()).filter(({ name }) =>
        name.startsWith('kindred_'),
      )
      const rows = found.map(({ name, help }) => `| \`${name}\` | ${help} |`)
      const [, there] = /<!-- metrics -->\n(.*?)\n<!-- \/metrics -->/s.exec(readFileSync(OPERATIONS, 'utf8'))!
      expect(there!.split('\n')).toEqual(['| metric | |', '|---|---|', ...rows])
    })
  })
})
