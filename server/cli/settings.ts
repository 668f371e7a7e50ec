/**
 * Every setting of a server, in one place: its flag, its variable, what it may be, what it is by default. What is secret is
 * in files, so that no setting is.
 */
import { type Command, InvalidArgumentError, Option } from 'commander'
import * as z from 'zod'
import { AppError } from '../../shared/failure.ts'
import { LIMITS } from '../http/limits.ts'
import { LOG_LEVELS } from '../http/log.ts'

interface Setting<T> {
  /** As commander has it: `-p, --port <n>`. */
  readonly flags: string
  readonly what: string
  readonly schema: z.ZodType<T, string>
  /** What the flag means without a value, if it may stand so. */
  readonly alone?: string
  /** As it would be written; without it, the setting is not made. */
  readonly default?: string
}

function setting<T>(flags: string, what: string, schema: z.ZodType<T, string>): Setting<T>
function setting<T>(
  flags: string,
  what: string,
  schema: z.ZodType<T, string>,
  byDefault: string,
): Setting<T> & { readonly default: string }
function setting<T>(
  flags: string,
  what: string,
  schema: z.ZodType<T, string>,
  byDefault?: string,
): Setting<T> {
  return { flags, what, schema, ...(byDefault !== undefined && { default: byDefault }) }
}

const text = z.string().min(1, 'must not be empty')
const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((n) => n >= least && n <= most, `must be a whole number from ${least} to ${most}`)
const yesNo = z
  .enum(['yes', 'no', 'true', 'false', '1', '0'])
  .transform((it) => ['yes', 'true', '1'].includes(it))
const RATE = 'must be at-once:per-second, as 300:5, or off'
const rate = z
  .string()
  .regex(/^(off|\d+:\d+(\.\d+)?)$/, RATE)
  .transform((it) => {
    const [burst, perSecond] = it.split(':').map(Number)
    return it === 'off' ? null : { burst: burst!, everyMs: 1000 / perSecond! }
  })
  .refine((it) => it === null || (it.burst >= 1 && Number.isFinite(it.everyMs)), RATE)
const list = z.string().transform((it) =>
  it
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean),
)
const isOrigin = (one: string) =>
  URL.canParse(one) && /^https?:$/.test(new URL(one).protocol) && new URL(one).origin === one
const origins = list.refine(
  (them) => them.every(isOrigin),
  'must be origins with commas between, as https://shop.example,http://localhost:3000',
)
const header = z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be the name of a header, as CF-IPCountry')
const written = ({ burst, everyMs }: { burst: number; everyMs: number }) => `${burst}:${1000 / everyMs}`

export const settings = {
  data: setting('-d, --data <folder>', 'where everything is kept', text, 'kindred-data'),
  port: setting('-p, --port <n>', 'port to listen on; 0 takes any free one', whole(0, 65_535), '8787'),
  host: setting('--host <name>', 'address to listen on', text, 'localhost'),
  tlsCert: setting(
    '--tls-cert <file>',
    'certificate (PEM): with it the server speaks HTTPS; SIGHUP reads it again',
    text,
  ),
  tlsKey: setting('--tls-key <file>', 'its key (PEM)', text),
  lan: {
    ...setting(
      '--lan [addresses]',
      'also serve the local network: by HTTPS with a certificate of its own, and a guide that tells phones to trust it; all networks, or the addresses of this machine that are named',
      list.transform((it) => (it.join() === 'all' ? [] : it)),
    ),
    alone: 'all',
  },
  lanPort: setting('--lan-port <n>', 'port of HTTPS on the local network', whole(0, 65_535), '8788'),
  lanKeys: setting(
    '--lan-keys <folder>',
    'where the authority of --lan is kept, if not in the user’s folder for settings',
    text,
  ),
  trustedProxies: setting(
    '--trusted-proxies <list>',
    'addresses or networks, with commas between, whose X-Forwarded-For is believed',
    list,
    '',
  ),
  countryHeader: setting(
    '--country-header <name>',
    'header, as CF-IPCountry, in which --trusted-proxies tell the country of who asks; they must overwrite it',
    header,
  ),
  drainSeconds: setting(
    '--drain-seconds <n>',
    'how long /readyz says no before the server closes, so that nothing is sent to it any more',
    whole(0, 600),
    '0',
  ),
  identity: setting(
    '--identity <kind>',
    'anonymous: each new device is a user; jwt: it shows a token of the app around it, and belongs to its subject',
    z.enum(['anonymous', 'jwt']),
    'anonymous',
  ),
  jwtSecretFile: setting(
    '--jwt-secret-file <file>',
    'secret of at least 32 bytes that tokens are signed with (HS256)',
    text,
  ),
  jwtKeys: setting('--jwt-keys <file or URL>', 'public keys that tokens are signed with, as a JWK set', text),
  jwtIssuer: setting('--jwt-issuer <name>', 'the iss that tokens must have', text),
  jwtAudience: setting('--jwt-audience <name>', 'the aud that tokens must have', text),
  jwtCookie: setting('--jwt-cookie <name>', 'cookie that holds the token where no Authorization does', text),
  allowedOrigins: setting(
    '--allowed-origins <list>',
    'other sites, with commas between, whose pages may ask as devices do, as https://shop.example; docs/client.md',
    origins,
    '',
  ),
  adminCredentialFile: setting(
    '--admin-credential-file <file>',
    'credential of 32 or more letters and digits for /api/admin, which is not there without it',
    text,
  ),
  metricsPort: setting(
    '--metrics-port <n>',
    'port for Prometheus, which asks at /metrics; none without it',
    whole(0, 65_535),
  ),
  metricsHost: setting('--metrics-host <name>', 'address for it', text, '127.0.0.1'),
  logLevel: setting(
    '--log-level <level>',
    `least that is logged: ${LOG_LEVELS.join(', ')}`,
    z.enum(LOG_LEVELS),
    'info',
  ),
  logRequests: setting('--log-requests <yes or no>', 'a line for each request', yesNo, 'no'),
  logAddresses: setting('--log-addresses <yes or no>', 'with the address that it came from', yesNo, 'no'),
  limitRegistrations: setting(
    '--limit-registrations <rate>',
    'new devices from one address, as at-once:per-second, or off',
    rate,
    written(LIMITS.registrations),
  ),
  limitAddress: setting('--limit-address <rate>', 'requests from one address', rate, written(LIMITS.address)),
  limitDevice: setting(
    '--limit-device <rate>',
    'requests of one user’s devices',
    rate,
    written(LIMITS.device),
  ),
  limitUploads: setting(
    '--limit-uploads <n>',
    'MiB of uploads that are being received',
    whole(1, 65_536),
    `${LIMITS.uploads.most / (1 << 20)}`,
  ),
  limitEvents: setting(
    '--limit-events <n>',
    'events that wait for the disk',
    whole(2000, 1e9),
    `${LIMITS.events.most}`,
  ),
  limitWaiting: setting(
    '--limit-waiting <n>',
    'devices that wait for matches or rows',
    whole(1, 1e6),
    `${LIMITS.waiting.most}`,
  ),
  privacyFile: setting(
    '--privacy-file <file>',
    'settings of docs/privacy.md that are not the default, as JSON',
    text,
  ),
} as const

type Settings = typeof settings
export type SettingName = keyof Settings
/** What was given, or is so by default. */
export type Given = {
  readonly [N in SettingName]:
    | z.output<Settings[N]['schema']>
    | (Settings[N] extends { default: string } ? never : undefined)
}

export const names = Object.keys(settings) as SettingName[]
export const variableOf = (name: string): string => `KINDRED_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`

export function optionFor(name: SettingName): Option {
  const { flags, what, schema, default: byDefault, alone } = settings[name] as Setting<unknown>
  const option = new Option(flags, what).env(variableOf(name)).argParser((given: string) => {
    const read = schema.safeParse(given)
    if (!read.success) throw new InvalidArgumentError(`It ${read.error.issues[0]!.message}.`)
    return read.data
  })
  if (alone !== undefined) option.preset(alone)
  return byDefault === undefined ? option : option.default(schema.parse(byDefault), byDefault || 'none')
}

/** Adds those that the command does not have yet. */
export function withSettings(command: Command): Command {
  for (const name of names)
    if (!command.options.some((one) => one.attributeName() === name)) command.addOption(optionFor(name))
  return command
}

/** Of other programs of this repository, or of all commands. */
const OTHERS = ['DEBUG', 'GLOBO', 'CHROMIUM', 'FIREFOX', 'WEBKIT', 'URL'].map((name) => `KINDRED_${name}`)

/** Throws `bad-input` for a variable that looks like a setting and is none. */
export function refuseUnknown(environment: NodeJS.ProcessEnv): void {
  const known = new Set([...names.map(variableOf), ...OTHERS])
  const odd = Object.keys(environment).find((name) => name.startsWith('KINDRED_') && !known.has(name))
  if (odd !== undefined)
    throw new AppError('bad-input', `There is no setting ${odd}: see \`kindred serve --help\`.`)
}

/** What was set, and where; for people. */
export function summary(command: Command): string {
  const made = names.flatMap((name) => {
    const source = command.getOptionValueSource(name)
    if (source !== 'cli' && source !== 'env') return []
    const { flags } = settings[name]
    const shown = source === 'env' ? variableOf(name) : /--[a-z-]+/.exec(flags)![0]
    return [`  ${shown} ${JSON.stringify(command.getOptionValue(name))}`]
  })
  return made.length === 0
    ? 'Every setting is the default.'
    : ['Settings that are not the default:', ...made].join('\n')
}

/** All of them, as docs/operations.md has them. */
export function table(): string {
  const rows = names.map((name) => {
    const { flags, what, default: byDefault } = settings[name] as Setting<unknown>
    const flag = /--[a-z-]+/.exec(flags)![0]
    return `| \`${flag}\` | \`${variableOf(name)}\` | ${byDefault ? `\`${byDefault}\`` : ''} | ${what} |`
  })
  return ['| flag | variable | default | |', '|---|---|---|---|', ...rows].join('\n')
}
