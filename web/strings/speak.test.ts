import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as strings from './index.ts'

let stored: Map<string, string>
let page: { lang: string; dir: string }

beforeEach(async () => {
  stored = new Map()
  page = { lang: 'en', dir: '' }
  vi.stubGlobal('document', { documentElement: page })
  vi.stubGlobal('navigator', { languages: ['de-AT', 'en'] })
  vi.stubGlobal('location', { search: '' })
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  })
})
afterEach(async () => {
  await strings.speak('en')
  vi.unstubAllGlobals()
})

describe('speaking', () => {
  it('begins as the browser has it, and says so of the document', async () => {
    await strings.beginSpeaking()
    expect(strings.t.app.settings).toBe('Einstellungen')
    expect(strings.language()).toBe('de')
    expect(page).toEqual({ lang: 'de', dir: 'ltr' })
  })

  it('tells whoever draws, and keeps what was chosen for the next visit', async () => {
    const heard: string[] = []
    const stop = strings.spoken.watch(({ tag }) => heard.push(tag))
    await strings.speak('de')
    await strings.speak('en')
    stop()
    expect(heard).toEqual(['de', 'en'])
    expect(strings.chosenLanguage()).toBe('en')
    await strings.beginSpeaking()
    expect(strings.t.app.settings).toBe('Settings')
  })

  it('goes back to the browser’s language, and keeps nothing', async () => {
    await strings.speak('en')
    await strings.speak(null)
    expect(strings.language()).toBe('de')
    expect(stored.size).toBe(0)
  })

  it('of two languages asked for one after the other, the later one is spoken', async () => {
    const first = strings.speak('x-rtl')
    await Promise.all([strings.speak('en'), first])
    expect(strings.language()).toBe('en')
    expect(page.dir).toBe('ltr')
  })

  it('from right to left is said of the document', async () => {
    vi.stubGlobal('location', { search: '?lang=x-rtl' })
    await strings.beginSpeaking()
    expect(page).toEqual({ lang: 'en-x-rtl', dir: 'rtl' })
  })

  it('goes on where storage is forbidden', async () => {
    vi.stubGlobal('localStorage', undefined)
    await strings.speak('de')
    expect(strings.language()).toBe('de')
    expect(strings.chosenLanguage()).toBeNull()
  })
})
