import { readFileSync } from 'node:fs'
import { createServer, type Server, STATUS_CODES } from 'node:http'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { getRequestListener, type Http2Bindings, type HttpBindings, RequestError } from '@hono/node-server'
import type { Problem } from '../../shared/api.ts'
import { AppError } from '../../shared/failure.ts'

/** Longest that a request under way is waited for when the server closes. */
const PATIENCE_MS = 5000
/**
 * Connections that may wait to be taken, as far as the system lets them: after an outage all devices connect in the same
 * moment, and who finds no place tries again only after a second, then two, then four.
 */
const BACKLOG = 8192

/** Files in PEM. */
export interface Tls {
  readonly cert: string
  readonly key: string
}

/** What `Tls` names, in PEM. */
export interface Credentials {
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

export interface Where {
  /** 0 takes any free one. */
  readonly port: number
  readonly host: string
  /** With it: HTTPS, by HTTP/2 for who can. */
  readonly tls?: Tls | (() => Credentials) | undefined
  /** The setting that chooses another port, for who finds this one taken. */
  readonly setting?: string
}

export interface Listening {
  /** Where it can be reached. */
  readonly url: string
  /** Reads what `tls` gives again; those connected already stay. Throws `bad-input`, and goes on with what it had. */
  reload(): void
  /** Takes no more requests, lets those under way end, and is done when they are. */
  close(): Promise<void>
}

type Fetch = (request: Request, env: HttpBindings | Http2Bindings) => Response | Promise<Response>

/** Throws `bad-input` where the address cannot be had, or the files of `tls` cannot be used. */
export function listen({ fetch }: { fetch: Fetch }, { port, host, tls, setting }: Where): Promise<Listening> {
  const listener = getRequestListener(fetch, { errorHandler: answerOddity })
  const server = tls
    ? createSecureServer({ ...read(tls), allowHTTP1: true }, listener)
    : createServer(listener)
  Object.assign(server, { requestTimeout: 60_000, headersTimeout: 20_000 })
  server.on('clientError', refuse)
  const close = closing(server)
  const name = host.includes(':') ? `[${host}]` : host
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const { code = cause.message } = cause
      const hint = setting && code in REFUSED_PORT ? ` Choose another with ${setting}.` : ''
      const sentence = `Cannot listen on ${name}:${port}${REFUSED_PORT[code] ?? ''} (${code}).${hint}`
      reject(new AppError('bad-input', sentence, { cause }))
    })
    server.listen(port, host, BACKLOG, () => {
      const { port: taken } = server.address() as AddressInfo
      resolve({
        url: `${tls ? 'https' : 'http'}://${name}:${taken}`,
        reload() {
          if (tls) (server as Http2SecureServer).setSecureContext(read(tls))
        },
        close,
      })
    })
  })
}

/** What is wrong with a port, by the system's code. */
const REFUSED_PORT: Record<string, string> = {
  EADDRINUSE: ': another program listens there',
  EACCES: ': the system keeps this port to itself',
}

function read(tls: Tls | (() => Credentials)): Credentials {
  if (typeof tls === 'function') return tls()
  const { cert, key } = tls
  try {
    const files = { cert: readFileSync(cert), key: readFileSync(key) }
    createSecureContext(files)
    return files
  } catch (cause) {
    throw new AppError('bad-input', `The files for TLS cannot be used: ${(cause as Error).message}.`, {
      cause,
    })
  }
}

/** Gives the way to close `server`, which has to know its connections for that. */
function closing(server: Server | Http2SecureServer): () => Promise<void> {
  const sockets = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  return () =>
    new Promise((resolve) => {
      const hurry = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, PATIENCE_MS)
      // A connection whose last answer has gone out may be kept alive.
      const idle = setInterval(() => 'closeIdleConnections' in server && server.closeIdleConnections(), 50)
      server.close(() => {
        clearTimeout(hurry)
        clearInterval(idle)
        resolve()
      })
      for (const session of sessions) session.close()
    })
}

const documentOf = (status: number): string =>
  JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status } satisfies Problem)

/** A request that no route ever sees: its address is malformed. */
function answerOddity(error: unknown): Response {
  const status = error instanceof RequestError ? 400 : 500
  return new Response(documentOf(status), {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  })
}

const STATUS: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }

/** What is not even HTTP, or comes too slowly. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const status = STATUS[error.code ?? ''] ?? 400
  const body = documentOf(status)
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
}
