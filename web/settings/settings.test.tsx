import { parseHTML } from 'linkedom'
import { render } from 'preact'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AppError } from '../../shared/error.ts'
import type { DeviceApi, Status } from '../../shared/protocol.ts'
import type { Feed, FeedState } from '../feed/feed.ts'
import type { Install, InstallState } from '../install.ts'
import { createStore } from '../store.ts'
import { language, speak } from '../strings/index.ts'
import { soon, statusWith } from '../testing.ts'
import { Settings } from './settings.tsx'

const status = statusWith({
  engine: 'fused-wasm',
  events: { waiting: 2, delivered: 30 },
  samples: { local: 10, clicks: 4, matched: 20, filtered: 5 },
  serving: { slot: 'M', version: 3, sha256: 'aa' },
  persistent: false,
})

let page: ReturnType<typeof parseHTML>
let calls: [name: string, input: unknown][]
let fail: AppError | null
const device = new Proxy({} as DeviceApi, {
  get: (_, name: string) => async (input: unknown) => {
    calls.push([name, input])
    if (fail) throw fail
  },
})
const state = createStore<FeedState>({ phase: 'preparing' })
const feed = { state } as unknown as Feed
const install = (now: InstallState, byHand: Install['byHand'] = null): Install => ({
  state: createStore(now),
  byHand,
  ask: async () => {},
})

/** Lets promises settle and the page be drawn anew. */
const settled = () => new Promise((done) => setTimeout(done, 0))
const root = () => page.document.getElementById('app')!
const show = (now: Status | null, offer = install('none')) =>
  render(<Settings device={device} feed={feed} install={offer} status={now} />, root())
const headings = () => [...root().querySelectorAll('h2')].map(({ textContent }) => textContent)
const named = (name: string, value: string) =>
  root().querySelector(`input[name="${name}"][value="${value}"]`) as HTMLInputElement
const labelled = (text: string) =>
  [...root().querySelectorAll('label')].find((label) => label.textContent === text)!.querySelector('input')!
/** As a user does it: the box has changed when the page hears of it. */
const set = (box: HTMLInputElement, checked: boolean) => {
  box.checked = checked
  box.dispatchEvent(new page.Event('change', { bubbles: true }))
}

beforeEach(() => {
  page = parseHTML('<!doctype html><html><body><div id="app"></div></body></html>')
  const { document, Event } = page
  calls = []
  fail = null
  const stored = new Map<string, string>()
  vi.stubGlobal('window', { document, navigator: {}, localStorage: { getItem: () => null } })
  vi.stubGlobal('document', document)
  vi.stubGlobal('Event', Event)
  vi.stubGlobal('navigator', { languages: ['en'], storage: { persist: async () => true } })
  vi.stubGlobal('requestAnimationFrame', (act: () => void) => setTimeout(act, 0))
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  })
})
afterEach(async () => {
  render(null, root())
  await speak('en')
  vi.unstubAllGlobals()
})

describe('settings', () => {
  it('have a panel for all that the user decides', () => {
    show(status)
    expect(root().querySelector('h1')?.textContent).toBe('Settings')
    expect(headings().filter((text) => !text?.endsWith('?') && text !== 'Bring in ?')).toEqual([
      'Language',
      'Look',
      'Learning',
      'What others learn from you',
      'On your home screen',
      'Kept on this device',
      'Take it with you',
      'Forget me',
      'About',
    ])
  })

  it('show what needs no device while the device is not there yet', () => {
    show(null)
    expect(headings()).toEqual(['Language', 'Look', 'On your home screen', 'About'])
    expect(root().textContent).toContain('The device worker is starting…')
  })

  it('say why where the device cannot be had', () => {
    state.set({ phase: 'failed', failure: { code: 'storage', message: 'No database.' } })
    show(null)
    expect(root().querySelector('[role=alert]')?.textContent).toContain('The storage of this device failed.')
    expect(root().querySelector('[role=alert]')?.textContent).toContain('No database.')
    state.set({ phase: 'preparing' })
  })

  it('switch learning off by the device, and say what came of it', async () => {
    show(status)
    const box = labelled('Learn by itself, when there is something new')
    set(box, false)
    await settled()
    expect(calls).toEqual([['learn', { on: false }]])
    fail = new AppError('storage', 'Nothing could be written.')
    set(box, false)
    await soon(() => expect(root().textContent).toContain('Nothing could be written.'))
  })

  it('tell the device what others may learn', async () => {
    show(status)
    set(root().querySelector('[data-testid=sharing]') as HTMLInputElement, false)
    await settled()
    expect(calls).toEqual([['share', { on: false }]])
  })

  it('speak another language at once, and keep that', async () => {
    show(status)
    set(named('language', 'de'), true)
    await soon(() => expect(language()).toBe('de'))
    expect(page.document.documentElement.lang).toBe('de')
    expect(localStorage.getItem('kindred:language')).toBe('de')
    show(status)
    expect(root().querySelector('h1')?.textContent).toBe('Einstellungen')
  })

  it('look dark at once, and keep that', () => {
    show(status)
    set(named('look', 'dark'), true)
    expect(page.document.documentElement.dataset.look).toBe('dark')
    expect(localStorage.getItem('kindred:look')).toBe('dark')
  })

  it('ask the browser to keep what is stored, and tell the device its answer', async () => {
    show(status)
    const ask = [...root().querySelectorAll('button')].find(
      (button) => button.textContent === 'Ask to keep it',
    )!
    ask.dispatchEvent(new page.Event('click', { bubbles: true }))
    await soon(() => expect(calls).toEqual([['persisted', { granted: true }]]))
    show({ ...status, persistent: true })
    expect(root().querySelector('[data-testid=persistent]')?.textContent).toMatch(
      /^Your browser has promised/,
    )
    expect(root().textContent).not.toContain('Ask to keep it')
  })

  it.each([
    [install('offered'), /Install Kindred/],
    [install('declined'), /Install Kindred/],
    [install('by-hand', 'safari-ios'), /Add to Home Screen/],
    [install('installed'), /is installed on this device/],
    [install('none'), /Its menu may have/],
  ] as const)('say how to install it', (offer, expected) => {
    show(status, offer)
    expect(root().textContent).toMatch(expected)
  })

  it('say what runs here, in which version', () => {
    show(status)
    const facts = [...root().querySelectorAll('.facts dd')].map(({ textContent }) => textContent)
    expect(facts).toEqual([
      expect.stringMatching(/^\d+\.\d+\.\d+/),
      'demo, version 3',
      'none yet',
      'fused-wasm',
      'Apache-2.0',
    ])
  })
})
