/** The built app for a static host: its page told where everything is, and what each file is to be served with. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { Hono } from 'hono'
import { AppError } from '../../shared/failure.ts'
import { pageHeaders, trainerHeaders } from '../http/headers.ts'
import type { Tree } from './tree.ts'

export interface AppFiles {
  /** The folder of the built app. */
  readonly dist: string
  /** Where registration, events, batches and rows go; left out, to the host itself, which may have no server at all. */
  readonly server?: string | undefined
  /** SHA-256 that the first root must have. */
  readonly root: string
}

/** The operator's page is the server's. */
const CONSOLE = /^(console\.html|assets\/console\/)/
const COMPRESSED = /\.(br|gz)$/
/** Workers, which have their policy from the headers of their own script. */
const DEVICE = /^assets\/device-[^/]+\.js$/
const TRAINER = /^assets\/trainer-[^/]+\.js$/
/** What is to be sent with the files, as Netlify and Cloudflare Pages read it. */
export const HEADERS = '_headers'
export const FOR_EVER = 'public, max-age=31536000, immutable'
export const EACH_TIME = 'no-cache'

/** In an order in which nothing is there before what it names: assets, the page, at last the service worker, which lists it. */
export async function putApp(tree: Tree, app: AppFiles): Promise<void> {
  const { dist } = app
  if (!existsSync(join(dist, 'index.html')))
    throw new AppError('not-ready', `The web app is not built in ${dist}: npm run build.`)
  const all = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) =>
      join(one.parentPath, one.name)
        .slice(dist.length + 1)
        .split(sep)
        .join('/'),
    )
    .filter((path) => !CONSOLE.test(path))
  const edited = new Set(['index.html', 'sw.js'])
  const plain = all.filter((path) => !edited.has(path.replace(COMPRESSED, '')))
  const [assets, rest] = [true, false].map((asset) =>
    plain.filter((path) => path.startsWith('assets/') === asset).sort(),
  )
  for (const path of [...assets!, ...rest!]) tree.put(path, readFileSync(join(dist, path)))
  await putHeaders(tree, app.server)
  const page = placed(readFileSync(join(dist, 'index.html'), 'utf8'), app)
  putText(tree, 'index.html', page)
  putText(tree, 'sw.js', relisted(readFileSync(join(dist, 'sw.js'), 'utf8'), page))
}

/** With what `web/place.ts` reads. */
function placed(page: string, { server, root }: AppFiles): string {
  const place = new URLSearchParams({ static: '/', root, ...(server !== undefined && { server }) })
  const tag = `<meta name="kindred" content="${String(place).replaceAll('&', '&amp;')}" />`
  return replacedOnce(page, '<head>', `<head>\n    ${tag}`)
}

/** The service worker keeps the page under a revision: that of this one. */
function relisted(script: string, page: string): string {
  const revision = createHash('sha256').update(page).digest('hex').slice(0, 32)
  const listed = /(\{"revision":")[^"]+(","url":"index\.html"\})/.exec(script)
  if (!listed) throw new AppError('not-ready', 'The service worker of the app does not list index.html.')
  return replacedOnce(script, listed[0], `${listed[1]}${revision}${listed[2]}`)
}

function replacedOnce(text: string, part: string, by: string): string {
  const [before, after, more] = text.split(part)
  if (after === undefined || more !== undefined)
    throw new AppError('not-ready', `The built app has not exactly one ${JSON.stringify(part)}.`)
  return before + by + after
}

function putText(tree: Tree, path: string, text: string): void {
  const bytes = Buffer.from(text)
  tree.put(`${path}.br`, brotliCompressSync(bytes))
  tree.put(`${path}.gz`, gzipSync(bytes, { level: 9 }))
  tree.put(path, bytes)
}

/** By path, `*` for any: what is sent besides. No path that two of them fit gets the same header twice. */
export type Rules = Readonly<Record<string, Readonly<Record<string, string>>>>

/** What the server would send: see headers.ts. */
export async function headerRules(server?: string, workers: readonly string[] = []): Promise<Rules> {
  const origins = server === undefined ? [] : [new URL(server).origin]
  const { 'content-security-policy': policy = '', ...common } = await sentBy(pageHeaders(origins))
  const { 'content-security-policy': ofTrainer = '' } = await sentBy(trainerHeaders())
  const page = { 'content-security-policy': policy, 'cache-control': EACH_TIME }
  const shared = { 'access-control-allow-origin': '*' }
  return {
    '/*': common,
    '/': page,
    '/index.html': page,
    '/sw.js': page,
    '/assets/*': { 'cache-control': FOR_EVER },
    ...Object.fromEntries(
      workers.map((path) => [
        `/${path}`,
        { 'content-security-policy': TRAINER.test(path) ? ofTrainer : policy },
      ]),
    ),
    '/artifacts/*': { 'cache-control': FOR_EVER, ...shared },
    '/trust/*': { 'cache-control': EACH_TIME, ...shared },
  }
}

async function sentBy(headers: ReturnType<typeof pageHeaders>): Promise<Record<string, string>> {
  const answer = await new Hono()
    .use(headers)
    .get('/', (c) => c.body(null))
    .request('/')
  return Object.fromEntries(answer.headers)
}

/** Workers of earlier publications are served on, and still need theirs. */
export async function putHeaders(tree: Tree, server?: string): Promise<void> {
  const assets = join(tree.folder, 'assets')
  const workers = (existsSync(assets) ? readdirSync(assets) : [])
    .map((name) => `assets/${name}`)
    .filter((path) => DEVICE.test(path) || TRAINER.test(path))
  const rules = await headerRules(server, workers.sort())
  const text = Object.entries(rules)
    .map(([path, headers]) =>
      [path, ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`)].join('\n'),
    )
    .join('\n\n')
  tree.put(HEADERS, Buffer.from(`${text}\n`))
}
