/** The app as `kindred publish --app` writes it, on a host that only serves files, and with no server at all. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { start } from './browsers/program.ts'
import { type Files, serveFiles } from './files.ts'
import { shared } from './host.ts'
import { Person } from './person.ts'
import { expect, test } from './test.ts'

let folder: string
let host: Files
test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kindred-e2e-static-'))
  await cp((await shared('prepared')).data, join(folder, 'data'), { recursive: true })
  const args = ['publish', join(folder, 'site'), '--app', '--data', join(folder, 'data')]
  const cwd = resolve(import.meta.dirname, '..')
  const { child, ended } = start(process.execPath, ['server/bin.js', ...args], {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  await ended
  expect(child.exitCode).toBe(0)
  host = await serveFiles(join(folder, 'site'))
})
test.afterAll(async () => {
  await host?.close()
  await rm(folder, { recursive: true, force: true })
})

test('the app starts from files alone, has data and tasks, ranks, keeps what was seen, and starts again without the host', async ({
  page,
}) => {
  const refused: string[] = []
  page.on('console', (message) => {
    if (/Content Security Policy|TrustedScript/.test(message.text())) refused.push(message.text())
  })
  const person = new Person(page, host.url)
  await person.visit()
  expect((await person.storedModels()).map(({ slot }) => slot).sort()).toEqual(['M', 'M0'])
  await person.openItems(3)
  await person.goTo('My model')
  const waiting = page.getByTestId('events-waiting')
  await expect(waiting).toHaveText(/[1-9]/)
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  await host.close()
  await page.reload()
  await person.goTo('Feed')
  await person.feedIsRanked()
  expect(refused).toEqual([])
})
