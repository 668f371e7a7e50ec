/** The console against a real server: on a phone, by the keyboard, to axe. */
import { expect, test } from 'playwright/test'
import { violations } from './axe.ts'
import {
  approveVersions,
  ask,
  CREDENTIAL,
  Operator,
  registerDevices,
  startWithOperator,
  submitVersions,
} from './operator.ts'
import { profile } from './profiles.ts'

let server: Awaited<ReturnType<typeof startWithOperator>>
test.beforeAll(async () => {
  test.setTimeout(600_000)
  server = await startWithOperator()
  await approveVersions(server.url, 'tone', 2)
})
test.afterAll(() => server?.remove())

test.describe('on a phone 360 pixels wide', () => {
  test.use({ ...profile('pixel'), viewport: { width: 360, height: 780 }, locale: 'en-GB' })

  test('a version goes from submission to some devices, and back in two presses', async ({ page }) => {
    const task = 'hue'
    const devices = await registerDevices(server.url, 12)
    await devices.versions(task)
    await submitVersions(server.url, task, 2)

    const operator = new Operator(page, server.url)
    await operator.open()
    await operator.signIn('not-the-credential')
    await expect(page.getByRole('alert')).toHaveText('That is not the admin credential of this server.')
    await operator.signIn()
    await expect(operator.title).toHaveText('Releases')

    await test.step('approved with a reason, after a look at what is new', async () => {
      await operator.goTo('Tasks')
      await page.getByRole('link', { name: task }).click()
      await page.getByRole('link', { name: 'Compare with v1' }).click()
      await expect(page.locator('pre')).toContainText('− removed: export const run = () => 1')
      await page.goBack()
      for (const version of [1, 2]) {
        const card = page.getByTestId(`version-${version}`)
        await card.getByRole('button', { name: 'Approve' }).click()
        await operator.confirm('Approve it', 'read it')
        await expect(card.getByText('approved', { exact: true })).toBeVisible()
      }
    })

    await test.step('v1 to all, v2 to some: told before how many', async () => {
      await page.getByTestId('version-1').getByRole('link', { name: 'Release' }).click()
      await page.getByLabel('Percent, stage 1').fill('100')
      await page.getByRole('button', { name: 'See what it would do' }).click()
      await expect(operator.trial).toContainText('Would reach 12 of 12 known devices.')
      await operator.confirm('Release it', 'the first one')
      await expect(operator.title).toHaveText('Releases')
      expect(await devices.versions(task)).toEqual(Array(12).fill(1))

      await page.getByRole('link', { name: 'Release a version' }).click()
      await page.getByLabel('Task', { exact: true }).selectOption(task)
      await page.getByLabel('Version', { exact: true }).selectOption('v2')
      await page.getByRole('radio', { name: 'By a rule' }).check()
      await page.getByLabel('Rule, as JSON').fill('{"country": ["DE"]')
      await expect(page.getByText('This is not JSON.')).toBeVisible()
      await page.getByLabel('Rule, as JSON').fill('{"country": ["DE"]}')
      await expect(page.getByTestId('rule')).toHaveText('→ devices in Germany')
      await page.getByLabel('Percent, stage 1').fill('100')
      await page.getByRole('button', { name: 'See what it would do' }).click()
      await expect(operator.trial).toContainText('Would reach 6 of 12 known devices.')
      await expect(operator.trial).toContainText(`${task}: v1 → v2 on 6 devices`)
      await operator.confirm('Release it', 'Germany first')
      await expect(operator.release(task, 2)).toContainText('Goes to devices in Germany.')
      await expect(operator.release(task, 2)).toContainText('Reaches 6 of 12 known devices; its rule hits 6')
      expect(await devices.versions(task)).toEqual(Array.from({ length: 12 }, (_, i) => 1 + (i % 2)))
    })

    await test.step('which devices have it', async () => {
      await operator.goTo('Devices')
      const rows = page.getByTestId(`devices-${task}`).getByRole('row')
      await expect(rows.nth(1)).toHaveText(/^v2\s*6 \(50%\)$/)
      await expect(rows.nth(2)).toHaveText(/^v1\s*6 \(50%\)$/)
    })

    await test.step('rolled back in two presses', async () => {
      await operator.goTo('Releases')
      const rollBack = operator.release(task, 2).getByRole('button', { name: 'Roll back v2' })
      await rollBack.click()
      await expect(operator.dialog).toContainText('Roll back hue v2?')
      await expect(operator.trial).toContainText('Would reach 6 of 12 known devices.')
      await expect(operator.trial).toContainText(`${task}: v2 → v1 on 6 devices`)
      const yes = operator.dialog.getByRole('button', { name: 'Roll back v2' })
      await expect(yes).toBeFocused()
      await yes.click()
      await expect(operator.said).toBeFocused()
      await expect(operator.release(task, 2)).toHaveCount(0)
      expect(await devices.versions(task)).toEqual(Array(12).fill(1))
    })

    await test.step('and the ledger says who, when and why', async () => {
      await operator.goTo('Ledger')
      await expect(page.locator('.ledger li').first()).toContainText(/Rolled back release \d+/)
      await expect(page.locator('.ledger li').first()).toContainText('“Rolled back from the console”')
      await expect(page.locator('.ledger li').nth(1)).toContainText('Released hue v2 to devices in Germany')
      await expect(page.locator('.ledger li').nth(1)).toContainText('Ada')
    })

    await test.step('who signs out leaves nothing behind', async () => {
      await page.getByRole('button', { name: 'Sign out' }).click()
      await expect(operator.title).toHaveText('Sign in')
      await page.reload()
      await expect(operator.title).toHaveText('Sign in')
      expect(await page.evaluate(() => [localStorage.length, sessionStorage.length])).toEqual([0, 0])
    })
  })

  test('nothing sticks out of the screen, in English and in German', async ({ page }) => {
    for (const language of ['en', 'de']) {
      await new Operator(page, server.url).open(`/console?lang=${language}`)
      await page.locator('#who').fill('Ada')
      await page.locator('#credential').fill(CREDENTIAL)
      await page.keyboard.press('Enter')
      await page.getByRole('navigation').waitFor()
      for (const view of VIEWS) {
        await show(page, view)
        const [wide, room] = await page.evaluate(() => [
          document.documentElement.scrollWidth,
          document.documentElement.clientWidth,
        ])
        expect(wide, `${view} in ${language}`).toBeLessThanOrEqual(room!)
      }
      await page.evaluate(() => sessionStorage.clear())
    }
  })
})

const VIEWS = [
  ...['#/', '#/release', '#/tasks', '#/tasks/tone', '#/tasks/tone/2/from/1', '#/devices'],
  ...['#/experiments', '#/experiments/new', '#/health', '#/ledger'],
] as const

/** Goes to a view, and waits until it stands there with what it loads. */
async function show(page: Operator['page'], view: string): Promise<void> {
  const isAnother = await page.evaluate((hash) => {
    if ((location.hash || '#/') === hash) return false
    // Each view has a title of its own: one without this mark is not of the view before.
    document.querySelector('h1')!.dataset.before = ''
    location.hash = hash
    return true
  }, view)
  if (isAnother) await expect(page.locator('h1[data-before]')).toHaveCount(0)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await expect(page.getByText(/^(Loading…|Wird geladen …)$/)).toHaveCount(0)
}

test.describe('on a computer', () => {
  test.use({ ...profile('desktop'), locale: 'en-GB' })

  test('the keyboard alone begins an experiment, pauses, resumes, widens, kills, revives and rolls back', async ({
    page,
  }) => {
    const task = 'keys'
    await approveVersions(server.url, task, 2, 20)
    const operator = new Operator(page, server.url)
    const { keyboard } = page
    await operator.open()
    await operator.tabTo('Your name')
    await keyboard.type('Ada')
    await operator.tabTo('Admin credential')
    await keyboard.type(CREDENTIAL)
    await keyboard.press('Enter')
    await expect(operator.title).toHaveText('Releases')

    /** Enter on what was tabbed to, a reason, Enter. */
    async function give(name: RegExp, why: string): Promise<void> {
      await operator.tabTo(name)
      await keyboard.press('Enter')
      await expect(operator.dialog.getByLabel('Why?')).toBeFocused()
      await keyboard.type(why)
      await keyboard.press('Enter')
      await expect(operator.said).toBeFocused()
    }
    const card = operator.release(task, 1)
    await give(/^Pause of keys/, 'let me see')
    await expect(card).toContainText('Paused since')
    await give(/^Resume of keys/, 'seen')
    await expect(card).toContainText('Goes to 20% of all devices.')

    await operator.tabTo(/^Widen of keys/)
    await keyboard.press('Enter')
    await operator.tabTo('Percent, stage 1')
    await keyboard.press('Control+a')
    await keyboard.type('60')
    await give(/^See what it would do$/, 'all is well')
    await expect(card).toContainText('Goes to 60% of all devices.')

    await test.step('who thinks better of it is back on the button', async () => {
      await operator.tabTo(/^Roll back v1 of keys/)
      await keyboard.press('Enter')
      await expect(operator.dialog.getByRole('button', { name: 'Roll back v1' })).toBeFocused()
      await keyboard.press('Escape')
      await expect(operator.dialog).toBeHidden()
      await expect(card.getByRole('button', { name: 'Roll back v1' })).toBeFocused()
    })
    await keyboard.press('Enter')
    await expect(operator.dialog.getByRole('button', { name: 'Roll back v1' })).toBeFocused()
    await keyboard.press('Enter')
    await expect(operator.said).toBeFocused()
    await expect(card).toHaveCount(0)

    await operator.tabTo('Tasks')
    await keyboard.press('Enter')
    await expect(operator.title).toBeFocused()
    await operator.tabTo(task)
    await keyboard.press('Enter')
    await expect(operator.title).toHaveText('keys: history')
    await give(/^Kill this task$/, 'to try it')
    await give(/^Lift the kill switch$/, 'tried')

    await operator.tabTo('Experiments')
    await keyboard.press('Enter')
    await operator.tabTo('Begin an experiment')
    await keyboard.press('Enter')
    await expect(operator.title).toHaveText('Begin an experiment')
    await operator.tabTo('Task')
    await keyboard.type(task)
    await give(/^See what it would do$/, 'which is better')
    await expect(page.getByRole('link', { name: /on keys$/ })).toBeVisible()
    await operator.tabTo(/on keys$/)
    await keyboard.press('Enter')
    await expect(page.getByTestId('arm-holdout')).toContainText('Users (exp UV)')
    await give(/^End it$/, 'enough')
    await expect(page.getByText(/^Ran from/)).toBeVisible()
  })

  test('an experiment is drawn from what its devices have seen and clicked', async ({ page }) => {
    const task = 'arms'
    await approveVersions(server.url, task, 2)
    const devices = await registerDevices(server.url, 16)
    await devices.versions(task)
    const arms = [{ name: 'v2', task: { version: 2 }, percent: 50 }]
    const order = { type: 'experiment', task, rule: { everyone: true }, seed: 'x', holdout: 50, arms }
    const { n }: { n: number } = await ask(`${server.url}/api/admin/releases`, CREDENTIAL, {
      ...{ order, who: 'Grace', why: 'which is better' },
    })
    await devices.look(4)
    const inV2 = (await devices.versions(task)).filter((version) => version === 2).length
    expect(inV2).toBeGreaterThan(0)
    expect(inV2).toBeLessThan(16)

    const operator = new Operator(page, server.url)
    await operator.open(`/console#/experiments/${n}`)
    await operator.signIn()
    await expect(page.getByTestId('arm-v2')).toContainText(
      `Users (exp UV)${inV2}Impressions (exp PV)${4 * inV2}`,
    )
    await expect(page.getByTestId('arm-holdout')).toContainText(`Users (exp UV)${16 - inV2}`)
    for (const metric of ['CTR', 'Clicks per user', 'Users who click']) {
      const plot = page.locator('.interval-plot').filter({ has: page.getByRole('img', { name: metric }) })
      await expect(plot.getByRole('img').locator('g.series')).toHaveCount(2)
      await plot.getByText('The numbers').click()
      await expect(plot.getByRole('row')).toHaveCount(3)
    }
    expect(await violations(page)).toEqual([])
  })

  test('axe finds nothing against WCAG 2.2 AA, light or dark', async ({ page }) => {
    const operator = new Operator(page, server.url)
    await operator.open('/console.html')
    await expect(operator.title).toHaveText('Sign in')
    expect(await violations(page)).toEqual([])
    await operator.signIn()
    await expect(operator.title).toHaveText('Releases')
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const view of VIEWS) {
        await show(page, view)
        expect(await violations(page), `${view}, ${colorScheme}`).toEqual([])
      }
      await show(page, '#/')
      await operator.release('tone', 1).getByRole('button', { name: 'Roll back v1' }).click()
      await expect(operator.dialog).toBeVisible()
      expect(await violations(page), `the question, ${colorScheme}`).toEqual([])
      await page.keyboard.press('Escape')
    }
  })

  test('the app’s service worker leaves it alone', async ({ page, context }) => {
    await page.goto(server.url)
    await page.evaluate(() => navigator.serviceWorker.ready)
    await page.reload()
    expect(await page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true)
    const operator = new Operator(page, server.url)
    for (const at of ['/console', '/console.html', '/console?lang=en']) {
      await operator.open(at)
      await expect(operator.title).toHaveText('Sign in')
    }
    const kept = await page.evaluate(async () => {
      const found: string[] = []
      for (const name of await caches.keys())
        for (const { url } of await (await caches.open(name)).keys()) found.push(url)
      return found
    })
    expect(kept.some((url) => url.includes('index.html'))).toBe(true)
    expect(kept.filter((url) => url.includes('console'))).toEqual([])
    await context.setOffline(true)
    await expect(page.goto(`${server.url}/console`)).rejects.toThrow(/ERR_INTERNET_DISCONNECTED/)
  })
})
