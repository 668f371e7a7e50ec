/** The built web app: what is named by its content for ever, the rest as long as it is asked for again each time. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono, type MiddlewareHandler } from 'hono'
import { etag } from 'hono/etag'
import { pageHeaders, trainerHeaders } from './headers.ts'
import { problem } from './problem.ts'

/** As the build names it (vite.config.ts). */
const TRAINER = /^\/assets\/trainer-[^/]+\.js$/
const FOR_EVER = 'public, max-age=31536000, immutable'

/**
 * Files of the folder `dist`, in the compressed form that lies beside them for who accepts it; a navigation to anything else
 * gets the page, which is one page for all addresses. `needed` tells what a first visit will ask for once its scripts run.
 */
export function createSite(dist: string, needed: () => Promise<readonly string[]> = async () => []) {
  const [forPages, forTrainer] = [pageHeaders(), trainerHeaders()]
  const site = new Hono().use((c, next) => (TRAINER.test(c.req.path) ? forTrainer : forPages)(c, next))
  if (existsSync(dist)) {
    const files = serveStatic({ root: dist, precompressed: true })
    site.get('/assets/*', cached(FOR_EVER), files)
    const page = (name: string) => serveStatic({ root: dist, path: name, precompressed: true })
    // The operator's page: of what the app will ask for, it needs nothing.
    site.get('/:name{console(\\.html)?}', cached('no-cache'), etag({ weak: true }), page('console.html'))
    site.get('*', cached('no-cache'), etag({ weak: true }), hinted(needed), files, async (c, next) => {
      if (!asksForPage(c.req.header('accept')) || c.req.path.startsWith('/assets/')) return problem(c, 404)
      await next()
    })
    site.get('*', page('index.html'))
  }
  return site.get('*', (c) =>
    asksForPage(c.req.header('accept')) && !existsSync(join(dist, 'index.html'))
      ? problem(c, 404, 'The web app is not built: run `npm run build`.')
      : problem(c, 404),
  )
}

const asksForPage = (accept = ''): boolean => accept.includes('text/html')

const cached =
  (rule: string): MiddlewareHandler =>
  async (c, next) => {
    await next()
    if (c.res.status < 400) c.header('cache-control', rule)
  }

/** Tells who navigates here what else to fetch meanwhile. A service worker that stores the page is not told: it will change. */
const hinted =
  (needed: () => Promise<readonly string[]>): MiddlewareHandler =>
  async (c, next) => {
    await next()
    if (c.res.status !== 200 || !asksForPage(c.req.header('accept'))) return
    for (const path of await needed()) c.header('link', `<${path}>; rel=prefetch`, { append: true })
  }
