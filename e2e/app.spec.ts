import { Person } from './person.ts'
import { expect, test } from './test.ts'

test('the delivered model comes back on request', async ({ person, page }) => {
  await person.visit()
  await person.openItems(10)
  await person.goTo('My model')
  await person.committedRound()
  await page.getByRole('button', { name: 'Back to the delivered model' }).click()
  await expect.poll(async () => (await person.hashes()).length).toBe(1)
})

test('the app can be installed', async ({ playwright, url }, info) => {
  // Installability is reported in a persistent profile only.
  const profile = info.outputPath('profile')
  const context = await playwright.chromium.launchPersistentContext(profile, {
    ...info.project.use.launchOptions,
    headless: true,
  })
  const page = await context.newPage()
  await new Person(page, url).visit()
  await page.evaluate(() => navigator.serviceWorker.ready)
  const devtools = await context.newCDPSession(page)
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors')
  await context.close()
  expect(installabilityErrors).toEqual([])
})
