import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type Server } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS } from '../../shared/clock.ts'
import type { LanAddress } from './addresses.ts'
import { type Authority, authorityFor, certificateFor, localName } from './authority.ts'
import { makeCertificate } from './certificate.ts'

const NAME = 'studio.local'
const at = (address: string, network: string): LanAddress => ({ address, network, link: 'en0' })
const HOME = at('192.168.1.23', '192.168.1.0/24')
const WORK = at('10.1.2.3', '10.1.0.0/16')
const LOOP = at('127.0.0.1', '127.0.0.0/8')
const openssl = spawnSync('openssl', ['version']).status === 0

describe('the authority of a machine in its local networks', () => {
  let folder: string
  let clock: { now: () => number }
  let now: number
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kindred-authority-'))
    now = Date.now()
    clock = { now: () => now }
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const authority = (...addresses: LanAddress[]) => authorityFor(folder, NAME, addresses, clock)

  describe('as others verify what it signs', () => {
    let server: Server | undefined
    afterEach(() => server?.close())

    /** What a client that trusts `root` alone says of a server that it takes to be `host`: nothing if all is well. */
    async function verdict(
      { root }: Pick<Authority, 'root'>,
      shown: { cert: string; key: string },
      host: string,
    ) {
      server?.close()
      server = createServer(shown)
      const port = await new Promise<number>((resolve) => {
        server!.listen(0, '127.0.0.1', () => resolve((server!.address() as { port: number }).port))
      })
      return new Promise<string>((resolve) => {
        // What is no address is asked for by name, as browsers do.
        const servername = /^[\d.]+$/.test(host) ? '' : host
        const socket = connect({
          port,
          host: '127.0.0.1',
          ca: root.toString(),
          servername,
          checkServerIdentity: () => undefined,
        })
        socket.once('secureConnect', () => {
          const named = new X509Certificate(socket.getPeerCertificate().raw)
          const fits = /^[\d.]+$/.test(host) ? named.checkIP(host) : named.checkHost(host)
          socket.destroy()
          resolve(fits === undefined ? 'another name' : '')
        })
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(`${error.code} ${error.message}`))
      })
    }

    it('a server is believed by its address and by its name, and by no other', async () => {
      const home = authority(HOME, LOOP)
      const shown = certificateFor(home, NAME, [HOME, LOOP], clock)
      for (const host of ['127.0.0.1', HOME.address, NAME]) expect(await verdict(home, shown, host)).toBe('')
      for (const host of ['192.168.1.24', 'other.local', 'example.org'])
        expect(await verdict(home, shown, host)).toBe('another name')
    })

    it('a server is not believed by who trusts another authority', async () => {
      const home = authority(HOME)
      const shown = certificateFor(home, NAME, [HOME], clock)
      expect(await verdict(authority(WORK), shown, NAME)).not.toBe('')
    })

    it.each([
      ['a site', ['example.org']],
      ['another machine', ['other.local']],
      ['an address of another network', ['192.168.2.23']],
      ['an IPv6 address', ['fd00::1']],
      ['a site beside its own name', [NAME, 'example.org']],
      ['localhost', ['localhost']],
    ])('who has stolen its key passes not for %s', async (_, names) => {
      const home = authority(HOME)
      const stolen = certificateFor(home, NAME, [], clock)
      const forged = makeCertificate({
        name: names.at(-1)!,
        use: { server: names },
        from: now,
        until: now + DAY_MS,
        key: createPrivateKey(stolen.key),
        by: home.issuer,
      })
      const shown = { cert: `${forged}${home.issuer.certificate}`, key: stolen.key }
      expect(await verdict(home, shown, names.at(-1)!)).toMatch(/permitted subtree violation/)
    })

    it('who has stolen its key makes no authority of it', async () => {
      const home = authority(HOME)
      const { key } = certificateFor(home, NAME, [HOME], clock)
      const forger = createPrivateKey(key)
      const times = { from: now, until: now + DAY_MS, key: forger }
      const below = makeCertificate({
        name: 'below',
        use: { authority: [NAME, HOME.network], below: 0 },
        ...times,
        by: home.issuer,
      })
      const leaf = makeCertificate({
        name: NAME,
        use: { server: [NAME] },
        ...times,
        by: { certificate: below, key: forger },
      })
      const cert = `${leaf}${below}${home.issuer.certificate}`
      expect(await verdict(home, { cert, key }, NAME)).toMatch(/path length constraint exceeded/)
    })

    it.skipIf(!openssl)('openssl says the same, and finds what iOS asks for', () => {
      const home = authority(HOME)
      const shown = certificateFor(home, NAME, [HOME], clock)
      const file = (name: string, text: string) => {
        writeFileSync(join(folder, name), text)
        return join(folder, name)
      }
      const leaf = file('leaf.pem', shown.cert)
      const text = execFileSync('openssl', ['x509', '-in', leaf, '-noout', '-text'], { encoding: 'utf8' })
      expect(text).toMatch(/Extended Key Usage:\s+TLS Web Server Authentication\n/)
      expect(text).toMatch(/Subject Alternative Name:\s+DNS:studio\.local, IP Address:192\.168\.1\.23\n/)
      expect(text).toMatch(/Version: 3/)
      const root = file('root.crt', home.root.toString())
      const issuer = file('issuer.crt', home.issuer.certificate.toString())
      for (const one of [root, issuer])
        expect(
          execFileSync('openssl', ['x509', '-in', one, '-noout', '-text'], { encoding: 'utf8' }),
        ).toMatch(
          /Name Constraints: critical\s+Permitted:\s+DNS:studio\.local\s+IP:192\.168\.1\.0\/255\.255\.255\.0\n/,
        )
      const verify = [
        'verify',
        '-purpose',
        'sslserver',
        '-x509_strict',
        '-CAfile',
        root,
        '-untrusted',
        issuer,
      ]
      expect(execFileSync('openssl', [...verify, leaf], { encoding: 'utf8' })).toContain('leaf.pem: OK')
    })
  })

  it('lets a server live for less than the 397 days that browsers take, and no longer than itself', () => {
    const home = authority(HOME)
    const days = (pem: string) => {
      const { validFrom, validTo } = new X509Certificate(pem)
      return (Date.parse(validTo) - Date.parse(validFrom)) / DAY_MS
    }
    const shown = certificateFor(home, NAME, [HOME], clock)
    expect(days(shown.cert)).toBeLessThan(397)
    expect(shown.due).toBeLessThan(Date.parse(new X509Certificate(shown.cert).validTo))
    now += 3640 * DAY_MS
    const last = certificateFor(home, NAME, [HOME], clock)
    expect(new X509Certificate(last.cert).validTo).toBe(home.root.validTo)
  })

  it('has the key of its issuer on disk, for its owner alone, and that of its root nowhere', () => {
    const { folder: place, root, issuer } = authority(HOME)
    const keys = readdirSync(place).filter((name) =>
      readFileSync(join(place, name), 'utf8').includes('PRIVATE'),
    )
    expect(keys).toEqual(['issuer.key'])
    expect(root.checkPrivateKey(issuer.key)).toBe(false)
    if (process.platform === 'win32') return
    expect(statSync(join(place, 'issuer.key')).mode & 0o777).toBe(0o600)
    expect(statSync(place).mode & 0o077).toBe(0)
  })

  it('is the same at another start, with another address of its networks, and without one of them', () => {
    const both = authority(HOME, WORK).root.fingerprint256
    expect(authority(WORK, HOME).root.fingerprint256).toBe(both)
    expect(authority(at('192.168.1.77', HOME.network)).root.fingerprint256).toBe(both)
    expect(authority(WORK).root.fingerprint256).toBe(both)
  })

  it('is another one in another network, and that of before on coming home', () => {
    const home = authority(HOME)
    const work = authority(WORK)
    expect(work.root.fingerprint256).not.toBe(home.root.fingerprint256)
    expect(work.permitted).toEqual([NAME, WORK.network])
    expect(authority(HOME).root.fingerprint256).toBe(home.root.fingerprint256)
    expect(authority(HOME, WORK).permitted).toEqual([NAME, WORK.network, HOME.network])
  })

  it('is another one for another name', () => {
    const home = authority(HOME)
    const renamed = authorityFor(folder, 'attic.local', [HOME], clock)
    expect(renamed.root.fingerprint256).not.toBe(home.root.fingerprint256)
  })

  it('is made anew when it comes to its end, and the old key goes', () => {
    const old = authority(HOME)
    now += 3600 * DAY_MS
    expect(authority(HOME).root.fingerprint256).toBe(old.root.fingerprint256)
    now += 30 * DAY_MS
    const renewed = authority(HOME)
    expect(renewed.root.fingerprint256).not.toBe(old.root.fingerprint256)
    expect(readdirSync(folder)).toHaveLength(1)
    expect(Date.parse(renewed.root.validTo)).toBeGreaterThan(now + 3600 * DAY_MS)
  })

  it.skipIf(process.platform === 'win32')('is refused with a key that others can read', () => {
    const path = join(authority(HOME).folder, 'issuer.key')
    chmodSync(path, 0o640)
    expect(() => authority(HOME)).toThrow(/issuer\.key can be read by others: chmod 600 it, or delete/)
  })

  it.each([
    ['is not there', (key: string) => rmSync(key), /ENOENT.*issuer\.key/],
    ['is none', (key: string) => writeFileSync(key, 'nonsense'), /see to .*issuer\.key, or delete/],
    [
      'is another one’s',
      (key: string) => {
        const other = authorityFor(join(folder, 'other'), NAME, [HOME], { now: () => Date.now() })
        writeFileSync(key, readFileSync(join(other.folder, 'issuer.key')))
      },
      /do not belong together/,
    ],
  ])('is refused when its key %s, with a sentence that names it', (_, spoil, sentence) => {
    spoil(join(authority(HOME).folder, 'issuer.key'))
    expect(() => authority(HOME)).toThrow(sentence)
  })

  it('leaves nothing half made behind', () => {
    authority(HOME)
    expect(readdirSync(folder).filter((name) => name.startsWith('new-'))).toEqual([])
    expect(existsSync(join(folder, 'new-'))).toBe(false)
  })
})

describe('what a machine is called in its network', () => {
  it.each([
    ['studio', 'studio.local'],
    ['Studio.fritz.box', 'studio.local'],
    ['Anna’s Mac', 'kindred.local'],
    ['', 'kindred.local'],
    ['-odd-', 'kindred.local'],
  ])('%s is %s', (hostname, name) => expect(localName(hostname)).toBe(name))
})
