import { beforeEach, describe, expect, it } from 'vitest'
import type { Round } from '../shared/protocol.ts'
import { type BadgePage, badgeChosen, canBadge, chooseBadge, watchBadge } from './badge.ts'
import { createStore } from './store.ts'

let held: Map<string, string>
let mark: boolean
let hidden: boolean
let looks: () => void

beforeEach(() => {
  held = new Map()
  mark = false
  hidden = false
  looks = () => {}
})

const page = (more: Partial<BadgePage> = {}): BadgePage => ({
  document: {
    get hidden() {
      return hidden
    },
    addEventListener: (_: string, listener: unknown) => {
      looks = listener as () => void
    },
  },
  navigator: {
    async setAppBadge() {
      mark = true
    },
    async clearAppBadge() {
      mark = false
    },
  },
  localStorage: {
    getItem: (key) => held.get(key) ?? null,
    setItem: (key, value) => void held.set(key, value),
    removeItem: (key) => void held.delete(key),
  },
  ...more,
})

/** The app with rounds behind it, hidden; then another round ends. */
function roundBehind(browser: BadgePage, round: Partial<Round>, behind: Partial<Round>[] = [{ at: 5 }]) {
  const status = createStore<{ rounds: Round[] } | null>(null)
  watchBadge(browser, status)
  hidden = true
  status.set({ rounds: behind as Round[] })
  status.set({ rounds: [{ at: 10, ...round } as Round, ...(behind as Round[])] })
}
const better = { outcome: 'committed', before: 0.6, after: 0.7 } as const

describe('the mark', () => {
  it('is not made unless the user has switched it on', async () => {
    roundBehind(page(), better)
    expect(mark).toBe(false)
    expect(await chooseBadge(page(), true)).toBe(true)
    roundBehind(page(), better)
    expect(mark).toBe(true)
  })

  it('is made for the very first round as well', async () => {
    await chooseBadge(page(), true)
    roundBehind(page(), better, [])
    expect(mark).toBe(true)
  })

  it('is taken away when the app is looked at', async () => {
    await chooseBadge(page(), true)
    roundBehind(page(), better)
    looks()
    expect(mark, 'still hidden').toBe(true)
    hidden = false
    looks()
    expect(mark).toBe(false)
  })

  it.each([
    ['a round that kept the model as it was', { outcome: 'kept', before: 0.6, after: 0.5 }],
    ['a model that is not judged', { outcome: 'committed', before: null, after: null }],
    ['one whose log-loss decided, and rose', { ...better, loss: { before: 0.5, after: 0.6 } }],
    ['a round that was there before', { ...better, at: 5 }],
  ] as [string, Partial<Round>][])('is not made for %s', async (_, round) => {
    await chooseBadge(page(), true)
    roundBehind(page(), round)
    expect(mark).toBe(false)
  })

  it('is not made while the app is looked at', async () => {
    await chooseBadge(page(), true)
    const status = createStore<{ rounds: Round[] } | null>(null)
    watchBadge(page(), status)
    status.set({ rounds: [] })
    status.set({ rounds: [{ at: 10, ...better } as unknown as Round] })
    expect(mark).toBe(false)
  })
})

describe('the switch', () => {
  it('is off, and remembers', async () => {
    expect(badgeChosen(page())).toBe(false)
    await chooseBadge(page(), true)
    expect(badgeChosen(page())).toBe(true)
    mark = true
    await chooseBadge(page(), false)
    expect([badgeChosen(page()), mark]).toEqual([false, false])
  })

  it('needs the permission to notify on iOS, and stays off without it', async () => {
    const ios = (answer: string) =>
      page({
        navigator: { ...page().navigator, standalone: true },
        Notification: { requestPermission: async () => answer },
      })
    expect(await chooseBadge(ios('denied'), true)).toBe(false)
    expect(badgeChosen(page())).toBe(false)
    expect(await chooseBadge(ios('granted'), true)).toBe(true)
  })

  it('is not there where icons cannot be marked', () => {
    expect(canBadge(page())).toBe(true)
    expect(canBadge(page({ navigator: {} }))).toBe(false)
  })
})
