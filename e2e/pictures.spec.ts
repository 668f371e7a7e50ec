/** A short walk through the app, as the README shows it. */
import { resolve } from 'node:path'
import { expect, test } from './test.ts'

const docs = resolve(import.meta.dirname, '../docs')

test('the feed after ten clicks, why an item stands where it does, and what was learnt', async ({
  person,
  page,
}) => {
  const take = (name: string) => page.screenshot({ path: `${docs}/${name}.png` })
  const toTop = () => page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' }))

  await person.visit('?seed=3')
  await person.openItems(10)
  await expect(page.getByTestId('serving')).toHaveAttribute('data-slot', 'M')
  await expect(page.getByText('model trained on this device')).toBeVisible({ timeout: 60_000 })
  await toTop()
  await take('feed')

  const fresh = await page.locator('article[data-opened=false]').first().getAttribute('data-item')
  await page.evaluate((key) => {
    location.hash = `#/item/${encodeURIComponent(key!)}`
  }, fresh)
  await expect(page.getByTestId('item')).toBeVisible()
  await expect(page.getByTestId('similar')).toBeVisible()
  await page
    .getByTestId('item')
    .getByRole('heading', { level: 1 })
    .evaluate((title) => title.scrollIntoView({ block: 'start', behavior: 'instant' }))
  await take('item')

  await person.goTo('My model')
  await expect(page.getByTestId('round')).toHaveAttribute('data-outcome', 'committed')
  await page
    .getByTestId('round')
    .evaluate((round) => round.scrollIntoView({ block: 'start', behavior: 'instant' }))
  await take('my-model')

  await page.emulateMedia({ colorScheme: 'dark' })
  await person.goTo('Feed')
  await person.feedIsRanked()
  await toTop()
  await take('feed-dark')
})
