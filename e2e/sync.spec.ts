import { Person } from './person.ts'
import { openSite, type Site } from './site.ts'
import { expect, type Page, test } from './test.ts'

/** What the service worker is asked by: `OUTBOX_SYNC` of shared/version.ts. */
const TAG = 'kindred:outbox'
/** Held by the tab that leads: see worker/device/tabs/leader.ts. */
const LEADER_LOCK = 'kindred:leader'

let site: Site
test.beforeEach(async ({ url }) => {
  site = await openSite(url)
})
test.afterEach(() => site.close())

/** Events that wait, and those that the server has acknowledged, as they lie in IndexedDB. */
const outbox = (page: Page): Promise<{ waiting: number; delivered: number }> =>
  page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error)
      })
    const db = await done(indexedDB.open('kindred'))
    const read = db.transaction(['outbox', 'state'])
    const waiting = await done(read.objectStore('outbox').count())
    const counters = await done(read.objectStore('state').get('counters'))
    db.close()
    return { waiting, delivered: counters?.value.delivered ?? 0 }
  })

/** The browser's own event for a network that is back, which it would give when it likes. */
async function networkIsBack(page: Page): Promise<void> {
  const browser = await page.context().newCDPSession(page)
  const found = new Promise<string>((resolve) => {
    browser.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const ours = registrations.find(({ scopeURL }) => scopeURL === `${site.url}/`)
      if (ours) resolve(ours.registrationId)
    })
  })
  await browser.send('ServiceWorker.enable')
  const event = { origin: `${site.url}/`, registrationId: await found, tag: TAG, lastChance: false }
  await browser.send('ServiceWorker.dispatchSyncEvent', event)
}

test('what was seen and opened without a network is sent when it is back, with no page open, and once', async ({
  page,
  context,
}) => {
  await context.grantPermissions(['background-sync'])
  const person = new Person(page, site.url)
  await person.visit()
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  await expect.poll(async () => (await outbox(page)).waiting).toBe(0)

  site.cut()
  await person.openItems(3)
  const tags = () =>
    page.evaluate(async () => {
      const { sync } = (await navigator.serviceWorker.ready) as unknown as {
        sync: { getTags(): Promise<string[]> }
      }
      return sync.getTags()
    })
  await expect.poll(tags, 'asked the browser for it').toContain(TAG)

  // A page of the same origin that is not the app.
  const other = await context.newPage()
  await other.goto(`${site.url}/icon.svg`)
  await page.close()
  // Its worker may still be writing: it is gone once nobody leads.
  const held = () => other.evaluate(async () => (await navigator.locks.query()).held!.map(({ name }) => name))
  await expect.poll(held).not.toContain(LEADER_LOCK)
  const before = await outbox(other)
  expect(before.waiting).toBeGreaterThanOrEqual(6)

  site.mend()
  await networkIsBack(other)
  await expect
    .poll(() => outbox(other))
    .toEqual({
      waiting: 0,
      delivered: before.delivered + before.waiting,
    })

  const again = new Person(await context.newPage(), site.url)
  await again.visit()
  await expect.poll(async () => (await outbox(other)).waiting).toBe(0)
})
