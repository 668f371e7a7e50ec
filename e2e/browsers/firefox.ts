/** Firefox by WebDriver BiDi. */
import puppeteer from 'puppeteer-core'
import type { Found } from './find.js'
import { callByName, callIt, PATIENCE_MS, type Tab } from './tab.ts'

export async function openFirefox({ executablePath }: Found): Promise<Tab> {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    protocolTimeout: PATIENCE_MS,
  })
  try {
    const page = await browser.newPage()
    return {
      version: await browser.version(),
      async goto(url) {
        await page.goto(url)
      },
      evaluate: (name, ...args) => page.evaluate(callByName, [name, args] as const),
      perform: (act, ...input) => page.evaluate(callIt(act, input)) as Promise<never>,
      close: () => browser.close(),
    }
  } catch (error) {
    await browser.close()
    throw error
  }
}
