import { parseHTML } from 'linkedom'
import { render } from 'preact'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DeviceApi, Status } from '../shared/protocol.ts'
import { App } from './app.tsx'
import type { Feed, FeedState } from './feed/feed.ts'
import type { Install } from './install.ts'
import { createStore } from './store.ts'
import { speak } from './strings/index.ts'
import { soon } from './testing.ts'
import type { Updates } from './update.ts'

let page: ReturnType<typeof parseHTML>
let places: { hash: string; top: number }
/** Listeners of the window. */
let listening: number
let status: ReturnType<typeof createStore<Status | null>>

const feed = { state: createStore<FeedState>({ phase: 'preparing' }), visible: () => {} } as unknown as Feed
const install = { state: createStore('none'), byHand: null, ask: async () => {} } as unknown as Install
const updates: Updates = { ready: createStore(false), take: () => {} }
const root = () => page.document.getElementById('app')!
const title = () => root().querySelector('h1')?.textContent
const go = (hash: string) => {
  places.hash = hash
  globalThis.dispatchEvent(new Event('hashchange'))
}

beforeEach(async () => {
  page = parseHTML('<!doctype html><html><head></head><body><div id="app"></div></body></html>')
  places = { hash: '', top: 0 }
  status = createStore<Status | null>(null)
  const events = new EventTarget()
  listening = 0
  vi.stubGlobal('window', { document: page.document, navigator: {}, localStorage: { getItem: () => null } })
  vi.stubGlobal('document', page.document)
  vi.stubGlobal('navigator', { languages: ['en'] })
  vi.stubGlobal('location', {
    get hash() {
      return places.hash
    },
    search: '',
  })
  vi.stubGlobal('addEventListener', (...added: Parameters<EventTarget['addEventListener']>) => {
    listening++
    events.addEventListener(...added)
  })
  vi.stubGlobal('removeEventListener', (...removed: Parameters<EventTarget['removeEventListener']>) => {
    listening--
    events.removeEventListener(...removed)
  })
  vi.stubGlobal('dispatchEvent', events.dispatchEvent.bind(events))
  vi.stubGlobal('requestAnimationFrame', (act: () => void) => setTimeout(act, 0))
  vi.stubGlobal('scrollTo', ({ top }: { top: number }) => {
    places.top = top
  })
  Object.defineProperty(globalThis, 'scrollY', { get: () => places.top, configurable: true })
  render(<App {...{ device: {} as DeviceApi, feed, install, updates, status }} />, root())
  // What is watched is watched after the first drawing; the title is set then, too.
  await soon(() => expect(page.document.title).toBe('Kindred'))
})
afterEach(async () => {
  render(null, root())
  // What a view has begun is ended some time after it is gone; the window must still be there then.
  await soon(() => expect(listening).toBe(0))
  await speak('en')
  vi.unstubAllGlobals()
})

const current = () =>
  [...root().querySelectorAll('nav a[aria-current]')].map((link) => link.getAttribute('href'))

describe('the page', () => {
  it('has its landmarks, and a way past the header', () => {
    const [first] = root().querySelectorAll('a, button')
    expect(first?.textContent).toBe('Skip to the content')
    expect(['header', 'nav', 'main'].map((name) => root().querySelectorAll(name).length)).toEqual([1, 1, 1])
    expect(root().querySelector('nav')?.getAttribute('aria-label')).toBe('Views')
  })

  it('begins with the feed, and says in the tabs where it is', () => {
    expect(title()).toBe('Feed')
    expect(current()).toEqual(['#/'])
  })

  it('goes to another view, with its title, and the focus there', async () => {
    const focused: string[] = []
    const { HTMLElement } = page.window as unknown as { HTMLElement: { prototype: { focus: unknown } } }
    HTMLElement.prototype.focus = function (this: Element) {
      focused.push(this.textContent ?? '')
    }
    go('#/settings')
    await soon(() => expect(title()).toBe('Settings'))
    await soon(() => expect(focused).toEqual(['Settings']))
    expect(page.document.title).toBe('Settings · Kindred')
    expect(current()).toEqual(['#/settings'])
  })

  it('finds a view where it was left', async () => {
    places.top = 700
    go('#/settings')
    await soon(() => expect(title()).toBe('Settings'))
    expect(places.top).toBe(0)
    places.top = 300
    go('#/')
    await soon(() => expect(title()).toBe('Feed'))
    expect(places.top).toBe(700)
  })

  it('is drawn anew when another language is spoken', async () => {
    await speak('de')
    await soon(() => expect(root().querySelector('nav')?.getAttribute('aria-label')).toBe('Ansichten'))
  })

  it('offers a new version', async () => {
    expect(root().textContent).not.toContain('A new version is ready.')
    updates.ready.set(true)
    await soon(() => expect(root().textContent).toContain('A new version is ready.'))
    updates.ready.set(false)
    await soon(() => expect(root().textContent).not.toContain('A new version is ready.'))
  })
})
