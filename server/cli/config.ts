/** What a server is made from: the settings, checked against each other, and what their files hold. */
import { homedir, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { createAddressOf } from '../http/address.ts'
import type { AppDeps } from '../http/app.ts'
import { type CountryOf, createCountryOf } from '../http/country.ts'
import { createIdentity, type TokenRules } from '../http/identity.ts'
import { NO_LIMIT, type Rate } from '../http/limit.ts'
import { LIMITS, type Limits } from '../http/limits.ts'
import type { Where } from '../http/listen.ts'
import { lanAddresses } from '../lan/addresses.ts'
import type { LanOptions } from '../lan/lan.ts'
import { jsonIn, secretIn } from './files.ts'
import type { Given } from './settings.ts'

export interface Config {
  readonly where: Where
  /** Where Prometheus asks; undefined for nowhere. */
  readonly metrics: Where | undefined
  /** The local network, too; undefined for not. */
  readonly lan: Pick<LanOptions, 'addresses' | 'folder' | 'port' | 'guidePort'> | undefined
  readonly drainMs: number
  readonly logLevel: Given['logLevel']
  readonly app: Pick<
    AppDeps,
    'addressOf' | 'countryOf' | 'identity' | 'origins' | 'adminCredential' | 'logRequests' | 'limits'
  >
}

/** Throws `bad-input` for settings that do not go together, and files that are not what they should be. */
export function configOf(
  given: Given,
  clock: Clock = systemClock,
  interfaces: typeof networkInterfaces = networkInterfaces,
): Config {
  const { port, host, tlsCert, tlsKey, metricsPort, metricsHost, adminCredentialFile } = given
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new AppError('bad-input', 'For TLS both --tls-cert and --tls-key are due.')
  const tls = tlsCert !== undefined && tlsKey !== undefined ? { cert: tlsCert, key: tlsKey } : undefined
  const identity = identityOf(given, clock)
  const countryOf = countryOfGiven(given)
  return {
    where: { port, host, tls, setting: '--port' },
    metrics: metricsPort === undefined ? undefined : { port: metricsPort, host: metricsHost },
    lan: lanOf(given, interfaces),
    drainMs: given.drainSeconds * 1000,
    logLevel: given.logLevel,
    app: {
      addressOf: createAddressOf(given.trustedProxies),
      ...(countryOf && { countryOf }),
      ...(identity && { identity }),
      origins: given.allowedOrigins,
      ...(adminCredentialFile !== undefined && { adminCredential: secretIn(adminCredentialFile) }),
      ...(given.logRequests && { logRequests: { addresses: given.logAddresses } }),
      limits: limitsOf(given),
    },
  }
}

function countryOfGiven({ countryHeader, trustedProxies }: Given): CountryOf | undefined {
  if (countryHeader === undefined) return undefined
  if (trustedProxies.length === 0)
    throw new AppError(
      'bad-input',
      `Anybody could send ${countryHeader}: --country-header needs --trusted-proxies.`,
    )
  return createCountryOf(countryHeader, trustedProxies)
}

function lanOf(given: Given, interfaces: typeof networkInterfaces): Config['lan'] {
  const { lan, lanPort, lanKeys, port, host, tlsCert } = given
  if (lan === undefined) return undefined
  if (tlsCert !== undefined)
    throw new AppError(
      'bad-input',
      '--lan makes certificates of its own: leave out --tls-cert and --tls-key.',
    )
  if (!LOOPBACK.includes(host))
    throw new AppError('bad-input', `--lan chooses where to listen: leave out --host, or say --lan ${host}.`)
  const addresses = () => lanAddresses(interfaces(), lan)
  // That there is no network is said before anything long begins.
  addresses()
  return { addresses, folder: lanKeys ?? join(settingsFolder(), 'lan'), port: lanPort, guidePort: port }
}

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/** Where programs keep what is the user's: apart from the data, which are backed up, moved and thrown away. */
function settingsFolder(): string {
  const { XDG_CONFIG_HOME, APPDATA } = process.env
  if (process.platform === 'win32' && APPDATA) return join(APPDATA, 'kindred')
  if (process.platform === 'darwin') return join(homedir(), 'Library/Application Support/kindred')
  return join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'kindred')
}

function limitsOf(given: Given): Limits {
  const rate = (given: Rate | null): Rate => given ?? NO_LIMIT
  return {
    ...LIMITS,
    registrations: rate(given.limitRegistrations),
    address: rate(given.limitAddress),
    device: rate(given.limitDevice),
    uploads: { ...LIMITS.uploads, most: given.limitUploads << 20 },
    events: { ...LIMITS.events, most: given.limitEvents },
    waiting: { ...LIMITS.waiting, most: given.limitWaiting },
  }
}

function identityOf(given: Given, clock: Clock) {
  const { identity, jwtIssuer: issuer, jwtAudience: audience, jwtCookie: cookie } = given
  const { jwtSecretFile, jwtKeys } = given
  const made = [issuer, audience, cookie, jwtSecretFile, jwtKeys].some((one) => one !== undefined)
  if (identity === 'anonymous') {
    if (made) throw new AppError('bad-input', 'The settings --jwt-… are for --identity jwt.')
    return undefined
  }
  if (issuer === undefined || audience === undefined)
    throw new AppError('bad-input', '--identity jwt needs --jwt-issuer and --jwt-audience.')
  if ((jwtSecretFile === undefined) === (jwtKeys === undefined))
    throw new AppError('bad-input', '--identity jwt needs one of --jwt-secret-file and --jwt-keys.')
  const key = jwtSecretFile !== undefined ? Buffer.from(secretIn(jwtSecretFile)) : keysIn(jwtKeys!)
  return createIdentity({ key, issuer, audience, cookie }, clock)
}

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) })

/** A set of public keys in a file, or where it can be fetched. */
function keysIn(place: string): TokenRules['key'] {
  if (!/^https?:/.test(place)) return parse(keySetSchema, jsonIn(place), `The keys in ${place}`)
  const url = URL.canParse(place) ? new URL(place) : undefined
  const near = url !== undefined && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url === undefined || (url.protocol === 'http:' && !near))
    throw new AppError('bad-input', `Keys are fetched by HTTPS, not from ${place}.`)
  return url
}
