import { gzipSync } from 'node:zlib'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { Registration } from '../../shared/api.ts'
import { AppError } from '../../shared/failure.ts'
import type { Cloud } from '../cloud/cloud.ts'
import { browsing, HOUR, NOON, type ToyCloud, toyCloud, toySource } from '../cloud/toy.ts'
import { type AppDeps, createApp } from './app.ts'
import type { ApiDocument } from './openapi.ts'

const ADMIN = 'a-credential-of-the-operator-long-enough'
const METHODS = ['get', 'post', 'put', 'delete'] as const
/** Answered from memory, or before the work begins. */
const STEADY = ['health', 'readDocument', 'readDocs', 'readDocsStyle', 'prepareDay', 'trainModel']
const breaks = (name: string) => !STEADY.includes(name)

interface Described {
  readonly path: string
  readonly method: string
  readonly by: 'device' | 'admin' | undefined
  readonly answers: Record<string, { content?: Record<string, { schema?: object }>; headers?: object }>
}

interface Way {
  /** `own`, `artifact` and `device` stand for what there is. */
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly deps?: Omit<Partial<AppDeps>, 'cloud'> & { cloud?: () => unknown }
  readonly twice?: boolean
}

describe('the API document', () => {
  let toy: ToyCloud
  let document: ApiDocument
  let operations: Map<string, Described>
  beforeAll(async () => {
    toy = await toyCloud({ sliceAbove: 50 })
    await toy.cloud.importSource(toySource())
    await toy.cloud.prepare()
    await toy.cloud.train({ epochs: 1 })
    document = (await (await appWith().request('/api/openapi.json')).json()) as ApiDocument
    operations = new Map(
      Object.entries(document.paths).flatMap(([path, item]) =>
        METHODS.flatMap((method) => {
          const found = item[method]
          if (!found) return []
          const by = found.security?.flatMap(Object.keys)[0] as Described['by']
          const answers = found.responses as Described['answers']
          return [[found.operationId!, { path, method: method.toUpperCase(), by, answers }] as const]
        }),
      ),
    )
  })
  afterAll(() => toy.done())

  const log = pino({ level: 'silent' })
  const appWith = (deps: Partial<AppDeps> = {}) =>
    createApp({ cloud: toy.cloud, log, clock: { now: () => NOON }, adminCredential: ADMIN, ...deps })

  it('is OpenAPI 3.1, and has every route that there is, and no other', () => {
    expect(document.openapi).toBe('3.1.0')
    const routes = appWith().routes.filter(({ method }) => method !== 'ALL')
    const there = new Set(routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`))
    const described = [...operations.values()].map(({ method, path }) => `${method} ${path}`)
    expect([...there].sort()).toEqual(described.sort())
    expect(operations.size).toBe(described.length)
  })

  it('refers to nothing that it does not have', () => {
    const text = JSON.stringify(document)
    const missing = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)]
      .map(([, name]) => name!)
      .filter((name) => !(name in document.components.schemas!))
    expect(missing).toEqual([])
    for (const { by } of operations.values())
      if (by) expect(document.components.securitySchemes).toHaveProperty(by)
  })

  /** Requests that get what is described: by the name of the operation and the status. */
  const ways: Record<string, Record<number, Way>> = {
    registerDevice: {
      201: {},
      400: { body: '{"consent":1}' },
      401: { deps: { identity: failing('unauthorised') } },
      413: { body: 'x'.repeat(300_000) },
      415: { body: '{}', headers: { 'content-encoding': 'br' } },
      503: { deps: { identity: failing('not-ready') } },
    },
    renewCredential: { 200: {} },
    getConsent: { 200: {} },
    putConsent: {
      200: { body: '{"sharing":true}' },
      400: { body: '{}' },
      413: { body: 'x'.repeat(300_000) },
      415: { body: '{}', headers: { 'content-encoding': 'br' } },
    },
    forgetMe: { 200: {} },
    sendEvents: {
      202: { body: upload() },
      400: { body: '{' },
      413: { body: gzipSync(Buffer.alloc(5 << 20)), headers: { 'content-encoding': 'gzip' } },
      415: { body: '{}', headers: { 'content-encoding': 'br' } },
    },
    listBatches: { 200: {} },
    pullBatch: { 200: { path: 'own' }, 400: { path: '/api/batches/x/0' }, 404: { path: '/api/batches/1/0' } },
    readRows: {
      200: { body: 'rows' },
      400: { body: '{}' },
      404: { body: JSON.stringify({ table: 'item', sha256: '0'.repeat(64), ids: [1] }) },
      413: { body: 'x'.repeat(300_000) },
      415: { body: '{}', headers: { 'content-encoding': 'br' } },
    },
    readTask: {
      200: {},
      304: { headers: { 'if-none-match': 'own' } },
      404: { deps: { cloud: () => ({ ...toy.cloud, manifest: async () => undefined }) } },
    },
    readArtifact: {
      200: { path: 'artifact' },
      400: { path: '/artifacts/x' },
      404: { path: `/artifacts/${'0'.repeat(64)}` },
    },
    health: { 200: {} },
    readiness: { 200: {}, 503: { deps: { isClosing: () => true } } },
    readDocument: { 200: {} },
    readDocs: { 200: {} },
    readDocsStyle: { 200: {} },
    readStatus: { 200: {} },
    revokeDevice: { 200: { path: 'device' }, 400: { path: '/api/admin/devices/x' }, 404: {} },
    eraseUser: { 200: { path: 'device' }, 400: { path: '/api/admin/devices/x/user' }, 404: {} },
    prepareDay: {
      202: {},
      409: { deps: { cloud: () => ({ ...toy.cloud, prepare: endless }) }, twice: true },
    },
    trainModel: {
      202: { deps: { cloud: () => ({ ...toy.cloud, train: async () => ({}) }) } },
      409: { deps: { cloud: () => ({ ...toy.cloud, train: endless }) }, twice: true },
    },
  }

  it('describes every answer that is tried here, and no answer that is not', () => {
    for (const [name, { by, answers }] of operations) {
      const described = Object.keys(answers).map(Number)
      const tried = [
        ...Object.keys(ways[name] ?? {}).map(Number),
        429,
        ...(breaks(name) ? [500] : []),
        ...(by ? [401] : []),
      ]
      expect([name, ...described].sort()).toEqual([name, ...new Set(tried)].sort())
    }
  })

  /** Makes the request, and holds what comes back against what is described. */
  async function expectTrue(name: string, status: number, way: Way, by?: Registration): Promise<void> {
    const described = operations.get(name)!
    const { cloud, ...deps } = way.deps ?? {}
    const app = appWith({ ...deps, ...(cloud && { cloud: cloud() as Cloud }) })
    const whole = appWith()
    const device = by ?? (await toy.cloud.register({}))
    const auth = { authorization: `Bearer ${described.by === 'admin' ? ADMIN : device.credential}` }
    const ask = async (path: string, headers: Record<string, string>, body?: Way['body']) =>
      app.request(path, { method: described.method, headers, ...(body !== undefined && { body }) })
    const { path, headers, body } = await fill(whole, way, described, device, auth)
    if (way.twice) await ask(path, headers, body)
    const response = await ask(path, headers, body)
    expect([name, response.status]).toEqual([name, status])
    const answer = described.answers[status]!
    for (const header of Object.keys(answer.headers ?? {})) expect(response.headers.has(header)).toBe(true)
    const media = response.headers.get('content-type')?.split(';')[0]
    const content = answer.content
    if (!content) return expect(await response.text()).toBe('')
    expect(Object.keys(content)).toEqual([media])
    const { schema } = content[media!]!
    if (!schema) return
    const resolved = { ...schema, components: document.components }
    const check = z.fromJSONSchema(inline(resolved, document) as never)
    const value = await response.json()
    expect(check.safeParse(value).error?.issues ?? []).toEqual([])
  }

  it.each(
    Object.entries(ways).flatMap(([name, all]) =>
      Object.entries(all).map(([status, way]) => [name, Number(status), way] as const),
    ),
  )('is true: %s answers %d', (name, status, way) => expectTrue(name, status, way))

  it('is true: whoever shows no credential where one is due gets 401', async () => {
    const device = await toy.cloud.register({})
    for (const [name, { by }] of operations)
      if (by) await expectTrue(name, 401, { headers: { authorization: 'Bearer x.y' } }, device)
  })

  it('is true: who asks too often gets 429 anywhere', async () => {
    const limits = { address: { burst: 0, everyMs: 1000 } }
    const device = await toy.cloud.register({})
    for (const name of operations.keys()) await expectTrue(name, 429, { deps: { limits } }, device)
  })

  it('is true: what is not foreseen is a 500', async () => {
    const broken = { get: (_: unknown, name: string) => brokenBut(name) }
    const brokenBut = (name: string) =>
      name === 'authenticate' ? toy.cloud.authenticate : () => Promise.reject(new Error('broken'))
    const cloud = () => new Proxy({}, broken) as unknown as Cloud
    const device = await toy.cloud.register({})
    for (const name of operations.keys()) {
      if (!breaks(name)) continue
      const [best] = Object.entries(ways[name]!)[0]!
      await expectTrue(name, 500, { ...ways[name]![Number(best)]!, deps: { cloud } }, device)
    }
  })

  it('is a page to read, without scripts, that names every route', async () => {
    const response = await appWith().request('/api/docs')
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'")
    const page = await response.text()
    expect(page).not.toMatch(/<script|<style| style=| on\w+=/)
    for (const { path } of operations.values()) expect(page).toContain(`<code>${path}</code>`)
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!))
    const broken = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id!).filter((id) => !ids.has(id))
    expect(broken).toEqual([])
  })

  async function fill(
    app: ReturnType<typeof createApp>,
    { path, headers, body }: Way,
    described: Described,
    { device }: { device: string },
    auth: Record<string, string>,
  ) {
    const manifest = (await toy.cloud.manifest())!
    const concrete = { device: crypto.randomUUID(), sha256: manifest.model.sha256, day: '1', n: '0' }
    const filled = (values: Record<string, string>) =>
      described.path.replace(/\{(\w+)\}/g, (_, name: string) => values[name]!)
    let where = path ?? filled(concrete)
    if (path === 'device') where = filled({ ...concrete, device })
    if (path === 'artifact') where = filled(concrete)
    if (path === 'own') {
      await app.request('/api/events', { method: 'POST', headers: auth, body: upload() })
      const { day } = (await (await app.request('/api/batches', { headers: auth })).json()) as { day: number }
      where = `/api/batches/${day}/0`
    }
    const etag = headers?.['if-none-match'] === 'own' && (await app.request('/api/task')).headers.get('etag')!
    const rows = JSON.stringify({ table: 'item', sha256: manifest.sliced!.item, ids: [0, 3] })
    const json = body !== undefined && { 'content-type': 'application/json' }
    return {
      path: where,
      headers: { ...auth, ...json, ...headers, ...(etag && { 'if-none-match': etag }) } as Record<
        string,
        string
      >,
      body: body === 'rows' ? rows : body,
    }
  }
})

const upload = () =>
  JSON.stringify({ events: browsing('documented', 1, { from: NOON - 3 * HOUR, count: 40 }) })
const endless = () => new Promise<never>(() => {})
const failing = (code: 'unauthorised' | 'not-ready') => () => Promise.reject(new AppError(code, 'No.'))

/** The schema with every reference replaced by what it refers to. */
function inline(schema: unknown, document: ApiDocument): unknown {
  if (Array.isArray(schema)) return schema.map((one) => inline(one, document))
  if (typeof schema !== 'object' || schema === null) return schema
  if ('$ref' in schema) {
    const name = String(schema.$ref).split('/').at(-1)!
    return inline(document.components.schemas![name], document)
  }
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== 'components')
      .map(([key, value]) => [key, inline(value, document)]),
  )
}
