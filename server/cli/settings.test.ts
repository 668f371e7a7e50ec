import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { configOf } from './config.ts'
import {
  type Given,
  names,
  refuseUnknown,
  settings,
  summary,
  table,
  variableOf,
  withSettings,
} from './settings.ts'

const OPERATIONS = resolve(import.meta.dirname, '../../docs/operations.md')

/** What a command line gives, and the command that read it. Throws what it would print. */
function read(args: readonly string[]): { given: Given; command: Command; said: string } {
  let said = ''
  const command = withSettings(new Command('serve'))
    .exitOverride()
    .configureOutput({ writeErr: (text) => (said += text), writeOut: () => {} })
  try {
    command.parse(args, { from: 'user' })
  } catch {
    throw new Error(said)
  }
  return { given: command.opts<Given>(), command, said }
}

describe('the settings of a server', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kindred-settings-'))
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  it('have a flag and a variable each, and a flag counts for more', () => {
    vi.stubEnv('KINDRED_PORT', '9000')
    vi.stubEnv('KINDRED_TRUSTED_PROXIES', '10.0.0.0/8, ::1')
    vi.stubEnv('KINDRED_LOG_REQUESTS', 'true')
    expect(read([]).given).toMatchObject({
      port: 9000,
      trustedProxies: ['10.0.0.0/8', '::1'],
      logRequests: true,
    })
    expect(read(['--port', '9001']).given.port).toBe(9001)
    expect(new Set(names.map(variableOf)).size).toBe(names.length)
    for (const name of names) expect(settings[name].flags).toMatch(/--[a-z-]+ [<[]/)
  })

  it('are by default what the limits in the code are', () => {
    const { app, where, metrics, lan } = configOf(read([]).given)
    expect(where).toMatchObject({ port: 8787, host: 'localhost', tls: undefined })
    expect(metrics).toBeUndefined()
    expect(lan).toBeUndefined()
    expect(app.limits).toMatchObject({
      registrations: { burst: 1000, everyMs: 1000 },
      address: { burst: 5000, everyMs: 1 },
      device: { burst: 300, everyMs: 200 },
      uploads: { most: 32 << 20 },
    })
    expect(app).not.toHaveProperty('identity')
    expect(app).not.toHaveProperty('adminCredential')
    expect(app).not.toHaveProperty('countryOf')
  })

  it.each([
    ['KINDRED_PORT', 'eighty', /KINDRED_PORT.*whole number from 0 to 65535/],
    ['KINDRED_PORT', '70000', /KINDRED_PORT.*whole number/],
    ['KINDRED_LOG_LEVEL', 'loud', /KINDRED_LOG_LEVEL/],
    ['KINDRED_LOG_REQUESTS', 'maybe', /KINDRED_LOG_REQUESTS/],
    ['KINDRED_LIMIT_DEVICE', '10', /KINDRED_LIMIT_DEVICE.*at-once/],
    ['KINDRED_LIMIT_DEVICE', '0:1', /KINDRED_LIMIT_DEVICE/],
    ['KINDRED_LIMIT_DEVICE', '10:0', /KINDRED_LIMIT_DEVICE/],
    ['KINDRED_IDENTITY', 'oauth', /KINDRED_IDENTITY/],
    ['KINDRED_COUNTRY_HEADER', '', /KINDRED_COUNTRY_HEADER.*name of a header/],
    ['KINDRED_COUNTRY_HEADER', 'CF-IPCountry: DE', /name of a header/],
    ['KINDRED_COUNTRY_HEADER', 'Länder', /name of a header/],
    ['KINDRED_ALLOWED_ORIGINS', '*', /KINDRED_ALLOWED_ORIGINS.*must be origins/],
    ['KINDRED_ALLOWED_ORIGINS', 'https://shop.example/', /must be origins/],
    ['KINDRED_ALLOWED_ORIGINS', 'https://shop.example,shop.example', /must be origins/],
    ['KINDRED_ALLOWED_ORIGINS', 'null', /must be origins/],
  ])('%s=%s is refused by its name', (variable, value, sentence) => {
    vi.stubEnv(variable, value)
    expect(() => read([])).toThrow(sentence)
  })

  it('that do not exist are refused by their names, be they flags or variables', () => {
    expect(() => read(['--prot', '1'])).toThrow(/--prot/)
    expect(() => refuseUnknown({ PATH: '/bin', KINDRED_PORT: '1', KINDRED_PROT: '1' })).toThrow(
      /KINDRED_PROT/,
    )
    refuseUnknown({ PATH: '/bin', KINDRED_PORT: '1', KINDRED_DEBUG: '1' })
  })

  const SECRET = 'a secret of thirty-two bytes or more'
  const jwt = ['--identity', 'jwt', '--jwt-issuer', 'i', '--jwt-audience', 'a']
  it.each<[string, (folder: string) => string[], RegExp]>([
    ['half of a certificate', () => ['--tls-cert', 'x'], /both --tls-cert and --tls-key/],
    ['tokens without an issuer', () => ['--identity', 'jwt'], /--jwt-issuer and --jwt-audience/],
    ['tokens without a key', () => jwt, /one of --jwt-secret-file and --jwt-keys/],
    ['tokens with two keys', () => [...jwt, '--jwt-secret-file', 'a', '--jwt-keys', 'b'], /one of/],
    ['rules for tokens that nobody asks for', () => ['--jwt-issuer', 'i'], /are for --identity jwt/],
    ['a secret that is not there', () => [...jwt, '--jwt-secret-file', '/nowhere'], /\/nowhere.*ENOENT/],
    ['keys over an open line', () => [...jwt, '--jwt-keys', 'http://example.org/keys'], /HTTPS/],
    [
      'a certificate of one’s own and --lan',
      () => ['--tls-cert', 'a', '--tls-key', 'b', '--lan'],
      /leave out --tls-cert/,
    ],
    [
      '--lan and an address to listen on',
      () => ['--lan', '--host', '192.168.1.5'],
      /say --lan 192\.168\.1\.5/,
    ],
    [
      '--lan at an address of another machine',
      () => ['--lan', '192.0.2.99'],
      /192\.0\.2\.99 is no address of this machine/,
    ],
    [
      'a header by which anybody could choose a country',
      () => ['--country-header', 'CF-IPCountry'],
      /needs --trusted-proxies/,
    ],
    ['a proxy without an address', () => ['--trusted-proxies', 'proxy'], /proxy/],
  ])('do not go with %s', (_, args, sentence) => {
    expect(() => configOf(read(args(folder)).given)).toThrow(sentence)
  })

  describe('--lan', () => {
    const here = () => ({
      en0: [
        {
          family: 'IPv4' as const,
          address: '192.168.1.23',
          netmask: '255.255.255.0',
          internal: false,
          mac: '',
          cidr: null,
        },
      ],
    })
    const lanOf = (...args: string[]) => configOf(read(args).given, undefined, here).lan

    it('is all networks, alone or as a variable, and the addresses that are named', () => {
      expect(lanOf('--lan')?.addresses()).toMatchObject([{ address: '192.168.1.23' }])
      expect(lanOf('--lan', '192.168.1.23', '--lan-port', '0')).toMatchObject({ port: 0, guidePort: 8787 })
      vi.stubEnv('KINDRED_LAN', 'all')
      expect(lanOf()?.addresses()).toHaveLength(1)
    })

    it('keeps its keys where the user’s settings are, apart from the data', () => {
      vi.stubEnv('XDG_CONFIG_HOME', '/home/anna/.config')
      if (process.platform === 'linux') expect(lanOf('--lan')?.folder).toBe('/home/anna/.config/kindred/lan')
      expect(lanOf('--lan', '--lan-keys', folder)?.folder).toBe(folder)
    })

    it('is refused at once where there is no network', () => {
      expect(() => configOf(read(['--lan']).given, undefined, () => ({}))).toThrow(/in no local network/)
    })
  })

  it('name files for what is secret, and the summary tells none of it', () => {
    const secret = file('secret', `${SECRET}\n`)
    const { given, command } = read([...jwt, '--jwt-secret-file', secret, '--admin-credential-file', secret])
    const { app } = configOf(given)
    expect(app.adminCredential).toBe(SECRET)
    expect(app.identity).toBeTypeOf('function')
    expect(summary(command)).toContain(`--jwt-secret-file "${secret}"`)
    expect(summary(command)).not.toContain(SECRET)
    expect(summary(read([]).command)).toBe('Every setting is the default.')
  })

  it('stand in docs/operations.md as they are', () => {
    const [, there] = /<!-- settings -->\n(.*?)\n<!-- \/settings -->/s.exec(readFileSync(OPERATIONS, 'utf8'))!
    expect(there!.trim()).toBe(table().trim())
  })
})
