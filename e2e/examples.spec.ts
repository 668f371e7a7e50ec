/** The package in somebody else's project: installed, bundled and not, on a site of another origin than the server's. */
import { cp, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, type Page, test } from 'playwright/test'
import { type Fresh, freshProject, serveSite } from './examples/fresh.ts'
import { shared } from './host.ts'
import { type Server, startServer } from './server.ts'

test.describe.configure({ mode: 'serial' })

const LOOK_MS = 650

let fresh: Fresh
let site: Awaited<ReturnType<typeof serveSite>>
let server: Server

test.beforeAll(async () => {
  test.setTimeout(240_000)
  const { data } = await shared('prepared') // the app is built by then
  fresh = await freshProject()
  const folder = join(fresh.folder, 'site')
  await mkdir(folder)
  for (const name of ['plain', 'stories.js', 'style.css'])
    await cp(join(fresh.folder, name), join(folder, name), { recursive: true })
  await cp(join(fresh.kindred, 'dist/client'), join(folder, 'kindred'), { recursive: true })
  await fresh.run('vite', 'build', 'react', '--outDir', '../site/react', '--logLevel', 'error')
  site = await serveSite(folder, () => server.url)
  server = await startServer({ like: data, from: ['--allowed-origins', site.origin], root: fresh.kindred })
})
test.afterAll(async () => {
  await server?.remove()
  await site?.close()
  await fresh?.remove()
})

test('the command line runs from the package', async () => {
  expect(await fresh.run('kindred', '--help')).toMatch(/Usage: kindred/)
})

test('it is 5 KB on the page', async () => {
  const client = await readFile(join(fresh.kindred, 'dist/client/index.js'))
  expect(gzipSync(client).length).toBeLessThan(5500)
})

test('its types stand alone', async () => {
  const tsc = join(import.meta.dirname, '../node_modules/typescript/bin/tsc')
  await fresh.run('node', tsc, '-p', 'react', '--skipLibCheck', 'false')
})

for (const example of ['plain', 'react'])
  test(`${example}: a list is ranked by the delivered model, then by the reader’s own, until it is forgotten`, async ({
    page,
  }) => {
    const troubles: string[] = []
    page.on('pageerror', (error) => troubles.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()))
    await page.goto(`${site.origin}/${example}/?server=${server.url}`)
    const list = page.getByRole('list')
    const state = page.getByRole('status')

    await expect(list).toHaveAttribute('data-by', 'delivered', { timeout: 60_000 })
    await expect(state).toContainText('Ranked by the paper’s model')
    const before = await placesOf(page, 'Moss')
    // What the catalogue does not know stands last.
    expect((await topics(page)).at(-1)).toBe('Weather')

    const moss = list.getByRole('listitem').filter({ hasText: 'Moss' }).getByRole('button')
    for (let i = 0; i < 10; i++) {
      await moss.nth(i).scrollIntoViewIfNeeded()
      // A reader looks: only what was in view for half a second, and passed over, tells what they do not like.
      if (i % 4 === 0) await page.waitForTimeout(LOOK_MS)
      await moss.nth(i).click()
      await expect(moss.nth(i)).toHaveAttribute('aria-pressed', 'true')
    }
    await expect(list).toHaveAttribute('data-by', 'own', { timeout: 90_000 })
    await expect(state).toContainText('Ranked by your own model')
    const after = await placesOf(page, 'Moss')
    expect(mean(after), 'the place of what the reader likes').toBeLessThan(mean(before))

    await page.getByRole('button', { name: 'Forget me' }).click()
    await expect(list).toHaveAttribute('data-forgotten', /^[1-9]\d* here, [1-9]\d* there$/)
    await expect(list).toHaveAttribute('data-by', 'delivered', { timeout: 60_000 })
    expect(await placesOf(page, 'Moss')).toEqual(before)
    expect(troubles).toEqual([])
  })

test('users of one browser are apart from each other, and a worker of another origin leaves the list as it came', async ({
  page,
}) => {
  await page.goto(`${site.origin}/plain/?server=${server.url}`)
  const told = await page.evaluate(async (server) => {
    const module = '/plain/accounts.js'
    const { eventsApart, rankedByStranger } = await import(module)
    return [await eventsApart(server), await rankedByStranger(server)]
  }, server.url)
  expect(told).toEqual([
    { anna: 2, ben: 0, annaAgain: 2 },
    { order: ['b', 'a'], by: null, code: 'worker' },
  ])
})

const topics = (page: Page) => page.getByRole('listitem').locator('small').allTextContents()
const placesOf = async (page: Page, topic: string) =>
  (await topics(page)).flatMap((it, place) => (it === topic ? [place] : []))
const mean = (places: readonly number[]) => places.reduce((sum, place) => sum + place, 0) / places.length
