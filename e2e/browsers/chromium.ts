/** Chromium by Playwright. */
import { chromium } from 'playwright'
import type { Found } from './find.js'
import { callByName, callIt, type Tab } from './tab.ts'

/** Chromium speaks to nobody but the server under test; as root it has no sandbox to offer. */
export const CHROMIUM_ARGS = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
]

export async function openChromium({ executablePath }: Found): Promise<Tab> {
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS })
  const page = await browser.newPage()
  return {
    version: `Chromium ${browser.version()}`,
    async goto(url) {
      await page.goto(url)
    },
    evaluate: (name, ...args) => page.evaluate(callByName, [name, args] as const),
    perform: (act, ...input) => page.evaluate(callIt(act, input)),
    close: () => browser.close(),
  }
}
