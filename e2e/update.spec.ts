import { Person } from './person.ts'
import { openSite, type Site } from './site.ts'
import { expect, type Page, test } from './test.ts'

/** Whoever holds this lock is in a round: `ROUND_LOCK` of shared/version.ts. */
const ROUND_LOCK = 'kindred:round'

let site: Site
test.beforeEach(async ({ url }) => {
  site = await openSite(url)
})
test.afterEach(() => site.close())

const release = (page: Page) => page.locator('meta[name=release]').getAttribute('content')
const offer = (page: Page) => page.getByRole('button', { name: 'Reload', exact: true })

/** Somebody whose app is kept by its service worker, and comes back after a newer version was published. */
async function returns(page: Page): Promise<Person> {
  const person = new Person(page, site.url)
  await person.visit()
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  site.release()
  await page.reload()
  await person.feedIsRanked()
  return person
}

test('a newer version is fetched in the background and waits: the old one goes on, also after another visit', async ({
  page,
}) => {
  const person = await returns(page)
  await expect(offer(page)).toBeVisible()
  expect(await release(page)).toBe('1')
  await page.reload()
  await person.feedIsRanked()
  expect(await release(page)).toBe('1')
  await expect(offer(page)).toBeVisible()
})

test('it is taken on request, and what was stored stays', async ({ page }) => {
  const person = await returns(page)
  const before = await person.storedModels()
  await offer(page).click()
  await expect(page.locator('meta[name=release]')).toHaveAttribute('content', '2')
  await person.feedIsRanked()
  await expect(offer(page)).toBeHidden()
  expect(await person.storedModels()).toEqual(before)
})

test('taken in the middle of a round, it waits for the round to end', async ({ page }) => {
  const person = await returns(page)
  await page.evaluate((name) => {
    const ended = new Promise<void>((endRound) => Object.assign(window, { endRound }))
    return new Promise<void>((held) => {
      void navigator.locks.request(name, () => {
        held()
        return ended
      })
    })
  }, ROUND_LOCK)
  await offer(page).click()
  const waits = () =>
    page.evaluate(async () => (await navigator.locks.query()).pending!.map(({ name }) => name))
  await expect.poll(waits).toContain(ROUND_LOCK)
  expect(await release(page)).toBe('1')
  await page.evaluate(() => (window as unknown as { endRound(): void }).endRound())
  await expect(page.locator('meta[name=release]')).toHaveAttribute('content', '2')
  await person.feedIsRanked()
})

test('where one tab takes it, another goes on as it is until its own user agrees', async ({
  page,
  context,
}) => {
  const other = new Person(await context.newPage(), site.url)
  await other.visit()
  await returns(page)
  await offer(page).click()
  await expect(page.locator('meta[name=release]')).toHaveAttribute('content', '2')
  await expect(offer(other.page)).toBeVisible()
  expect(await release(other.page)).toBe('1')
  await offer(other.page).click()
  await expect(other.page.locator('meta[name=release]')).toHaveAttribute('content', '2')
})
