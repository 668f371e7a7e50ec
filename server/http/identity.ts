/** Who a new device belongs to, where the app around Kindred says so by a signed token (JWT, RFC 7519). */
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import * as z from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { bearerOf } from './known.ts'

export interface TokenRules {
  /** A secret that is shared with who signs (HS256), or the public keys of who signs. */
  readonly key: Uint8Array | JSONWebKeySet | URL
  readonly issuer: string
  readonly audience: string
  /** The cookie that holds the token where no `Authorization` does. */
  readonly cookie?: string | undefined
}

/** Gives the token's subject. Throws `unauthorised`, saying why, and `not-ready` while the keys cannot be fetched. */
export type Identity = (c: Context) => Promise<string>

/** Fixed: what a token says of itself does not choose how it is checked. */
const PUBLIC = ['RS256', 'PS256', 'ES256', 'EdDSA']
/** Seconds by which clocks may differ. */
const TOLERANCE = 30
/** Bytes of a shared secret, at least (RFC 7518 §3.2). */
export const MIN_SECRET = 32

/** Failures that are not the token's. */
const NO_KEYS = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']

/** A name that the store can hold. */
const subjectSchema = z.string().regex(/^[^\p{Cc}]{1,200}$/u, 'it must have 1 to 200 characters')

export function createIdentity({ key, issuer, audience, cookie }: TokenRules, clock: Clock): Identity {
  const rules = { issuer, audience, requiredClaims: ['sub', 'exp'], clockTolerance: TOLERANCE }
  const verify = verifierOf(key)
  return async (c) => {
    const token = bearerOf(c.req.header('authorization')) || tokenIn(c, cookie)
    if (token === '') throw new AppError('unauthorised', 'A new device must show a token of its user.')
    try {
      const { payload } = await verify(token, { ...rules, currentDate: new Date(clock.now()) })
      return parse(subjectSchema, payload.sub, 'The subject of the token')
    } catch (cause) {
      if (cause instanceof AppError) throw new AppError('unauthorised', cause.message, { cause })
      if (!(cause instanceof errors.JOSEError) || NO_KEYS.includes(cause.code))
        throw new AppError('not-ready', 'The keys that tokens are checked with cannot be had.', { cause })
      throw new AppError('unauthorised', `The token is not accepted: ${cause.message}.`, { cause })
    }
  }
}

type Verify = (token: string, rules: object) => ReturnType<typeof jwtVerify>

function verifierOf(key: TokenRules['key']): Verify {
  if (key instanceof Uint8Array) {
    if (key.length < MIN_SECRET)
      throw new AppError('bad-input', `The secret of tokens has ${key.length} bytes; ${MIN_SECRET} are due.`)
    return (token, rules) => jwtVerify(token, key, { ...rules, algorithms: ['HS256'] })
  }
  const keys: JWTVerifyGetKey = key instanceof URL ? createRemoteJWKSet(key) : createLocalJWKSet(key)
  return (token, rules) => jwtVerify(token, keys, { ...rules, algorithms: PUBLIC })
}

/** A browser sends cookies along with what other sites ask for, too: those do not count. */
function tokenIn(c: Context, cookie: string | undefined): string {
  const site = c.req.header('sec-fetch-site') ?? 'same-origin'
  return cookie !== undefined && site === 'same-origin' ? (getCookie(c, cookie) ?? '') : ''
}
