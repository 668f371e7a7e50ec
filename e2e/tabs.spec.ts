import { Person } from './person.ts'
import { expect, type Page, test } from './test.ts'

/** A follower leads after this at the latest (ms). */
const TAKE_OVER_MS = 1000

const leads = (page: Page) => expect(page.getByTestId('status')).toHaveAttribute('data-leads', 'true')
const follows = (page: Page) => expect(page.getByTestId('status')).toHaveAttribute('data-leads', 'false')

/** Says by the page's own clock when it begins to lead. */
const leadingSince = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<number>((found) => {
        const status = document.querySelector('[data-testid=status]')!
        const look = () => status.getAttribute('data-leads') === 'true' && found(Date.now())
        new MutationObserver(look).observe(status, { attributes: true })
        look()
      }),
  )

test('of many tabs one leads, and within a second of its end another; what any of them tracks is sent', async ({
  person: first,
  page,
  context,
  url,
}, info) => {
  await first.visit()
  await leads(page)
  const second = new Person(await context.newPage(), url)
  await second.visit()
  await follows(second.page)

  await second.openItems(2)
  await first.goTo('My model')
  await expect(page.getByTestId('samples-clicks')).toHaveText('2')
  await expect(page.getByTestId('events-waiting')).toHaveText('0')

  const since = leadingSince(second.page)
  const closed = Date.now()
  await page.close()
  const ms = (await since) - closed
  info.annotations.push({ type: 'take-over', description: `${ms} ms` })
  console.log(`  ${info.project.name}: the other tab leads ${ms} ms after the first was closed`)
  expect(ms).toBeLessThan(TAKE_OVER_MS)

  await second.openItems(3) // two of them a second time, which is no click
  await second.goTo('My model')
  await expect(second.page.getByTestId('samples-clicks')).toHaveText('3')
  await expect(second.page.getByTestId('events-waiting')).toHaveText('0')
})

test('a newer app that wants another database gets it at once, and the tabs of the older one say so', async ({
  person,
  page,
  context,
  url,
}) => {
  const other = new Person(await context.newPage(), url)
  await person.visit()
  await other.visit()
  const opened = await page.evaluate(
    () =>
      new Promise<string>((done) => {
        const request = indexedDB.open('kindred', 1000)
        request.onsuccess = () => {
          request.result.close()
          done('opened')
        }
        request.onerror = () => done(String(request.error))
      }),
  )
  expect(opened).toBe('opened')
  for (const tab of [page, other.page]) {
    await expect(tab.getByText(/newer version/i).first()).toBeVisible()
    await expect(tab.getByRole('button', { name: 'Reload', exact: true })).toBeVisible()
  }
})
