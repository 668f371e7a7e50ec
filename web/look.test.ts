import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { apply, choose, chosenLook } from './look.ts'

const bar = (of: string, colour: string) => ({ dataset: { of, colour }, content: colour })
let stored: Map<string, string>
let page: { dataset: Record<string, string> }
let bars: ReturnType<typeof bar>[]

beforeEach(() => {
  stored = new Map()
  page = { dataset: {} }
  bars = [bar('light', '#fff'), bar('dark', '#000')]
  vi.stubGlobal('document', { documentElement: page, querySelectorAll: () => bars })
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  })
})
afterEach(() => vi.unstubAllGlobals())

describe('light or dark', () => {
  it('is the system’s until the user chooses', () => {
    expect(chosenLook()).toBe('system')
    apply(chosenLook())
    expect(page.dataset).toEqual({})
    expect(bars.map(({ content }) => content)).toEqual(['#fff', '#000'])
  })

  it('is what the user chose, of the browser’s bar too, also at the next visit', () => {
    choose('dark')
    expect(page.dataset).toEqual({ look: 'dark' })
    expect(bars.map(({ content }) => content)).toEqual(['#000', '#000'])
    expect(chosenLook()).toBe('dark')
  })

  it('is the system’s again, and nothing is left of the choice', () => {
    choose('dark')
    choose('system')
    expect(page.dataset).toEqual({})
    expect(bars.map(({ content }) => content)).toEqual(['#fff', '#000'])
    expect(stored.size).toBe(0)
  })

  it('is the system’s where what is stored is none of them', () => {
    stored.set('kindred:look', 'sepia')
    expect(chosenLook()).toBe('system')
  })

  it('holds for this visit where storage is forbidden', () => {
    vi.stubGlobal('localStorage', undefined)
    choose('light')
    expect(page.dataset).toEqual({ look: 'light' })
    expect(chosenLook()).toBe('system')
  })
})
