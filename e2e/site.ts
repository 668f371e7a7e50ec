/** The app at an address of its own, where a test can publish a newer version of it, or take the network away. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Site {
  readonly url: string
  /** Publishes a newer version: the same app, whose page says which release it is in `<meta name="release">`. */
  release(): void
  /** From now on no request is answered, as where there is no network. */
  cut(): void
  /** Requests are answered again. */
  mend(): void
  close(): Promise<void>
}

/** Passes everything on to the server at `origin`, but for what makes a release. */
export async function openSite(origin: string): Promise<Site> {
  let release = 1
  let cut = false

  /** What differs from what the server has: the page, and its revision in the list of what the service worker keeps. */
  const edits: Record<string, (text: string) => string> = {
    '/': (page) => page.replace('<head>', `<head><meta name="release" content="${release}" />`),
    '/sw.js': (script) => {
      const listed = /("revision":")[^"]+(","url":"index\.html")/
      if (!listed.test(script)) throw new Error('The service worker keeps no index.html.')
      return script.replace(listed, `$1release-${release}$2`)
    },
  }
  edits['/index.html'] = edits['/']!

  async function edited(path: string, edit: (text: string) => string, answer: ServerResponse): Promise<void> {
    const found = await fetch(`${origin}${path}`, { headers: { accept: 'text/html,*/*' } })
    const headers = Object.fromEntries(found.headers)
    for (const name of ['etag', 'content-length', 'content-encoding', 'transfer-encoding'])
      delete headers[name]
    answer.writeHead(found.status, headers).end(edit(await found.text()))
  }

  function pass(asked: IncomingMessage, answer: ServerResponse): void {
    const passed = request(
      `${origin}${asked.url}`,
      { method: asked.method, headers: { ...asked.headers, host: new URL(origin).host } },
      (found) => {
        answer.writeHead(found.statusCode!, found.headers)
        found.pipe(answer)
      },
    )
    passed.on('error', () => answer.destroy())
    asked.pipe(passed)
  }

  const server = createServer((asked, answer) => {
    if (cut) return asked.destroy()
    const path = new URL(asked.url!, origin).pathname
    const edit = edits[path]
    if (!edit) return pass(asked, answer)
    edited(path, edit, answer).catch(() => answer.destroy())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    release() {
      release++
    },
    cut() {
      cut = true
      server.closeAllConnections()
    },
    mend() {
      cut = false
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}
