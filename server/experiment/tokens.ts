/** Tokens of an app around Kindred that knows its users by the names of the source. */
import { SignJWT } from 'jose'
import type { Clock } from '../../shared/clock.ts'
import type { TokenRules } from '../http/identity.ts'

const ISSUER = 'experiment'
const AUDIENCE = 'kindred'

export const tokenRules = (key: Uint8Array): TokenRules => ({ key, issuer: ISSUER, audience: AUDIENCE })

/** Good for an hour. */
export const tokenOf = (user: string, key: Uint8Array, clock: Clock): Promise<string> =>
  new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setExpirationTime(Math.floor(clock.now() / 1000) + 3600)
    .sign(key)
