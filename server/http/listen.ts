import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type Http2Bindings, type HttpBindings } from '@hono/node-server'
import { AppError } from '../../shared/failure.ts'

/** Longest that a request under way is waited for when the server closes. */
const PATIENCE_MS = 5000

export interface Listening {
  /** Where it can be reached; `port` 0 takes any free one. */
  readonly url: string
  /** Takes no more requests, lets those under way end, and is done when they are. */
  close(): Promise<void>
}

/** Throws `bad-input` where the address cannot be had. */
export function listen(
  app: { fetch: (request: Request, env: HttpBindings | Http2Bindings) => Response | Promise<Response> },
  { port, host }: { port: number; host: string },
): Promise<Listening> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  server.requestTimeout = 60_000
  server.headersTimeout = 20_000
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new AppError('bad-input', `Cannot listen on ${host}:${port} (${cause.code ?? cause.message}).`, {
          cause,
        }),
      ),
    )
    server.listen(port, host, () => {
      const { port: taken } = server.address() as AddressInfo
      const name = host.includes(':') ? `[${host}]` : host
      resolve({ url: `http://${name}:${taken}`, close: () => close(server) })
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const hurry = setTimeout(() => server.closeAllConnections(), PATIENCE_MS)
    server.close(() => {
      clearTimeout(hurry)
      resolve()
    })
    server.closeIdleConnections()
  })
}
