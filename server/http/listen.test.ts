import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectH2 } from 'node:http2'
import { request } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { problemSchema } from '../../shared/api.ts'
import { makeCertificate } from './certificate.ts'
import { type Listening, listen } from './listen.ts'

const HOST = '127.0.0.1'
const portOf = ({ url }: Listening) => Number(new URL(url).port)

describe('a server that listens', () => {
  let app: Hono
  let server: Listening | undefined
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kindred-tls-'))
    app = new Hono().get('/hello', (c) => c.text('hello'))
  })
  afterEach(async () => {
    await server?.close()
    server = undefined
    rmSync(folder, { recursive: true })
  })

  /** Sends bytes as they are, and gives all that comes back. */
  function raw(bytes: string): Promise<string> {
    const socket = connect(portOf(server!), HOST)
    socket.write(bytes)
    return text(socket)
  }

  it.each([
    ['what is no HTTP', 'nonsense\r\n\r\n', 400],
    ['a head that is too large', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['an address that is none', 'GET /a\\b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', 400],
  ])('answers %s with a problem, too', async (_, sent, status) => {
    server = await listen(app, { port: 0, host: HOST })
    const answer = await raw(sent)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json')
    const [document] = /\{.*\}/.exec(answer)!
    expect(problemSchema.parse(JSON.parse(document)).status).toBe(status)
  })

  it('lets what is under way end before it closes, and takes nothing new', async () => {
    let finish = () => {}
    const arrived = new Promise<void>((arrive) => {
      app.get('/slow', async (c) => {
        await new Promise<void>((resolve) => {
          finish = resolve
          arrive()
        })
        return c.text('done')
      })
    })
    server = await listen(app, { port: 0, host: HOST })
    const slow = fetch(`${server.url}/slow`)
    await arrived
    const closed = server.close()
    await expect(fetch(`${server.url}/hello`)).rejects.toThrow()
    finish()
    expect(await (await slow).text()).toBe('done')
    await closed
    server = undefined
  })

  describe('with a certificate', () => {
    /** The serial number of the certificate that is shown to a new connection, and what is answered on it. */
    const serial = (ca: string) =>
      new Promise<{ serial: string; body: string }>((resolve, reject) => {
        const asked = request(
          { host: HOST, port: portOf(server!), path: '/hello', ca, servername: 'localhost', agent: false },
          async (response) => {
            const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate()
            resolve({ serial: serialNumber, body: await text(response) })
          },
        )
        asked.once('error', reject)
        asked.end()
      })
    const pem = (path: string) => readFileSync(path, 'utf8')

    it('speaks HTTPS by HTTP/1.1 and HTTP/2, and closes both', async () => {
      const tls = makeCertificate(folder, 1)
      server = await listen(app, { port: 0, host: HOST, tls })
      expect(server.url).toMatch(/^https:/)
      const ca = pem(tls.cert)
      expect(await serial(ca)).toEqual({ serial: '01', body: 'hello' })
      const session = connectH2(server.url, { ca, servername: 'localhost' })
      const stream = session.request({ ':path': '/hello' })
      expect(await text(stream)).toBe('hello')
      const ended = new Promise((resolve) => session.once('close', resolve))
      await server.close()
      await ended
      server = undefined
    })

    it('takes up a renewed one when it is told to, and keeps what it has where that cannot be used', async () => {
      const tls = makeCertificate(folder, 1)
      server = await listen(app, { port: 0, host: HOST, tls })
      makeCertificate(folder, 2)
      const ca = pem(tls.cert)
      server.reload()
      expect((await serial(ca)).serial).toBe('02')
      writeFileSync(tls.cert, 'no certificate')
      expect(() => server!.reload()).toThrow(/cannot be used/)
      expect((await serial(ca)).serial).toBe('02')
    })

    it('says which file it cannot read', async () => {
      const tls = { cert: join(folder, 'none.pem'), key: join(folder, 'none.key') }
      expect(() => listen(app, { port: 0, host: HOST, tls })).toThrow(/none\.pem/)
    })
  })
})
