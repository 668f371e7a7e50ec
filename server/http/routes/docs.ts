/** /api/openapi.json, and the same to read at /api/docs. */
import { createRequire } from 'node:module'
import { Hono } from 'hono'
import * as z from 'zod'
import { DOCS_CSS, docsPage } from '../docs-page.ts'
import type { Env } from '../env.ts'
import { pageHeaders } from '../headers.ts'
import { type ApiDocument, documentOf, endpoint } from '../openapi.ts'

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string }
const AN_HOUR = { 'cache-control': 'public, max-age=3600' }

/** `app` has all routes when the document is first asked for. */
export function docRoutes(app: Hono<Env>) {
  let document: Promise<ApiDocument> | undefined
  const need = () => {
    document ??= documentOf(app, version)
    return document
  }
  let page: Promise<string> | undefined
  const needPage = () => {
    page ??= need().then(async (found) => `${await docsPage(found)}`)
    return page
  }
  return new Hono<Env>()
    .get(
      '/openapi.json',
      endpoint(
        {
          name: 'readDocument',
          steady: true,
          group: 'server',
          summary: 'This API as an OpenAPI 3.1 document',
          answers: {
            200: {
              what: 'The document.',
              schema: z.looseObject({
                openapi: z.literal('3.1.0'),
                paths: z.record(z.string(), z.unknown()),
              }),
            },
          },
        },
        async (c) => c.json(await need(), 200, AN_HOUR),
      ),
    )
    .use('/docs', pageHeaders())
    .get(
      '/docs',
      endpoint(
        {
          name: 'readDocs',
          steady: true,
          group: 'server',
          summary: 'The same as a page',
          answers: { 200: { what: 'A page without scripts.', media: 'text/html' } },
        },
        async (c) => c.html(await needPage(), 200, AN_HOUR),
      ),
    )
    .get(
      '/docs.css',
      endpoint(
        {
          name: 'readDocsStyle',
          steady: true,
          group: 'server',
          summary: 'What that page looks like',
          answers: { 200: { what: 'A style sheet.', media: 'text/css' } },
        },
        (c) => c.body(DOCS_CSS, 200, { 'content-type': 'text/css; charset=utf-8', ...AN_HOUR }),
      ),
    )
}
