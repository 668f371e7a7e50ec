/** A person with a phone, and a look into what their browser keeps. */
import { expect, type Page } from 'playwright/test'

const base = () => process.env.KINDRED_URL!

export interface StoredModel {
  slot: string
  /** The hash in the row, and the hash of the bytes as they lie on the disk. */
  sha256: string
  actual: string
}

export class Person {
  readonly page: Page
  constructor(page: Page) {
    this.page = page
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
    await this.page.goto(`${base()}/${query}`)
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
   * Looks through the feed from the top and opens the items with the feed's commonest topic, `count` in all; others only
   * where too few are left.
   */
  async openItems(count: number): Promise<void> {
    const cards = await this.page
      .getByTestId('feed')
      .locator('article')
      .evaluateAll((cards) =>
        cards.map((card) => ({
          key: card.getAttribute('data-item')!,
          topics: [...card.querySelectorAll('.chips li')].map((chip) => chip.textContent ?? ''),
        })),
      )
    const tally = new Map<string, number>()
    for (const topic of cards.flatMap(({ topics }) => topics)) tally.set(topic, (tally.get(topic) ?? 0) + 1)
    const [favourite] = [...tally].sort((a, b) => b[1] - a[1])[0] ?? ['']
    let opened = 0
    for (const [place, { key, topics }] of cards.entries()) {
      if (opened === count) break
      const card = this.page.locator(`article[data-item="${key}"]`)
      await card.scrollIntoViewIfNeeded()
      // How long this person looks at a card: what is in view for half a second counts as seen.
      await this.page.waitForTimeout(650)
      if (!topics.includes(favourite) && cards.length - place > count - opened) continue
      await card.getByRole('button').first().click()
      opened++
    }
    expect(opened, 'items opened').toBe(count)
  }

  async goTo(view: 'Feed' | 'My model'): Promise<void> {
    await this.page.getByRole('link', { name: view }).click()
  }

  /** The ranking models as they lie in IndexedDB, hashed anew. */
  storedModels(): Promise<StoredModel[]> {
    return this.page.evaluate(async () => {
      const all = <T>(request: IDBRequest<T>) =>
        new Promise<T>((done, failed) => {
          request.onsuccess = () => done(request.result)
          request.onerror = () => failed(request.error)
        })
      const db = await all(indexedDB.open('kindred'))
      const store = db.transaction(['models', 'blobs'])
      const rows = await all(store.objectStore('models').getAll())
      const blobs = await all(store.objectStore('blobs').getAll())
      db.close()
      return Promise.all(
        rows.map(async ({ slot, sha256 }: { slot: string; sha256: string }) => {
          const { bytes } = blobs.find((blob: { slot: string }) => blob.slot === slot)
          const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
          return { slot, sha256, actual: [...digest].map((b) => b.toString(16).padStart(2, '0')).join('') }
        }),
      )
    })
  }

  /** Tasks that blocked the page's thread for more than 50 ms and began after `since` (ms of `performance.now()`). */
  longTasks(since: number): Promise<{ start: number; ms: number }[]> {
    return this.page.evaluate(
      (since) =>
        (window as unknown as { longTasks: { start: number; ms: number }[] }).longTasks.filter(
          ({ start }) => start >= since,
        ),
      since,
    )
  }
}
