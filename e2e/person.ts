/** A person with a phone, and a look into what their browser keeps. */
import { expect, type Page } from 'playwright/test'
import { readModels, type StoredModel } from './stored.ts'

export type View = 'Feed' | 'My model' | 'Settings'

/** How long somebody looks at a screenful, ms: what is in view for half a second counts as seen. */
const LOOK_MS = 650

export class Person {
  readonly page: Page
  /** The app's address. */
  readonly url: string
  constructor(page: Page, url: string) {
    this.page = page
    this.url = url
  }

  /** Opens the app and waits until a feed is ranked. The seed makes the draw of the feed and the rounds repeatable. */
  async visit(query = '?seed=1'): Promise<void> {
    await this.page.addInitScript(() => {
      const tasks: { start: number; ms: number }[] = []
      Object.assign(window, { longTasks: tasks })
      new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries())
          tasks.push({ start: startTime, ms: duration })
      }).observe({ type: 'longtask', buffered: true })
    })
    await this.page.goto(`${this.url}/${query}`)
    await this.feedIsRanked()
  }

  async feedIsRanked(): Promise<void> {
    await expect(this.page.getByTestId('feed').locator('article').first()).toBeVisible({ timeout: 60_000 })
  }

  /** Keys of the feed's items, best first. */
  feed(): Promise<string[]> {
    return this.page
      .getByTestId('feed')
      .locator('article')
      .evaluateAll((cards) => cards.map((card) => card.getAttribute('data-item')!))
  }

  /**
   * Looks through the feed from the top, a screenful at a time, and opens the items with the feed's commonest topic, `count`
   * in all; others only where too few are left.
   */
  async openItems(count: number): Promise<void> {
    const cards = await this.cards()
    const favourite = commonest(cards.flatMap(({ topics }) => topics))
    const looked = new Set<string>()
    let opened = 0
    for (const [place, { key, topics }] of cards.entries()) {
      if (opened === count) break
      const card = this.page.locator(`article[data-item="${key}"]`)
      if (!looked.has(key)) {
        await card.evaluate((card) => card.scrollIntoView({ block: 'start', behavior: 'instant' }))
        await this.page.waitForTimeout(LOOK_MS)
        // A busy machine notices later what is in view; and what was passed over is learnt from, too.
        await expect.poll(() => this.inView({ unseen: true }), 'in view, but not counted as seen').toEqual([])
        for (const seen of await this.inView()) looked.add(seen)
      }
      if (!topics.includes(favourite) && cards.length - place > count - opened) continue
      await card.getByRole('button').first().click()
      opened++
    }
    expect(opened, 'items opened').toBe(count)
  }

  /** The feed's items with their topics, best first. */
  private cards(): Promise<{ key: string; topics: string[] }[]> {
    return this.page
      .getByTestId('feed')
      .locator('article')
      .evaluateAll((cards) =>
        cards.map((card) => ({
          key: card.getAttribute('data-item')!,
          topics: [...card.querySelectorAll('.chips li')].map((chip) => chip.textContent ?? ''),
        })),
      )
  }

  /** Keys of the items of which half can be seen; or of those that are plainly there and that the app has not counted. */
  private inView({ unseen = false } = {}): Promise<string[]> {
    return this.page
      .getByTestId('feed')
      .locator('article')
      .evaluateAll((cards, unseen) => {
        const covered = Number.parseFloat(getComputedStyle(document.documentElement).scrollPaddingBottom) || 0
        // As web/feed/session.ts has it.
        const { seen } = JSON.parse(sessionStorage.getItem('kindred.feed')!) as { seen: string[] }
        return cards
          .filter((card) => {
            const { top, bottom, height } = card.getBoundingClientRect()
            const share = (Math.min(bottom, innerHeight - covered) - Math.max(top, 0)) / height
            return share >= (unseen ? 0.7 : 0.5)
          })
          .map((card) => card.getAttribute('data-item')!)
          .filter((item) => !unseen || !seen.includes(item))
      }, unseen)
  }

  async goTo(view: View): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name: view }).click()
  }

  /** What “My model” tells of the newest round, once that has committed a model. */
  async committedRound(): Promise<Record<string, string>> {
    const found = await this.page.waitForFunction(
      () => {
        const round = document.querySelector<HTMLElement>('[data-testid=round][data-outcome=committed]')
        return round && ({ ...round.dataset } as Record<string, string>)
      },
      undefined,
      { timeout: 90_000 },
    )
    return (await found.jsonValue())!
  }

  /** Erases everything, and says what the app says was removed. */
  async forget(): Promise<string> {
    await this.goTo('Settings')
    await this.page.getByRole('button', { name: 'Forget everything' }).click()
    const dialog = this.page.getByRole('dialog')
    await dialog.getByRole('button', { name: /forget/i }).click()
    return this.page.getByTestId('erased').innerText()
  }

  /** The ranking models as they lie in IndexedDB, hashed anew. */
  storedModels(): Promise<StoredModel[]> {
    return this.page.evaluate(readModels)
  }

  /** What the models' rows say of their bytes, each hash once. */
  async hashes(): Promise<string[]> {
    return [...new Set((await this.storedModels()).map(({ sha256 }) => sha256))]
  }

  /** Tasks that blocked the page's thread for more than 50 ms and began `at` or after `since` (ms since 1970). */
  longTasks(since: number): Promise<{ at: number; ms: number }[]> {
    return this.page.evaluate((since) => {
      const { longTasks } = window as unknown as { longTasks: { start: number; ms: number }[] }
      const opened = Date.now() - performance.now()
      return longTasks.map(({ start, ms }) => ({ at: opened + start, ms })).filter(({ at }) => at >= since)
    }, since)
  }
}

function commonest(topics: readonly string[]): string {
  const tally = new Map<string, number>()
  for (const topic of topics) tally.set(topic, (tally.get(topic) ?? 0) + 1)
  return [...tally].sort((a, b) => b[1] - a[1])[0]?.[0] ?? ''
}
