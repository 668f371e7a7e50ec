import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import type { LanAddress } from './addresses.ts'
import { type Lan, openLan, type Served } from './lan.ts'

const at = (address: string): LanAddress => ({ address, network: '127.0.0.0/8', link: 'lo' })
const FIRST = at('127.0.0.1')
/** Every address of this network is the machine's own on Linux; elsewhere only the first is. */
const SECOND = at('127.0.0.2')
const manyAddresses = process.platform === 'linux'

describe('an app in the local network', () => {
  let folder: string
  let now: number
  let addresses: LanAddress[]
  let said: Served[]
  let lan: Lan | undefined
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kindred-lan-'))
    now = Date.now()
    addresses = [FIRST]
    said = []
  })
  afterEach(async () => {
    await lan?.close()
    lan = undefined
    rmSync(folder, { recursive: true })
  })

  const app = new Hono().use(secureHeaders()).get('/healthz', (c) => c.text('well'))
  async function open(options: Partial<Parameters<typeof openLan>[0]> = {}): Promise<Served> {
    lan = await openLan({
      app,
      addresses: () => addresses,
      name: 'studio.local',
      folder,
      port: 0,
      guidePort: 0,
      clock: { now: () => now },
      onServed: (served) => said.push(served),
      onTrouble: (error) => expect.unreachable(`${error}`),
      ...options,
    })
    return said.at(-1)!
  }

  /** What a browser would do that trusts the authority of `served` and nothing else. */
  const ask = (served: Served, url: string, host = new URL(url).hostname) =>
    new Promise<{ body: string; headers: Record<string, unknown>; serial: string }>((resolve, reject) => {
      const { port, hostname } = new URL(url)
      const asked = request(
        {
          host: hostname,
          port,
          path: '/healthz',
          ca: served.authority.root.toString(),
          servername: host === hostname ? '' : host,
          headers: { host },
          agent: false,
        },
        async (response) => {
          const { serialNumber } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate()
          resolve({ body: await text(response), headers: response.headers, serial: serialNumber })
        },
      )
      asked.once('error', reject)
      asked.end()
    })

  it('answers by HTTPS to who trusts its authority, by address and by name', async () => {
    const served = await open()
    const [place] = served.places
    expect(place!.app).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect((await ask(served, place!.app)).body).toBe('well')
    expect((await ask(served, place!.app, 'studio.local')).body).toBe('well')
    await expect(fetch(`${place!.app}/healthz`)).rejects.toThrow()
  })

  it('does not have browsers insist on HTTPS for all that this machine serves', async () => {
    const served = await open()
    expect((await app.request('/healthz')).headers.has('strict-transport-security')).toBe(true)
    expect((await ask(served, served.places[0]!.app)).headers).not.toHaveProperty('strict-transport-security')
  })

  it('serves a guide and its two files unencrypted, and nothing of the app', async () => {
    const { places, authority } = await open()
    const { guide, app: secure } = places[0]!
    const page = await fetch(guide)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain(`href="${secure}"`)
    const certificate = await fetch(`${guide}/kindred-ca.crt`)
    expect(certificate.headers.get('content-type')).toBe('application/x-x509-ca-cert')
    expect(Buffer.from(await certificate.arrayBuffer())).toEqual(authority.root.raw)
    for (const path of [
      '/healthz',
      '/api/task',
      '/index.html',
      '/assets/x.js',
      '/issuer.key',
      '/../issuer.key',
    ])
      expect((await fetch(`${guide}${path}`)).status).toBe(404)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await fetch(guide, { method })).status).toBe(404)
  })

  it.skipIf(!manyAddresses)(
    'goes along when the machine’s addresses change, with the same authority',
    async () => {
      const before = await open()
      addresses = [SECOND]
      await lan!.look()
      const after = said.at(-1)!
      expect(said).toHaveLength(2)
      expect(after.authority.root.fingerprint256).toBe(before.authority.root.fingerprint256)
      expect(after.places.map(({ address }) => address)).toEqual([SECOND.address])
      expect((await ask(before, after.places[0]!.app)).body).toBe('well')
      await expect(ask(before, before.places[0]!.app)).rejects.toThrow(/ECONNREFUSED/)
      await expect(fetch(before.places[0]!.guide)).rejects.toThrow()
    },
  )

  it.skipIf(!manyAddresses)(
    'keeps its ports where an address comes to those that it has, and names both',
    async () => {
      const before = await open()
      addresses = [FIRST, SECOND]
      await lan!.look()
      const after = said.at(-1)!
      expect(after.places[0]).toEqual(before.places[0])
      for (const { app: secure } of after.places) expect((await ask(before, secure)).body).toBe('well')
    },
  )

  it('keeps its certificate, and replaces it in time before it ends', async () => {
    // So that today's clocks believe all of them.
    now -= 61 * DAY_MS
    const served = await open()
    const { app: secure } = served.places[0]!
    const first = (await ask(served, secure)).serial
    now += 30 * DAY_MS
    await lan!.look()
    expect((await ask(served, secure)).serial).toBe(first)
    now += 31 * DAY_MS
    await lan!.look()
    expect((await ask(served, secure)).serial).not.toBe(first)
    expect(said).toHaveLength(1)
  })

  it('goes on with what it has while there is no network', async () => {
    let found: () => LanAddress[] = () => addresses
    const served = await open({ addresses: () => found() })
    found = () => {
      throw new AppError('bad-input', 'no network')
    }
    await expect(lan!.look()).rejects.toThrow('no network')
    expect((await ask(served, served.places[0]!.app)).body).toBe('well')
    found = () => addresses
    await lan!.look()
    expect(said).toHaveLength(1)
  })

  it.each([
    ['port', '--lan-port'],
    ['guidePort', '--port'],
  ] as const)(
    'says which setting chooses another %s where it is taken, and leaves nothing open',
    async (which, flag) => {
      const other = createServer()
      const taken = await new Promise<number>((resolve) => {
        other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
      })
      try {
        await expect(open({ [which]: taken })).rejects.toThrow(
          `Cannot listen on 127.0.0.1:${taken}: another program listens there (EADDRINUSE). Choose another with ${flag}.`,
        )
      } finally {
        await new Promise((resolve) => other.close(resolve))
      }
    },
  )

  it('serves nothing where its keys cannot be kept', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(open({ folder: join(folder, 'file', 'below') })).rejects.toThrow(
      /No authority can be kept in/,
    )
    expect(said).toEqual([])
  })
})
