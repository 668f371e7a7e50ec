/** The built web app: what is named by its content for ever, the rest as long as it is asked for again each time. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { etag } from 'hono/etag'
import { pageHeaders } from './headers.ts'
import { problem } from './problem.ts'

const FOR_EVER = 'public, max-age=31536000, immutable'

/** Files of the folder `dist`; a navigation to anything else gets the page, which is one page for all addresses. */
export function createSite(dist: string) {
  const page = join(dist, 'index.html')
  const site = new Hono().use(pageHeaders(), etag({ weak: true }))
  site.use(async (c, next) => {
    await next()
    if (c.res.status >= 400) return
    c.header('cache-control', c.req.path.startsWith('/assets/') ? FOR_EVER : 'no-cache')
  })
  if (existsSync(dist)) site.get('*', serveStatic({ root: dist }))
  return site.get('*', async (c) => {
    if (!c.req.header('accept')?.includes('text/html') || c.req.path.startsWith('/assets/'))
      return problem(c, 404)
    if (!existsSync(page)) return problem(c, 404, 'The web app is not built: run `npm run build`.')
    return c.html(await readFile(page, 'utf8'))
  })
}
