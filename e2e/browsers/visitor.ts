/** A person with a browser that can only be told what to do inside of a page. */
import type { Tab } from './tab.ts'

export interface Visitor {
  /** Opens the app; the keys of the feed's items once it is ranked, best first. */
  visit(): Promise<string[]>
  /** The feed's keys, as they stand. */
  feed(): Promise<string[]>
  /** Looks at the cards one by one and opens `count` of those with the commonest topic. */
  openItems(count: number): Promise<void>
  goTo(view: 'feed' | 'my-model' | 'settings'): Promise<void>
  /** The `data-` attributes of the element with that test id, once they have the values of `like`. */
  facts(testid: string, like?: Record<string, string>): Promise<Record<string, string>>
  /** Done when a service worker answers for the page. */
  kept(): Promise<void>
  /** Erases everything; what the app says was removed. */
  forget(): Promise<string>
}

export function createVisitor(tab: Tab, url: string): Visitor {
  const ask = <Out>(name: string, ...input: unknown[]) => tab.evaluate(name, ...input) as Promise<Out>
  return {
    async visit() {
      await tab.goto(`${url}/?seed=1`)
      await tab.perform(becomeVisitor)
      return ask('feed')
    },
    feed: () => ask('feed'),
    openItems: (count) => ask('openItems', count),
    goTo: (view) => ask('goTo', view === 'feed' ? '#/' : `#/${view}`),
    facts: (testid, like = {}) => ask('facts', testid, like),
    kept: () => ask('kept'),
    forget: () => ask('forget'),
  }
}

/** In the page: what the visitor does there, as functions of the window. Needs nothing from around it. */
function becomeVisitor(): void {
  /** What is not there by then never will be, ms. */
  const PATIENCE_MS = 90_000
  /** What is in view for half a second counts as seen. */
  const LOOK_MS = 650

  function until<T>(what: string, look: () => T | null | undefined | false): Promise<T> {
    return new Promise((found, missed) => {
      const watch = () => {
        const seen = look()
        if (!seen) return
        observer.disconnect()
        clearTimeout(timer)
        found(seen)
      }
      const timer = setTimeout(() => {
        observer.disconnect()
        missed(new Error(`No ${what}: ${document.body.innerText.slice(0, 500)}`))
      }, PATIENCE_MS)
      const observer = new MutationObserver(watch)
      observer.observe(document, { childList: true, subtree: true, attributes: true })
      watch()
    })
  }
  const element = (selector: string) => until(selector, () => document.querySelector<HTMLElement>(selector))
  const cards = () => [...document.querySelectorAll<HTMLElement>('[data-testid=feed] article')]
  const topicsOf = (card: Element) =>
    [...card.querySelectorAll('.chips li')].map((chip) => chip.textContent ?? '')

  /** Until the app counts it as seen: a busy machine notices late what is in view, and a card that opens moves the others. */
  async function lookAt(card: HTMLElement): Promise<void> {
    const patience = performance.now() + PATIENCE_MS
    do {
      if (performance.now() > patience) throw new Error(`${card.dataset.item} is looked at, but not seen.`)
      card.scrollIntoView({ block: 'center', behavior: 'instant' })
      await new Promise((looked) => setTimeout(looked, LOOK_MS))
      // As web/feed/session.ts has it.
    } while (!JSON.parse(sessionStorage.getItem('kindred.feed')!).seen.includes(card.dataset.item))
  }

  async function openItems(count: number): Promise<void> {
    const tally = new Map<string, number>()
    for (const topic of cards().flatMap(topicsOf)) tally.set(topic, (tally.get(topic) ?? 0) + 1)
    const favourite = [...tally].sort((a, b) => b[1] - a[1])[0]?.[0] ?? ''
    let left = count
    for (const [place, card] of cards().entries()) {
      if (left === 0) return
      await lookAt(card)
      if (!topicsOf(card).includes(favourite) && cards().length - place > left) continue
      card.querySelector('button')!.click()
      left--
    }
  }

  async function facts(testid: string, like: Record<string, string>): Promise<Record<string, string>> {
    const wanted = Object.entries(like)
    const found = await until(`${testid} with ${JSON.stringify(like)}`, () => {
      const seen = document.querySelector<HTMLElement>(`[data-testid="${testid}"]`)
      return wanted.every(([name, value]) => seen?.dataset[name] === value) && seen
    })
    return { ...found.dataset } as Record<string, string>
  }

  async function kept(): Promise<void> {
    const workers = navigator.serviceWorker
    await workers.ready
    if (workers.controller) return
    await new Promise((claimed) => workers.addEventListener('controllerchange', claimed, { once: true }))
  }

  async function forget(): Promise<string> {
    ;(await element('.danger:not(dialog *)')).click()
    ;(await element('dialog[open] .danger')).click()
    return (await element('[data-testid=erased]')).innerText
  }

  Object.assign(window, {
    feed: async () => {
      await element('[data-testid=feed] article')
      return cards().map((card) => card.dataset.item)
    },
    goTo: async (hash: string) => (await element(`nav a[href="${hash}"]`)).click(),
    ...{ openItems, facts, kept, forget },
  })
}
