import { createHash, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import { chromium } from 'playwright/test'
import { shared } from './host.ts'
import { launch } from './launch.ts'
import { Person } from './person.ts'
import { profile } from './profiles.ts'
import { type Server, startServer } from './server.ts'
import { expect, type Page, test } from './test.ts'

let server: Server
let keys: string
let guide: string
let said = ''
/** As the guide calls it; what is no name is called after us. */
const machine = /^[a-z0-9-]+/.exec(hostname().toLowerCase())?.[0] ?? 'kindred'
const NOT_YET = `This device does not trust ${machine} yet.`
test.beforeAll(async () => {
  keys = await mkdtemp(join(tmpdir(), 'kindred-e2e-keys-'))
  server = await startServer({
    like: (await shared('prepared')).data,
    from: ['--lan', '127.0.0.1', '--lan-port', '0', '--lan-keys', keys],
    say: (text) => {
      said += `${text}\n`
    },
  })
  guide = /scan this or open (http:\S+)/.exec(said)![1]!
})
test.afterAll(async () => {
  await server?.remove()
  await rm(keys, { recursive: true, force: true })
})

const verdict = (page: Page, says: string) =>
  expect(page.getByRole('status')).toHaveText(says, { useInnerText: true })

/** A phone whose owner has followed the guide: it believes what the authority's issuer vouches for. */
async function withTrust(work: (page: Page) => Promise<void>): Promise<void> {
  const [authority] = readdirSync(keys)
  const { publicKey } = new X509Certificate(readFileSync(join(keys, authority!, 'issuer.pem')))
  const pin = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
  const browser = await chromium.launch(launch(`--ignore-certificate-errors-spki-list=${pin}`))
  try {
    await work(await (await browser.newContext(profile('pixel'))).newPage())
  } finally {
    await browser.close()
  }
}

test('a phone that comes by the code learns what to do, and that it does not trust the server yet', async ({
  page,
}) => {
  await page.goto(guide)
  await verdict(page, NOT_YET)
  await expect(page.locator('details').first()).toHaveAttribute('id', 'android')
  await expect(page.getByRole('link', { name: 'Open Kindred' })).toBeHidden()
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Get the certificate' }).first().click()
  const got = new X509Certificate(readFileSync(await (await download).path()))
  const terminal = said.match(/^ {2}(..:){7}..$/gm)!.map((row) => row.trim())
  expect(got.fingerprint256).toBe(terminal.join(':'))
  expect((await page.locator('.fingerprint code').allTextContents()).join(':')).toBe(terminal.join(':'))
})

test('the guide can be read by everybody, and at 320 px nothing is cut off', async ({ page }) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width: 320, height: 568 })
    await page.goto(guide)
    await verdict(page, NOT_YET)
    for (const summary of await page.locator('details:not([open]) > summary').all()) await summary.click()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320)
    await page.evaluate(axe.source)
    const { violations } = await page.evaluate(() =>
      (window as unknown as { axe: typeof axe }).axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      }),
    )
    expect(violations).toEqual([])
  }
})

test('once it trusts it, it goes on to the app, which may keep itself on the phone', async () => {
  await withTrust(async (page) => {
    await page.goto(guide)
    await verdict(page, `This device trusts ${machine}.`)
    await page.getByRole('link', { name: 'Open Kindred' }).click()
    await page.waitForURL(/^https:\/\/127\.0\.0\.1:/)
    await new Person(page, new URL(page.url()).origin).feedIsRanked()
    expect(await page.evaluate(() => isSecureContext)).toBe(true)
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  })
})
