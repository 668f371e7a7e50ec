/** A phone: Chromium with a Pixel's screen and a quarter of this machine's speed, that nothing is stored on yet. */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright'
import { devices } from 'playwright'
import { AppError } from '../../../../shared/failure.ts'

/** A machine that is this busy measures nothing. */
const PATIENCE_MS = 120_000
/** How much slower than here the page's thread runs. */
const SLOWDOWN = 4

export interface Visit {
  readonly page: Page
  readonly cdp: CDPSession
  /** Milliseconds from the navigation's start until the feed was ranked and painted. */
  readonly rankedMs: number
  /** What the browser says of the load: milliseconds since the navigation's start. */
  readonly marks: Readonly<Record<string, number>>
}

/** A browser profile without cookies, caches or storage. */
export function newPhone(browser: Browser): Promise<BrowserContext> {
  const { defaultBrowserType: _, ...pixel } = devices['Pixel 7']!
  return browser.newContext({ ...pixel, locale: 'en-GB' })
}

/** Opens the app on a page of its own, and waits until its feed is ranked. `before` is done before anything is loaded. */
export async function visit(
  phone: BrowserContext,
  url: string,
  before: (cdp: CDPSession) => Promise<void> = async () => {},
): Promise<Visit> {
  const page = await phone.newPage()
  const cdp = await phone.newCDPSession(page)
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN })
  await before(cdp)
  const marks = new Promise<Visit['marks']>((resolve) => {
    void page.exposeFunction('onRanked', resolve)
  })
  await page.addInitScript({ path: join(import.meta.dirname, 'watch.js') })
  await page.goto(`${url}/?seed=1`, { waitUntil: 'commit', timeout: PATIENCE_MS })
  const seen = await within(PATIENCE_MS, marks, 'The feed was not ranked')
  return { page, cdp, rankedMs: seen.ranked!, marks: seen }
}

/** `work`, or a failure that says what has not happened. */
function within<T>(ms: number, work: Promise<T>, what: string): Promise<T> {
  const late = wait(ms, undefined, { ref: false }).then(() => {
    throw new AppError('not-ready', `${what} within ${ms / 1000} s.`)
  })
  return Promise.race([work, late])
}
