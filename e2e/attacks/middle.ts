/** Whoever stands between device and server: hears all that is answered, and may answer in its place. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: Buffer
}

export interface Middle {
  readonly url: string
  /** What comes instead of an answer; undefined leaves it as it is. Asked for each path, `ask` gets the server's own. */
  instead: (path: string, ask: () => Promise<Answer>) => Promise<Answer | undefined> | undefined
  /** How often each path was answered. */
  readonly answered: Map<string, number>
  close(): Promise<void>
}

/** What is of one connection and not of the next. */
const OWN = /^(content-length|transfer-encoding|connection|keep-alive|host|accept-encoding)$/

const kept = (headers: Iterable<[string, string]>) =>
  Object.fromEntries([...headers].filter(([name]) => !OWN.test(name)))

export async function standBetween(origin: string): Promise<Middle> {
  const answered = new Map<string, number>()
  const server = createServer(async (asked, answer) => {
    const path = new URL(asked.url!, origin).pathname
    const pieces: Buffer[] = []
    for await (const piece of asked) pieces.push(piece as Buffer)
    const ask = async (): Promise<Answer> => {
      const found = await fetch(origin + asked.url, {
        method: asked.method!,
        headers: kept(Object.entries(asked.headers as Record<string, string>)),
        ...(pieces.length > 0 && { body: Buffer.concat(pieces) }),
        redirect: 'manual',
      })
      const body = Buffer.from(await found.arrayBuffer())
      // The body is here in clear, however it came.
      const { 'content-encoding': _, ...headers } = kept(found.headers)
      return { status: found.status, headers, body }
    }
    try {
      const { status, headers, body } = (await middle.instead(path, ask)) ?? (await ask())
      answer.writeHead(status, headers).end([204, 304].includes(status) ? undefined : body)
      answered.set(path, (answered.get(path) ?? 0) + 1)
    } catch {
      answer.destroy()
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const middle: Middle = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    instead: () => undefined,
    answered,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
  return middle
}
