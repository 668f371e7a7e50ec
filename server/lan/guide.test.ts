import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseHTML } from 'linkedom'
import { encode } from 'uqr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../shared/clock.ts'
import { type Authority, authorityFor } from './authority.ts'
import { createGuide } from './guide.ts'
import { invitation } from './invitation.ts'

const APP = 'https://192.168.1.23:8788'

describe('the guide to trusting a machine', () => {
  let folder: string
  let authority: Authority
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kindred-guide-'))
    const home = { address: '192.168.1.23', network: '192.168.1.0/24', link: 'en0' }
    authority = authorityFor(folder, 'studio.local', [home], systemClock)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const guide = () => createGuide({ authority: () => authority, name: 'studio.local', app: APP })
  async function page(headers: Record<string, string> = {}) {
    const response = await guide().request('/', { headers })
    const source = await response.text()
    const policy = response.headers.get('content-security-policy') ?? ''
    return { document: parseHTML(source).document, policy, response }
  }
  const AGENTS = {
    ios: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1',
    android: 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36',
    desktop: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36',
  }

  it.each(Object.entries(AGENTS))('opens the steps for %s, and has the others', async (platform, agent) => {
    const { document } = await page({ 'user-agent': agent })
    const open = [...document.querySelectorAll('details')].filter((one) => one.hasAttribute('open'))
    expect(open.map(({ id }) => id)).toEqual([platform])
    expect(document.querySelectorAll('details')).toHaveLength(3)
    expect(document.querySelector('details')!.id).toBe(platform)
  })

  it('says what is trusted, by the fingerprint that devices show and the names it may vouch for', async () => {
    const { document } = await page()
    const said = [...document.querySelectorAll('.fingerprint code')].map((row) => row.textContent!)
    const sha256 = createHash('sha256').update(authority.root.raw).digest('hex').toUpperCase()
    expect(said).toHaveLength(4)
    expect(said.join('').replace(/:/g, '')).toBe(sha256)
    expect(document.querySelector('main')!.textContent).toMatch(/studio\.local, 192\.168\.1\.0\/24/)
  })

  it('may run its own script and style, ask the app’s origin, and nothing else', async () => {
    const { document, policy } = await page()
    const hash = (text: string) => createHash('sha256').update(text).digest('base64')
    const directives = Object.fromEntries(
      policy.split('; ').map((one) => [one.split(' ')[0], one.split(' ').slice(1).join(' ')]),
    )
    expect(directives).toMatchObject({
      'default-src': "'none'",
      'connect-src': APP,
      'frame-ancestors': "'none'",
    })
    expect(directives['script-src']).toBe(`'sha256-${hash(document.querySelector('script')!.textContent!)}'`)
    expect(directives['style-src']).toBe(`'sha256-${hash(document.querySelector('style')!.textContent!)}'`)
    expect(document.querySelectorAll('[style], [onclick], link, img, script[src]')).toHaveLength(0)
  })

  it('may ask an app at an IPv6 address, which a policy cannot name', async () => {
    const at6 = createGuide({
      authority: () => authority,
      name: 'studio.local',
      app: 'https://[fd00::2]:8788',
    })
    const response = await at6.request('/', { headers: { host: '[fd00::2]:8787' } })
    expect(response.headers.get('content-security-policy')).toContain('; connect-src https:;')
    expect(await response.text()).toContain('data-app="https://[fd00::2]:8788"')
  })

  it('goes on by the machine’s name if it was reached by it, and by no other name that is said', async () => {
    const app = async (host: string) => (await page({ host })).document.getElementById('state')!.dataset.app
    expect(await app('192.168.1.23:8787')).toBe(APP)
    expect(await app('Studio.local:8787')).toBe('https://studio.local:8788')
    expect(await app('evil.example:8787')).toBe(APP)
    expect(await app('"><script>')).toBe(APP)
  })

  it('gives iOS the same certificate as a profile', async () => {
    const response = await guide().request('/kindred-ca.mobileconfig')
    expect(response.headers.get('content-type')).toBe('application/x-apple-aspen-config')
    const { document } = parseHTML(await response.text())
    const value = (key: string) =>
      [...document.querySelectorAll('key')].find((one) => one.textContent === key)?.nextElementSibling
        ?.textContent
    expect(value('PayloadUUID')).toMatch(
      /^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/,
    )
    const data = document.querySelector('data')!.textContent!
    const { fingerprint256 } = new X509Certificate(Buffer.from(data, 'base64'))
    expect(fingerprint256).toBe(authority.root.fingerprint256)
    expect(value('PayloadDescription')).toContain('192.168.1.0/24')
    expect([...document.querySelectorAll('string')].map((one) => one.textContent)).toContain(
      'com.apple.security.root',
    )
  })

  it('gives no key away', async () => {
    for (const path of ['/', '/kindred-ca.crt', '/kindred-ca.mobileconfig'])
      expect(await (await guide().request(path)).text()).not.toContain('PRIVATE')
  })

  describe('the invitation in the terminal', () => {
    const URL_ = 'http://192.168.1.23:8787'
    const text = (colours: boolean) => invitation({ guides: [URL_], authority, colours })

    it('draws a code that is the guide’s URL, light modules as blocks', () => {
      const rows = text(false)
        .split('\n')
        .filter((line) => /^[█▀▄ ]{20,}$/.test(line))
      const light = rows.flatMap((row) => [
        [...row].map((one) => one === '█' || one === '▀'),
        [...row].map((one) => one === '█' || one === '▄'),
      ])
      const { data } = encode(URL_, { border: 2, ecc: 'M' })
      expect(light.slice(0, data.length)).toEqual(data.map((row) => row.map((dark) => !dark)))
    })

    it('says the fingerprint that devices show', () => {
      const said = text(false).match(/^ {2}([0-9A-F]{2}:){7}[0-9A-F]{2}$/gm)!
      const sha256 = createHash('sha256').update(authority.root.raw).digest('hex').toUpperCase()
      expect(said.join('').replace(/[: ]/g, '')).toBe(sha256)
    })

    it('is coloured only where colours are known', () => {
      expect(text(false)).not.toContain('\u001b')
      expect(text(true)).toContain('\u001b[97;40m█')
    })
  })
})
