import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemSchema, registrationSchema } from '../../shared/api.ts'
import { HOUR, NOON, type ToyCloud, toyCloud } from '../cloud/toy.ts'
import { createApp } from './app.ts'
import { createIdentity, type TokenRules } from './identity.ts'

const SECRET = Buffer.alloc(32, 7)
const RULES = { key: SECRET, issuer: 'https://app.example', audience: 'kindred' } satisfies TokenRules
const clock = { now: () => NOON }
/** A token's content; what is undefined is left out. */
type Claims = { [N in keyof JWTPayload]?: JWTPayload[N] | undefined }
type Key = Parameters<SignJWT['sign']>[0]
const seconds = (ms: number) => Math.floor(ms / 1000)

describe('where the app around Kindred says who its users are', () => {
  let toy: ToyCloud
  beforeAll(async () => {
    toy = await toyCloud()
  })
  afterAll(() => toy.done())

  const sign = (claims: Claims = {}, key: Key = SECRET, alg = 'HS256') =>
    new SignJWT({
      sub: 'anna',
      iss: RULES.issuer,
      aud: RULES.audience,
      exp: seconds(NOON + HOUR),
      ...claims,
    } as JWTPayload)
      .setProtectedHeader({ alg })
      .sign(key)

  function appWith(rules: TokenRules) {
    const identity = createIdentity(rules, clock)
    return createApp({ cloud: toy.cloud, log: pino({ level: 'silent' }), clock, identity })
  }
  const register = async (headers: Record<string, string>, app = appWith(RULES)) =>
    app.request('/api/devices', { method: 'POST', headers })
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  async function userOf(response: Response): Promise<number> {
    expect(response.status).toBe(201)
    const { credential } = registrationSchema.parse(await response.json())
    return (await toy.cloud.authenticate(credential))!
  }
  async function expectRefused(response: Response, reason: RegExp, status = 401): Promise<void> {
    expect(response.status).toBe(status)
    expect(problemSchema.parse(await response.json()).detail).toMatch(reason)
  }

  it('all devices of one subject are one user, and those of another are another', async () => {
    const answers = await Promise.all([1, 2, 3].map(async () => register(bearer(await sign()))))
    const users = await Promise.all(answers.map(userOf))
    expect(new Set(users).size).toBe(1)
    expect(await userOf(await register(bearer(await sign({ sub: 'ben' }))))).not.toBe(users[0])
  })

  it('who is forgotten is forgotten on all their devices, and is somebody new after', async () => {
    const app = appWith(RULES)
    const credentials: string[] = []
    for (let i = 0; i < 2; i++) {
      const response = await register(bearer(await sign({ sub: 'carl' })), app)
      credentials.push(registrationSchema.parse(await response.json()).credential)
    }
    const user = await toy.cloud.authenticate(credentials[0]!)
    await app.request('/api/me', { method: 'DELETE', headers: bearer(credentials[0]!) })
    for (const credential of credentials) expect(await toy.cloud.authenticate(credential)).toBeUndefined()
    expect(await userOf(await register(bearer(await sign({ sub: 'carl' }))))).not.toBe(user)
  })

  it('nobody registers without a token', async () => {
    await expectRefused(await register({}), /must show a token/)
    await expectRefused(await register({ authorization: 'Basic YTpi' }), /must show a token/)
  })

  it.each<[string, Claims, RegExp]>([
    ['is out of date', { exp: seconds(NOON - HOUR) }, /exp/],
    ['never goes out of date', { exp: undefined }, /exp/],
    ['is not valid yet', { nbf: seconds(NOON + HOUR) }, /nbf/],
    ['was made by another', { iss: 'https://other.example' }, /iss/],
    ['is meant for another', { aud: 'other' }, /aud/],
    ['is nobody’s', { sub: undefined }, /sub/],
    ['is of a subject without a name', { sub: '' }, /subject/],
    ['is of a subject with too long a name', { sub: 'x'.repeat(201) }, /subject/],
    ['is of a subject with a name that cannot be kept', { sub: 'a\u0000b' }, /subject/],
  ])('a token that %s is refused', async (_, claims, reason) => {
    await expectRefused(await register(bearer(await sign(claims))), reason)
  })

  it('a token that was changed, signed by another key, or not at all, is refused', async () => {
    const [head, body, signature] = (await sign()).split('.') as [string, string, string]
    const other = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), sub: 'eve' }),
    )
    await expectRefused(
      await register(bearer([head, other.toString('base64url'), signature].join('.'))),
      /signature/,
    )
    await expectRefused(await register(bearer(await sign({}, Buffer.alloc(32, 8)))), /signature/)
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    await expectRefused(await register(bearer(`${none}.${body}.`)), /not accepted/)
    await expectRefused(await register(bearer('nonsense')), /not accepted/)
  })

  it('a cookie may hold the token, unless another site has the browser ask', async () => {
    const app = appWith({ ...RULES, cookie: 'session' })
    const cookie = `a=b; session=${await sign({ sub: 'dora' })}`
    await userOf(await register({ cookie, 'sec-fetch-site': 'same-origin' }, app))
    await expectRefused(await register({ cookie, 'sec-fetch-site': 'cross-site' }, app), /must show a token/)
    await expectRefused(await register({ cookie }), /must show a token/)
  })

  it('a short secret is refused before anything is served', () => {
    expect(() => appWith({ ...RULES, key: Buffer.from('password') })).toThrow(/32 are due/)
  })

  describe('by public keys', () => {
    let privateKey: Key
    let jwk: Awaited<ReturnType<typeof exportJWK>>
    beforeAll(async () => {
      const pair = await generateKeyPair('ES256', { extractable: true })
      privateKey = pair.privateKey
      jwk = { ...(await exportJWK(pair.publicKey)), kid: '1', alg: 'ES256' }
    })

    it('a token is accepted that was signed with the private one', async () => {
      const app = appWith({ ...RULES, key: { keys: [jwk] } })
      await userOf(await register(bearer(await sign({ sub: 'fay' }, privateKey, 'ES256')), app))
    })

    it('a token signed with the public key as if it were a secret is refused', async () => {
      const app = appWith({ ...RULES, key: { keys: [jwk] } })
      const forged = await sign({}, Buffer.from(JSON.stringify(jwk)), 'HS256')
      await expectRefused(await register(bearer(forged), app), /not accepted/)
    })

    it('the keys are fetched from where they are, and while they cannot be had, the device is to come again', async () => {
      let up = true
      const server = createServer((_, answer) => {
        answer.statusCode = up ? 200 : 500
        answer.end(JSON.stringify({ keys: [jwk] }))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const key = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`)
      const token = bearer(await sign({ sub: 'gil' }, privateKey, 'ES256'))
      await userOf(await register(token, appWith({ ...RULES, key })))
      up = false
      const refused = await register(token, appWith({ ...RULES, key }))
      expect(refused.headers.get('retry-after')).toBe('60')
      await expectRefused(refused, /cannot be had/, 503)
      await new Promise((resolve) => server.close(resolve))
      await expectRefused(await register(token, appWith({ ...RULES, key })), /cannot be had/, 503)
    })
  })
})
