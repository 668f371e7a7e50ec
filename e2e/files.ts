/** A host that serves a folder and knows nothing else: what is sent besides, the folder's `_headers` say. */
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

export interface Files {
  /** Without a slash at its end. */
  readonly url: string
  close(): Promise<void>
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
}

export async function serveFiles(folder: string): Promise<Files> {
  const rules = rulesIn(readFileSync(join(folder, '_headers'), 'utf8'))
  const server = createServer((asked, answer) => {
    const path = normalize(new URL(asked.url!, 'http://here').pathname)
    const found = join(folder, path === '/' ? 'index.html' : path)
    if (asked.method !== 'GET' || !existsSync(found) || path.startsWith('/_'))
      return answer.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>')
    answer.setHeader('content-type', TYPES[extname(found)] ?? 'application/octet-stream')
    for (const [pattern, name, value] of rules)
      if (pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))))
        answer.appendHeader(name, value)
    answer.end(readFileSync(found))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}

/** Lines without a blank before them are paths; those with one say what is sent with them. */
function rulesIn(text: string): [pattern: string, name: string, value: string][] {
  let pattern = ''
  return text.split('\n').flatMap((line) => {
    if (/^\S/.test(line)) pattern = line
    const [, name, value] = /^\s+([\w-]+): (.*)$/.exec(line) ?? []
    return name === undefined ? [] : [[pattern, name, value!] as [string, string, string]]
  })
}
