/** How the app looks in every state of its device, which only acts here: to axe, on small and large screens, in other languages. */
import { act } from './acting.ts'
import { violations } from './axe.ts'
import { boxesStyle } from './boxes.ts'
import { NOW, type SceneName, scenes } from './harness/scenes.ts'
import { type ProfileName, profile } from './profiles.ts'
import { expect, type Page, test } from './test.ts'

const VIEWS = { feed: '#/', item: '#/item/k4', 'my-model': '#/my-model', settings: '#/settings' } as const
type View = keyof typeof VIEWS
const views = Object.keys(VIEWS) as View[]
const LOOKS = ['light', 'dark'] as const

test.use({ locale: 'en-GB', timezoneId: 'UTC', contextOptions: { reducedMotion: 'reduce' } })

async function show(page: Page, url: string, scene: SceneName, view: View, query = ''): Promise<void> {
  await page.clock.setFixedTime(NOW)
  await act(page, scenes[scene])
  await page.goto(`${url}/?seed=1${query}${VIEWS[view]}`)
  await expect(page.locator('main').getByRole('heading', { level: 1 })).toBeAttached()
  if (scenes[scene].catalogue) await expect(page.locator(ROOTS[view]).first()).toBeVisible()
  await page.evaluate(() => document.fonts.ready)
}
/** What is there when a view is drawn. */
const ROOTS: Record<View, string> = {
  feed: '[data-testid=feed] article',
  item: '[data-testid=item] h1',
  'my-model': '[data-testid=samples-clicks]',
  settings: '[data-testid=sharing]',
}

test.describe('axe finds nothing against WCAG 2.2 AA, light or dark,', () => {
  async function isClean(page: Page): Promise<void> {
    for (const colorScheme of LOOKS) {
      await page.emulateMedia({ colorScheme })
      expect(await violations(page), colorScheme).toEqual([])
    }
  }

  const seen: readonly (readonly [SceneName, readonly View[]])[] = [
    ['learnt', views],
    ['fresh', ['feed', 'my-model']],
    ['training', ['feed', 'my-model']],
    ['without a network', ['feed', 'my-model']],
    ['switched off', ['my-model']],
    ['starting', ['feed', 'settings']],
    ['preparing', ['feed', 'my-model']],
    ['stranded', ['feed', 'my-model']],
    ['failed', ['feed', 'my-model', 'settings']],
    ['films', ['feed', 'item']],
    ['articles', ['feed', 'item']],
  ]
  for (const [scene, views] of seen)
    for (const view of views)
      test(`in ${view}, ${scene}`, async ({ page, url }) => {
        await show(page, url, scene, view)
        await isClean(page)
      })

  test('in an open card', async ({ page, url }) => {
    await show(page, url, 'learnt', 'feed')
    await page.locator('article').nth(1).getByRole('button').first().click()
    await isClean(page)
  })

  test('in the question before everything is forgotten, and the answer after', async ({ page, url }) => {
    await show(page, url, 'learnt', 'settings')
    await page.getByRole('button', { name: 'Forget everything' }).click()
    await isClean(page)
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /forget/i })
      .click()
    await expect(page.getByTestId('erased')).toBeVisible()
    await isClean(page)
  })

  test('where the browser cannot run the app', async ({ page, url }) => {
    await page.addInitScript(() => Object.assign(globalThis, { Worker: undefined }))
    await page.goto(url)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    await isClean(page)
  })
})

test.describe('nothing sticks out or is cut off', () => {
  /** Elements beyond the left or right edge of the screen, and texts that their boxes cut. */
  const faults = (page: Page) =>
    page.evaluate(() => {
      const width = document.documentElement.clientWidth
      const name = (element: Element) =>
        `${element.tagName.toLowerCase()}.${element.className} “${element.textContent?.slice(0, 40)}”`
      const found = []
      if (document.documentElement.scrollWidth > width)
        found.push(`the page is ${document.documentElement.scrollWidth} wide, of ${width}`)
      for (const element of document.querySelectorAll<HTMLElement>('body *')) {
        if (element.closest('.sr-only, .skip, svg, [hidden]') || !element.checkVisibility()) continue
        const { left, right } = element.getBoundingClientRect()
        if (left < -1 || right > width + 1) found.push(`beyond the edge: ${name(element)}`)
        const { overflowX } = getComputedStyle(element)
        const cuts = overflowX === 'hidden' || overflowX === 'clip'
        if (cuts && element.scrollWidth > element.clientWidth + 1) found.push(`cut: ${name(element)}`)
      }
      return found
    })

  const ways = [
    { way: 'at 320 pixels', width: 320 },
    { way: 'at 1440 pixels', width: 1440 },
    { way: 'in German at 320 pixels', width: 320, query: '&lang=de' },
    { way: 'from right to left at 320 pixels', width: 320, query: '&lang=x-rtl' },
    { way: 'from right to left at 1440 pixels', width: 1440, query: '&lang=x-rtl' },
    { way: 'with text of twice the size at 360 pixels', width: 360, text: '200%' },
    { way: 'with text of twice the size at 1440 pixels', width: 1440, text: '200%' },
  ]
  for (const { way, width, query = '', text } of ways)
    test(way, async ({ page, url }) => {
      await page.setViewportSize({ width, height: 800 })
      for (const view of views) {
        await show(page, url, 'learnt', view, query)
        if (text) await page.addStyleTag({ content: `html { font-size: ${text} }` })
        expect(await faults(page), view).toEqual([])
      }
    })
})

test('in German nothing is left in English, and the page says which language it is in', async ({
  page,
  url,
}) => {
  await show(page, url, 'learnt', 'settings', '&lang=de')
  await expect(page.locator('html')).toHaveAttribute('lang', 'de')
  await expect(page.getByRole('navigation')).toHaveText(/Mein Modell/)
  await expect(page.getByRole('navigation')).not.toHaveText(/My model/)
})

test('the whole feed can be used from the keyboard', async ({ page, url }) => {
  await show(page, url, 'learnt', 'feed')
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '')
  await page.keyboard.press('Tab')
  expect(await focused()).toBe('Skip to the content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  const card = page.locator('article').first()
  await expect(card.getByRole('button').first()).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(card).toHaveAttribute('data-open', 'true')
})

/** The smallest phone, and a computer. */
const SCREENS: readonly ProfileName[] = ['iphone-se', 'desktop']

for (const name of SCREENS) {
  const { viewport } = profile(name)
  for (const view of views)
    test(`${view} looks as it did, on ${name}`, async ({ page, url }) => {
      await page.setViewportSize(viewport)
      await show(page, url, 'learnt', view)
      await page.addStyleTag({ content: boxesStyle() })
      await page.evaluate(() => document.fonts.load('1em Boxes'))
      for (const colorScheme of LOOKS) {
        await page.emulateMedia({ colorScheme })
        // What is drawn of the model is below the first screen.
        const fullPage = view === 'my-model' && colorScheme === 'light'
        await expect(page).toHaveScreenshot(`${view}-${name}-${colorScheme}.png`, { fullPage })
      }
    })
}
