import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { registrationSchema } from '../../shared/api.ts'
import { browsing, HOUR, NOON, type ToyCloud, toyCloud } from '../cloud/toy.ts'
import { makeCertificate } from '../http/certificate.ts'
import { configOf } from './config.ts'
import { createReport } from './report.ts'
import { serve } from './serve.ts'
import { type Given, withSettings } from './settings.ts'

/** Signals as a person or a system sends them. */
const tell = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => process.emit(signal)

describe('a server that is started from the command line', () => {
  let toy: ToyCloud
  let folder: string
  let running: Promise<void> | undefined
  beforeEach(async () => {
    toy = await toyCloud()
    folder = mkdtempSync(join(tmpdir(), 'kindred-serve-'))
  })
  afterEach(async () => {
    if (running) tell('SIGTERM')
    await running
    running = undefined
    await toy.done()
    rmSync(folder, { recursive: true })
  })

  /** Starts it on a free port, and gives what it says until it is ready. */
  function start(...args: string[]): Promise<{ url: string; said: string[] }> {
    const command = withSettings(new Command()).parse(['--port', '0', '--log-level', 'silent', ...args], {
      from: 'user',
    })
    const said: string[] = []
    return new Promise((resolve, reject) => {
      const write = (text: string) => {
        said.push(text.trim())
        const [, url] = /^ready (.*)\n$/.exec(text) ?? []
        if (url !== undefined) resolve({ url, said })
      }
      const report = createReport({ json: false, tty: false, stdout: { write }, stderr: { write } })
      running = serve(toy.cloud, report, configOf(command.opts<Given>()), async () => folder)
      running.catch(reject)
    })
  }

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends what is under way when it gets %s, and then itself',
    async (signal) => {
      const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
      const before = SIGNALS.map((one) => process.listenerCount(one))
      const { url } = await start()
      const response = await fetch(`${url}/api/devices`, { method: 'POST' })
      const { credential } = registrationSchema.parse(await response.json())
      const events = browsing('last', 1, { from: NOON - 3 * HOUR, count: 200 })
      const upload = fetch(`${url}/api/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${credential}` },
        body: JSON.stringify({ events }),
      })
      // It has arrived when its bytes are counted.
      await fetch(`${url}/healthz`)
      tell(signal)
      await running
      running = undefined
      const answer = await upload.then(
        ({ status }) => status,
        () => 'not taken',
      )
      expect([202, 'not taken']).toContain(answer)
      expect((await toy.cloud.status()).events).toBe(answer === 202 ? events.length : 0)
      await expect(fetch(`${url}/healthz`)).rejects.toThrow()
      expect(SIGNALS.map((one) => process.listenerCount(one))).toEqual(before)
    },
  )

  it('gives its metrics on a port of their own', async () => {
    const { url, said } = await start('--metrics-port', '0')
    const [metrics] = said.flatMap((line) => /^metrics (.*)$/.exec(line)?.[1] ?? [])
    expect(new URL(metrics!).port).not.toBe(new URL(url).port)
    expect(await (await fetch(metrics!)).text()).toContain('kindred_http_requests_total')
    expect((await fetch(`${url}/metrics`)).status).toBe(404)
  })

  it('serves the local network, too: there by HTTPS alone, with a guide to trusting it', async () => {
    const { url, said } = await start(
      '--lan',
      '127.0.0.1',
      '--lan-port',
      '0',
      '--lan-keys',
      join(folder, 'lan'),
    )
    const [guide] = said.flatMap(
      (line) => /^On a phone in the same network, scan this or open (\S+)/.exec(line)?.[1] ?? [],
    )
    expect(new URL(guide!).port).not.toBe(new URL(url).port)
    expect((await fetch(`${guide}/healthz`)).status).toBe(404)
    const [, app] = /href="(https:[^"]+)"/.exec(await (await fetch(guide!)).text())!
    const ca = new X509Certificate(
      Buffer.from(await (await fetch(`${guide}/kindred-ca.crt`)).arrayBuffer()),
    ).toString()
    const status = await new Promise((resolve, reject) =>
      get(`${app}/healthz`, { ca }, (response) => resolve(response.resume().statusCode)).once(
        'error',
        reject,
      ),
    )
    expect(status).toBe(200)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('ends, and listens nowhere, where a part of it cannot be had', async () => {
    const { key } = makeCertificate(folder, 1)
    await expect(start('--lan', '127.0.0.1', '--lan-port', '0', '--lan-keys', key)).rejects.toThrow(
      /No authority can be kept/,
    )
    await expect(running).rejects.toThrow()
    running = undefined
  })

  it('speaks HTTPS with a certificate, and lives on when a renewed one cannot be read', async () => {
    const { cert, key } = makeCertificate(folder, 1)
    const { url } = await start('--tls-cert', cert, '--tls-key', key)
    expect(url).toMatch(/^https:/)
    rmSync(cert)
    tell('SIGHUP')
    expect(running).toBeDefined()
  })
})
