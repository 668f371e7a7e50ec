/** What has to hold in every browser, held in three: the engines' contract, and the device's tests of what it stores. */
import { expect, test } from 'playwright/test'
import { find, isRequired } from './browsers/find.js'
import { openTab } from './browsers/open.ts'
import type { Tab } from './browsers/tab.ts'
import type { Outcome } from './harness/vitest.ts'
import { shared } from './host.ts'

let pages: { url: string }
test.beforeAll(async () => {
  pages = await shared('pages')
})

for (const kind of ['chromium', 'firefox', 'webkit'] as const)
  test.describe(kind, () => {
    // One browser of a kind, which its tests use one after the other; the kinds run side by side.
    test.describe.configure({ mode: 'default' })
    test.skip(!find(kind) && !isRequired(kind), `There is no ${kind} here, and none could be installed.`)
    let tab: Tab
    test.beforeAll(async () => {
      tab = await openTab(kind)
    })
    test.afterAll(() => tab?.close())

    /** Runs tests in the page; each must pass. */
    async function passes(page: string, name: string, ...args: readonly unknown[]): Promise<number> {
      await tab.goto(`${pages.url}${page}`)
      const outcomes = (await tab.evaluate(name, ...args)) as Outcome[]
      expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([])
      const passed = outcomes.filter(({ state }) => state === 'pass')
      const seconds = passed.reduce((sum, { ms }) => sum + ms, 0) / 1000
      console.log(`  ${tab.version}: ${passed.length} checks passed in ${seconds.toFixed(1)} s`)
      return passed.length
    }

    test('the device’s tests of what it stores hold on the browser’s own IndexedDB and Web Locks', async () => {
      // Every write goes to the disk, strictly, and a property writes thousands of times.
      test.setTimeout(6 * 60_000)
      expect(await passes('storage.html', 'runStorageTests')).toBeGreaterThanOrEqual(80)
    })

    // Node has Chromium's engine, and engines.spec.ts has what is Chromium's own.
    if (kind === 'chromium') return
    for (const [engine, checks] of [
      ['fused-wasm', 100],
      ['plain', 100],
    ] as const)
      test(`${engine}: the engine contract`, async () => {
        expect(await passes('engines.html', 'runContract', engine, { examples: 24 })).toBeGreaterThanOrEqual(
          checks,
        )
      })
  })
