/** Consent over HTTP. */
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { consentSchema, problemSchema, type Registration } from '../../shared/api.ts'
import { NOON, type ToyCloud, toyCloud } from '../cloud/toy.ts'
import { createApp } from './app.ts'
import { NO_LIMITS } from './limits.ts'

let toy: ToyCloud
let app: ReturnType<typeof createApp>
beforeEach(async () => {
  toy = await toyCloud()
  const clock = { now: () => toy.time.now }
  app = createApp({ cloud: toy.cloud, log: pino({ level: 'silent' }), limits: NO_LIMITS, clock })
})
afterEach(() => toy.done())

const json = { 'content-type': 'application/json' }
const register = async (body?: unknown): Promise<Registration> => {
  const init = body === undefined ? {} : { headers: json, body: JSON.stringify(body) }
  const response = await app.request('/api/devices', { method: 'POST', ...init })
  expect(response.status).toBe(201)
  return (await response.json()) as Registration
}
const ask = ({ credential }: Registration, method: string, body?: unknown) =>
  app.request('/api/me/consent', {
    method,
    headers: { ...json, authorization: `Bearer ${credential}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })

describe('consent over HTTP', () => {
  it('is that of the registration, and shares where nothing was said', async () => {
    const read = async (device: Registration) => consentSchema.parse(await (await ask(device, 'GET')).json())
    expect(await read(await register())).toEqual({ sharing: true, version: 0, at: 0 })
    expect(await read(await register({}))).toEqual({ sharing: true, version: 0, at: 0 })
    const refusing = await register({ consent: { sharing: false } })
    expect(await read(refusing)).toEqual({ sharing: false, version: 1, at: NOON })
  })

  it('is changed by who it is of, as often as they like, with the same answer to the same request', async () => {
    const device = await register()
    for (const sharing of [false, false, true]) {
      toy.time.now += 1000
      const answer = await ask(device, 'PUT', { sharing })
      expect([answer.status, await answer.json()]).toEqual([200, { sharing, version: 1, at: toy.time.now }])
    }
  })

  it('takes no other body, and nobody unknown', async () => {
    const device = await register()
    for (const body of [{}, { sharing: 'no' }, { sharing: false, user: 3 }, 7]) {
      const answer = await ask(device, 'PUT', body)
      expect(answer.status).toBe(400)
      problemSchema.parse(await answer.json())
    }
    for (const method of ['GET', 'PUT'])
      expect(
        (
          await ask(
            { ...device, credential: 'x.y' },
            method,
            method === 'PUT' ? { sharing: true } : undefined,
          )
        ).status,
      ).toBe(401)
    const refused = await app.request('/api/devices', {
      method: 'POST',
      headers: json,
      body: '{"consent":true}',
    })
    expect(refused.status).toBe(400)
  })
})
