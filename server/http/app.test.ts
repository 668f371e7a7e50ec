import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  acceptedSchema,
  batchListSchema,
  erasedSchema,
  MAX_ROWS,
  problemSchema,
  registrationSchema,
} from '../../shared/api.ts'
import { decodeBatch } from '../../shared/codec.ts'
import { MAX_EVENTS } from '../../shared/event.ts'
import { sha256 } from '../../shared/hash.ts'
import { readLocal } from '../../shared/model/local.ts'
import { din } from '../../shared/model/spec.ts'
import { schemas } from '../../shared/schemas/index.ts'
import { manifestSchema } from '../../shared/task.ts'
import { browsing, catalogue, DAY, HOUR, NOON, type ToyCloud, toyCloud, toySource } from '../cloud/toy.ts'
import { createApp } from './app.ts'
import { listen } from './listen.ts'

const log = pino({ level: 'silent' })

describe('the HTTP face', () => {
  let toy: ToyCloud
  let dist: string
  let app: ReturnType<typeof createApp>
  let time: { now: number }

  beforeAll(async () => {
    dist = mkdtempSync(join(tmpdir(), 'kindred-dist-'))
    mkdirSync(join(dist, 'assets'))
    writeFileSync(join(dist, 'index.html'), '<!doctype html><title>Kindred</title>')
    writeFileSync(join(dist, 'console.html'), '<!doctype html><title>Console</title>')
    writeFileSync(join(dist, 'sw.js'), '// service worker')
    writeFileSync(join(dist, 'assets', 'main-abc123.js'), 'export {}')
    writeFileSync(join(dist, 'assets', 'trainer-abc_1-3.js'), 'export {}')
    writeFileSync(join(dist, 'assets', 'main-abc123.js.br'), 'compressed')
    writeFileSync(join(dist, 'assets', 'main-abc123.js.gz'), 'compressed')
    toy = await toyCloud()
    await toy.cloud.importSource(toySource())
    await toy.cloud.prepare()
  })
  afterAll(async () => {
    await toy.done()
    rmSync(dist, { recursive: true })
  })
  beforeEach(() => {
    time = { now: NOON }
    app = createApp({ cloud: toy.cloud, log, dist, clock: { now: () => time.now } })
  })

  const request = async (path: string, init: RequestInit = {}) => app.request(path, init)
  async function register(): Promise<Record<string, string>> {
    const response = await request('/api/devices', { method: 'POST' })
    expect(response.status).toBe(201)
    const { credential } = registrationSchema.parse(await response.json())
    return { authorization: `Bearer ${credential}` }
  }
  const upload = (
    headers: Record<string, string>,
    body: string | Uint8Array<ArrayBuffer>,
    encoding?: string,
  ) =>
    request('/api/events', {
      method: 'POST',
      body,
      headers: { ...headers, ...(encoding && { 'content-encoding': encoding }) },
    })
  /** Every refusal has the one form, and tells nothing of the inside. */
  async function expectProblem(response: Response, status: number): Promise<string> {
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    const text = await response.text()
    expect(problemSchema.parse(JSON.parse(text)).status).toBe(status)
    expect(text).not.toMatch(/node_modules|\.ts\b|at .*\(|\/tmp/)
    return text
  }
  const events = (name: string, count = 20) => browsing(name, 1, { from: NOON - 3 * HOUR, count })

  it('says with each answer of the API what time it is here', async () => {
    time.now = NOON + HOUR
    const { headers } = await request('/api/task')
    expect(Date.parse(headers.get('date')!)).toBe(time.now)
  })

  describe('uploads', () => {
    it.each([
      ['identity', undefined, (bytes: Buffer) => bytes],
      ['deflate', 'deflate', (bytes: Buffer) => deflateSync(bytes)],
      ['gzip', 'gzip', (bytes: Buffer) => gzipSync(bytes)],
    ])('are taken as %s, and again without effect', async (_, encoding, encode) => {
      const headers = await register()
      const sent = events(`u-${encoding}`)
      const body = new Uint8Array(encode(Buffer.from(JSON.stringify({ events: sent }))))
      const first = await upload(headers, body, encoding)
      expect(first.status).toBe(202)
      expect(acceptedSchema.parse(await first.json())).toEqual({ accepted: sent.length, known: 0 })
      const second = await upload(headers, body, encoding)
      expect(await second.json()).toEqual({ accepted: 0, known: sent.length })
    })

    it('that are not what they should be are refused whole', async () => {
      const headers = await register()
      const before = (await toy.cloud.status()).events
      const good = events('bad')
      const tooMany = Array.from({ length: MAX_EVENTS + 1 }, () => good[0])
      await expectProblem(await upload(headers, '{'), 400)
      await expectProblem(await upload(headers, Uint8Array.of(0xff, 0xfe)), 400)
      await expectProblem(await upload(headers, '{}'), 400)
      await expectProblem(await upload(headers, JSON.stringify({ events: [] })), 400)
      await expectProblem(await upload(headers, JSON.stringify({ events: [...good, { type: 'x' }] })), 400)
      await expectProblem(await upload(headers, JSON.stringify({ events: good, extra: 1 })), 400)
      await expectProblem(await upload(headers, gzipSync(JSON.stringify({ events: tooMany })), 'gzip'), 400)
      await expectProblem(await upload(headers, 'not deflated', 'deflate'), 400)
      await expectProblem(await upload(headers, 'x', 'br'), 415)
      const problem = await expectProblem(
        await upload(headers, JSON.stringify({ events: [{ ...good[0], at: 'SECRET' }] })),
        400,
      )
      expect(problem).toContain('events.0.at')
      expect(problem).not.toContain('SECRET')
      expect((await toy.cloud.status()).events).toBe(before)
    })

    it('that are too large, or unfold to too much, get 413', async () => {
      const headers = await register()
      await expectProblem(await upload(headers, 'x'.repeat(300_000)), 413)
      await expectProblem(await upload(headers, deflateSync(Buffer.alloc(5 << 20)), 'deflate'), 413)
      await expectProblem(await upload(headers, gzipSync(Buffer.alloc(200 << 20)), 'gzip'), 413)
    })
  })

  describe('a device that is not known', () => {
    it('gets 401 everywhere, and no more', async () => {
      const wrong = ['Bearer', 'Bearer x', 'Basic x', `Bearer ${crypto.randomUUID()}.secret`, '']
      for (const authorization of wrong) {
        const headers = { authorization }
        for (const [method, path] of [
          ['POST', '/api/events'],
          ['GET', '/api/batches'],
          ['GET', '/api/batches/1/0'],
          ['POST', '/api/rows'],
          ['DELETE', '/api/me'],
        ] as const) {
          const response = await request(path, { method, headers })
          await expectProblem(response.clone() as Response, 401)
          expect(response.headers.get('www-authenticate')).toBe('Bearer')
        }
      }
    })
  })

  describe('registrations', () => {
    it('are limited for each address, and go on after a while', async () => {
      app = createApp({
        cloud: toy.cloud,
        log,
        dist,
        clock: { now: () => time.now },
        limits: { registrations: { burst: 3, everyMs: 10_000 } },
      })
      for (let i = 0; i < 3; i++) await register()
      const refused = await request('/api/devices', { method: 'POST' })
      expect(refused.headers.get('retry-after')).toBe('10')
      await expectProblem(refused, 429)
      time.now += 10_000
      await register()
      await expectProblem(await request('/api/devices', { method: 'POST' }), 429)
    })
  })

  describe('batches', () => {
    it('are listed and pulled by their own device only', async () => {
      const headers = await register()
      const none = await request('/api/batches', { headers })
      expect(batchListSchema.parse(await none.json())).toMatchObject({ count: 0, state: 'too-few-clicks' })
      await upload(headers, JSON.stringify({ events: events('b') }))
      const list = batchListSchema.parse(await (await request('/api/batches', { headers })).json())
      expect(list).toMatchObject({ count: 12, state: 'ready', day: Math.floor(NOON / DAY) })
      const path = `/api/batches/${list.day}/0`
      const pulled = await request(path, { headers })
      expect(pulled.headers.get('content-type')).toBe('application/octet-stream')
      const samples = decodeBatch(schemas.demo(catalogue), new Uint8Array(await pulled.arrayBuffer()))
      expect(samples).toHaveLength(25)
      await expectProblem(await request(`/api/batches/${list.day}/12`, { headers }), 404)
      await expectProblem(await request(`/api/batches/${list.day + 1}/0`, { headers }), 404)
      await expectProblem(await request(path, { headers: await register() }), 404)
      for (const odd of ['-1/0', 'x/0', '1/1.5', '1/1e99', `${list.day}/NaN`])
        await expectProblem(await request(`/api/batches/${odd}`, { headers }), 400)
    })
  })

  describe('a device that leaves', () => {
    it('is told what was removed, and is not known after', async () => {
      const headers = await register()
      const sent = events('leaving')
      await upload(headers, JSON.stringify({ events: sent }))
      const response = await request('/api/me', { method: 'DELETE', headers })
      expect(erasedSchema.parse(await response.json())).toEqual({
        events: sent.length,
        samples: 0,
        mappings: 0,
      })
      await expectProblem(await request('/api/me', { method: 'DELETE', headers }), 401)
    })
  })

  describe('the task', () => {
    it('is 404 before there is one, then has an ETag, and its artifacts are what their names say', async () => {
      await expectProblem(await request('/api/task'), 404)
      await toy.cloud.train({ epochs: 1 })
      const response = await request('/api/task')
      expect(response.status).toBe(200)
      const manifest = manifestSchema.parse(await response.json())
      const etag = response.headers.get('etag')!
      const again = await request('/api/task', { headers: { 'if-none-match': `W/${etag}` } })
      expect([again.status, await again.text()]).toEqual([304, ''])
      for (const { sha256: name, bytes } of [manifest.model, manifest.catalogue]) {
        const plain = await request(`/artifacts/${name}`)
        expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
        const body = new Uint8Array(await plain.arrayBuffer())
        expect([body.length, await sha256(body)]).toEqual([bytes, name])
        const zipped = await request(`/artifacts/${name}`, { headers: { 'accept-encoding': 'br, gzip' } })
        expect(zipped.headers.get('content-encoding')).toBe('gzip')
        expect(gunzipSync(await zipped.arrayBuffer()).equals(body)).toBe(true)
      }
      await toy.cloud.train({ epochs: 1, seed: 2 })
      const newer = await request('/api/task', { headers: { 'if-none-match': etag } })
      expect(newer.status).toBe(200)
    })

    it('has no artifacts by other names', async () => {
      await expectProblem(await request(`/artifacts/${'0'.repeat(64)}`), 404)
      await expectProblem(await request('/artifacts/..%2f..%2fstore%2fdata.mdb'), 400)
      await expectProblem(await request('/artifacts/x'), 400)
    })
  })

  describe('a table that is too large to be delivered whole', () => {
    let large: ToyCloud
    let table: Float32Array
    let sha: string
    beforeAll(async () => {
      large = await toyCloud({ sliceAbove: 50 })
      await large.cloud.importSource(toySource())
      await large.cloud.prepare()
      await large.cloud.train({ epochs: 1 })
      sha = (await large.cloud.manifest())!.sliced!.item!
      const file = readFileSync(join(large.dir, 'tables', sha))
      table = new Float32Array(Uint8Array.from(file).buffer)
    })
    afterAll(() => large.done())
    beforeEach(() => {
      app = createApp({ cloud: large.cloud, log, dist, clock: { now: () => time.now } })
    })
    const ask = async (body: unknown, headers?: Record<string, string>) =>
      request('/api/rows', {
        method: 'POST',
        headers: headers ?? (await register()),
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })

    it('is in the manifest by its hash, and in the model with padding and unknown alone', async () => {
      const manifest = manifestSchema.parse(await (await request('/api/task')).json())
      expect(manifest.sliced).toEqual({ item: await sha256(new Uint8Array(table.buffer as ArrayBuffer)) })
      const response = await request(`/artifacts/${manifest.model.sha256}`)
      const bytes = new Uint8Array(await response.arrayBuffer())
      const { ids, weights } = readLocal(din(manifest.schema, manifest.ranking), bytes)
      expect(ids).toEqual({ item: Int32Array.of(0, 1) })
      expect(weights['embedding.item']!.data).toEqual(table.subarray(0, 2 * 8))
      expect(weights['embedding.category']!.shape).toEqual([5, 4])
    })

    it('gives the rows that a device asks for, with their digest', async () => {
      const response = await ask({ table: 'item', sha256: sha, ids: [0, 7, 8, 61] })
      expect(response.status).toBe(200)
      expect(response.headers.get('cache-control')).toBe('no-store')
      const bytes = new Uint8Array(await response.arrayBuffer())
      const digest = Buffer.from(await sha256(bytes), 'hex').toString('base64')
      expect(response.headers.get('repr-digest')).toBe(`sha-256=:${digest}:`)
      const due = [0, 7, 8, 61].flatMap((id) => [...table.subarray(id * 8, (id + 1) * 8)])
      expect([...new Float32Array(bytes.buffer)]).toEqual(due)
    })

    it('is not there under another name or hash', async () => {
      await expectProblem(await ask({ table: 'item', sha256: '0'.repeat(64), ids: [1] }), 404)
      await expectProblem(await ask({ table: 'nothing', sha256: sha, ids: [1] }), 404)
      await expectProblem(await ask({ table: 'constructor', sha256: sha, ids: [1] }), 404)
    })

    it.each<[string, (good: Record<string, unknown>) => unknown]>([
      ['not JSON', () => '{'],
      ['nothing', () => ({})],
      ['no ids', (good) => ({ ...good, ids: [] })],
      ['too many ids', (good) => ({ ...good, ids: Array.from({ length: MAX_ROWS + 1 }, (_, i) => i) })],
      ['ids that repeat', (good) => ({ ...good, ids: [3, 3] })],
      ['ids out of order', (good) => ({ ...good, ids: [4, 3] })],
      ['an id beyond the table', (good) => ({ ...good, ids: [3, 62] })],
      ['a huge id', (good) => ({ ...good, ids: [2 ** 53] })],
      ['a negative id', (good) => ({ ...good, ids: [-1] })],
      ['half an id', (good) => ({ ...good, ids: [1.5] })],
      ['an id in quotes', (good) => ({ ...good, ids: ['1'] })],
      ['a hash that is none', (good) => ({ ...good, sha256: '../store/data.mdb' })],
      ['more than is asked', (good) => ({ ...good, extra: 1 })],
    ])('is not given for %s', async (_, change) => {
      await expectProblem(await ask(change({ table: 'item', sha256: sha, ids: [1, 2] })), 400)
    })
  })

  describe('the app', () => {
    const html = { headers: { accept: 'text/html' } }
    it('is one page for every address, asked for again each time', async () => {
      for (const path of ['/', '/index.html', '/somewhere/else']) {
        const response = await request(path, html)
        expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-cache'])
        expect(await response.text()).toContain('<title>Kindred</title>')
      }
      const page = await request('/', html)
      const cached = await request('/', {
        headers: { ...html.headers, 'if-none-match': page.headers.get('etag')! },
      })
      expect(cached.status).toBe(304)
      expect((await request('/sw.js')).headers.get('cache-control')).toBe('no-cache')
    })

    it('comes as small as the browser can take it', async () => {
      const as = async (encoding: string) => {
        const { headers } = await request('/assets/main-abc123.js', {
          headers: { 'accept-encoding': encoding },
        })
        return [headers.get('content-encoding'), headers.get('vary')]
      }
      expect(await as('gzip, deflate, br')).toEqual(['br', 'Accept-Encoding'])
      expect(await as('gzip')).toEqual(['gzip', 'Accept-Encoding'])
      expect(await as('identity')).toEqual([null, null])
      // Nobody has compressed this one.
      expect(
        (await request('/sw.js', { headers: { 'accept-encoding': 'br' } })).headers.get('content-encoding'),
      ).toBe(null)
    })

    it('says to who comes by what they need next, and not to a service worker that stores the page', async () => {
      const { model, catalogue } = manifestSchema.parse(await (await request('/api/task')).json())
      const page = await request('/', html)
      expect(page.headers.get('link')!.split(', ')).toEqual([
        `</artifacts/${catalogue.sha256}>; rel=prefetch`,
        `</artifacts/${model.sha256}>; rel=prefetch`,
      ])
      for (const { sha256 } of [model, catalogue])
        expect((await request(`/artifacts/${sha256}`)).status).toBe(200)
      expect((await request('/index.html')).headers.get('link')).toBe(null)
    })

    it('has the operator’s console beside it, at two addresses, which is told of nothing that the app will need', async () => {
      for (const path of ['/console', '/console.html']) {
        const page = await request(path, html)
        expect([page.status, page.headers.get('cache-control')]).toEqual([200, 'no-cache'])
        expect(page.headers.get('link')).toBe(null)
        expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
        expect(await page.text()).toContain('<title>Console</title>')
      }
    })

    it('keeps hashed files for ever, and has no page in the place of a missing one', async () => {
      const asset = await request('/assets/main-abc123.js')
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(asset.headers.get('content-type')).toMatch(/javascript/)
      await expectProblem(await request('/assets/gone.js', html), 404)
      await expectProblem(await request('/gone.png'), 404)
      await expectProblem(await request('/..%2f..%2fetc/passwd'), 404)
      await expectProblem(await request('/api/nothing', html), 404)
    })

    it('is locked down', async () => {
      const { headers } = await request('/', html)
      const policy = headers.get('content-security-policy')!
      expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toContain('unsafe-inline')
      expect(policy).toMatch(/; require-trusted-types-for 'script'; trusted-types kindred$/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    })

    it('shuts the trainer’s worker, in which tasks run, in more than a page', async () => {
      const { headers } = await request('/assets/trainer-abc_1-3.js')
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; connect-src 'none'; " +
          "require-trusted-types-for 'script'; trusted-types 'none'",
      )
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      for (const other of ['/assets/main-abc123.js', '/sw.js'])
        expect((await request(other)).headers.get('content-security-policy')).toContain("default-src 'self'")
    })
  })

  it('tells that it is alive, and whether it can serve', async () => {
    expect(await (await request('/healthz')).json()).toEqual({ ok: true })
    const ready = await request('/readyz')
    expect(await ready.json()).toEqual({ ready: true, day: Math.floor(NOON / DAY), prepared: true })
    app = createApp({ cloud: toy.cloud, log, isClosing: () => true })
    expect(await expectProblem(await request('/readyz'), 503)).toContain('closes')
    expect((await request('/healthz')).status).toBe(200)
  })

  it('says nothing of the inside when something breaks', async () => {
    const broken = { ...toy.cloud, manifest: () => Promise.reject(new Error('secret of /tmp/x.ts')) }
    app = createApp({ cloud: broken, log, dist })
    expect(await expectProblem(await request('/api/task'), 500)).not.toContain('secret')
  })

  describe('over a socket', () => {
    let server: Awaited<ReturnType<typeof listen>>
    beforeEach(async () => {
      server = await listen(app, { port: 0, host: '127.0.0.1' })
    })
    afterEach(() => server.close())

    it('answers at its address, and cuts off a body without a length when it is too large', async () => {
      const device = await fetch(`${server.url}/api/devices`, { method: 'POST' })
      const { credential } = registrationSchema.parse(await device.json())
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      })
      const sent = fetch(`${server.url}/api/events`, {
        method: 'POST',
        body: endless,
        headers: { authorization: `Bearer ${credential}` },
        duplex: 'half',
      } as RequestInit)
      // The refusal may overtake the upload, which then fails on a closed connection.
      const status = await sent.then(
        ({ status }) => status,
        () => 'cut',
      )
      expect([413, 'cut']).toContain(status)
    })

    it('says so when its port is taken', async () => {
      const port = Number(new URL(server.url).port)
      await expect(listen(app, { port, host: '127.0.0.1' })).rejects.toMatchObject({ code: 'bad-input' })
    })
  })
})
