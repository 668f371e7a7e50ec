import { expect, test } from 'playwright/test'
import { Person } from './person.ts'

test('“Forget everything” erases this device and its part of the server, and says so', async ({ page }) => {
  const person = new Person(page)
  await person.visit()
  await person.openItems(2)
  await person.goTo('My model')
  await expect(page.getByTestId('events-waiting')).toHaveText('0')
  const delivered = Number(await page.getByTestId('events-delivered').textContent())
  expect(delivered).toBeGreaterThan(0)

  await page.getByRole('button', { name: 'Forget everything' }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /forget/i })
    .click()
  for (const place of ['here', 'on the server'])
    await expect(page.getByTestId('erased')).toContainText(`Removed ${place}: ${delivered} events`)
  await expect(page.getByTestId('samples-clicks')).toHaveText('0')
})

test('the delivered model comes back on request', async ({ page }) => {
  const person = new Person(page)
  await person.visit()
  await person.openItems(10)
  await person.goTo('My model')
  await expect(page.getByTestId('round')).toHaveAttribute('data-outcome', 'committed', { timeout: 90_000 })
  await page.getByRole('button', { name: 'Back to the delivered model' }).click()
  await expect
    .poll(async () => new Set((await person.storedModels()).map(({ sha256 }) => sha256)).size)
    .toBe(1)
})

test('the app can be installed', async ({ playwright }, info) => {
  // Installability is reported in a persistent profile only.
  const profile = info.outputPath('profile')
  const context = await playwright.chromium.launchPersistentContext(profile, {
    ...info.project.use.launchOptions,
    headless: true,
  })
  const page = await context.newPage()
  await new Person(page).visit()
  await page.evaluate(() => navigator.serviceWorker.ready)
  const devtools = await context.newCDPSession(page)
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors')
  await context.close()
  expect(installabilityErrors).toEqual([])
})
