import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registrationSchema } from '../../shared/api.ts'
import { NOON, type ToyCloud, toyCloud, toySource } from '../cloud/toy.ts'
import { createApp } from './app.ts'

const SHOP = 'https://shop.example'

describe('pages of other sites', () => {
  let toy: ToyCloud
  beforeAll(async () => {
    toy = await toyCloud()
    await toy.cloud.importSource(toySource())
    await toy.cloud.prepare()
  })
  afterAll(() => toy.done())

  const appFor = (origins?: string[], limits = {}) =>
    createApp({
      cloud: toy.cloud,
      log: pino({ level: 'silent' }),
      clock: { now: () => NOON },
      adminCredential: 'a'.repeat(32),
      limits,
      ...(origins && { origins }),
    })
  const ask = async (
    app: ReturnType<typeof appFor>,
    path: string,
    { origin = SHOP, headers = {}, ...init }: RequestInit & { origin?: string } = {},
  ) => app.request(path, { ...init, headers: { origin, ...headers } })
  const preflight = (app: ReturnType<typeof appFor>, path: string, origin = SHOP) =>
    ask(app, path, {
      origin,
      method: 'OPTIONS',
      headers: {
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-encoding,content-type',
      },
    })
  const allowed = (response: Response) => response.headers.get('access-control-allow-origin')
  const words = (response: Response, header: string) =>
    (response.headers.get(header) ?? '').toLowerCase().split(/, */).sort()

  it('may ask nothing, unless a site is named', async () => {
    const app = appFor()
    for (const path of ['/api/task', '/api/devices', `/artifacts/${'0'.repeat(64)}`]) {
      expect(allowed(await ask(app, path))).toBeNull()
      expect(allowed(await preflight(app, path))).toBeNull()
    }
  })

  it('of a site that is named may ask what devices ask, by all of their methods and headers', async () => {
    const response = await preflight(appFor(['https://other.example', SHOP]), '/api/events')
    expect(response.status).toBe(204)
    expect(allowed(response)).toBe(SHOP)
    expect(words(response, 'access-control-allow-methods')).toEqual(['delete', 'get', 'post', 'put'])
    expect(words(response, 'access-control-allow-headers')).toEqual([
      'authorization',
      'content-encoding',
      'content-type',
      'if-none-match',
    ])
    expect(response.headers.get('access-control-allow-credentials')).toBeNull()
  })

  it('may read what devices read, in answers and in refusals of every kind', async () => {
    const app = appFor([SHOP])
    const registered = await ask(app, '/api/devices', { method: 'POST' })
    const { credential } = registrationSchema.parse(await registered.clone().json())
    const known = { authorization: `Bearer ${credential}` }
    const full = appFor([SHOP], { address: { burst: 1, everyMs: 1e9 } })
    await ask(full, '/api/task')
    const answers: [number, Response][] = [
      [201, registered],
      [200, await ask(app, '/api/batches', { headers: known })],
      [400, await ask(app, '/api/events', { method: 'POST', headers: known, body: '{' })],
      [401, await ask(app, '/api/batches')],
      [404, await ask(app, `/artifacts/${'0'.repeat(64)}`)],
      [404, await ask(app, '/api/nothing')],
      [429, await ask(full, '/api/task')],
    ]
    for (const [status, response] of answers) {
      expect([response.status, allowed(response)]).toEqual([status, SHOP])
      expect(words(response, 'access-control-expose-headers')).toEqual([
        'date',
        'etag',
        'repr-digest',
        'retry-after',
      ])
      expect(words(response, 'vary')).toContain('origin')
    }
  })

  it('of a site that is not named, or is so only nearly, may ask nothing', async () => {
    const app = appFor([SHOP])
    for (const origin of [
      'https://evil.example',
      'http://shop.example',
      'https://shop.example.evil.example',
      'https://sub.shop.example',
      'https://shop.example:8443',
      'null',
    ]) {
      const response = await ask(app, '/api/task', { origin })
      expect(allowed(response)).toBeNull()
      expect(words(response, 'vary')).toContain('origin')
      expect(allowed(await preflight(app, '/api/events', origin))).toBeNull()
    }
  })

  it('never reach what is the operator’s', async () => {
    const app = appFor([SHOP])
    const headers = { authorization: `Bearer ${'a'.repeat(32)}` }
    const response = await ask(app, '/api/admin/status', { headers })
    expect([response.status, allowed(response)]).toEqual([200, null])
    expect(allowed(await preflight(app, '/api/admin/train'))).toBeNull()
  })
})
