import { describe, expect, it } from 'vitest'
import { createExposures } from './exposure.ts'

describe('when a card counts as seen', () => {
  it('half of it for half a second is enough, and not a moment less', () => {
    const cards = createExposures()
    cards.visible('a', 0.5, 1000)
    expect(cards.next()).toBe(1500)
    expect(cards.seen(1499)).toEqual([])
    expect(cards.seen(1500)).toEqual(['a'])
  })

  it('less than half never is', () => {
    const cards = createExposures()
    cards.visible('a', 0.49, 0)
    expect(cards.next()).toBeNull()
    expect(cards.seen(10_000)).toEqual([])
  })

  it('time does not add up over a break', () => {
    const cards = createExposures()
    cards.visible('a', 1, 0)
    cards.visible('a', 0.2, 400)
    cards.visible('a', 1, 500)
    expect(cards.seen(900)).toEqual([])
    expect(cards.seen(1000)).toEqual(['a'])
  })

  it('scrolling within the visible half does not begin the time anew', () => {
    const cards = createExposures()
    cards.visible('a', 0.6, 0)
    cards.visible('a', 0.9, 300)
    expect(cards.seen(500)).toEqual(['a'])
  })

  it('once per feed, also over a reload', () => {
    const cards = createExposures(['b'])
    cards.visible('a', 1, 0)
    cards.visible('b', 1, 0)
    expect(cards.seen(600)).toEqual(['a'])
    cards.visible('a', 0, 700)
    cards.visible('a', 1, 800)
    expect(cards.seen(5000)).toEqual([])
    expect(cards.next()).toBeNull()
  })

  it('what lies behind a hidden page is not seen; back again, the time begins anew', () => {
    const cards = createExposures()
    cards.visible('a', 1, 0)
    cards.page(false, 300)
    expect(cards.seen(5000)).toEqual([])
    cards.page(true, 6000)
    expect(cards.seen(6499)).toEqual([])
    expect(cards.seen(6500)).toEqual(['a'])
  })

  it('a card that is opened was seen, whatever the time', () => {
    const cards = createExposures()
    cards.visible('a', 1, 0)
    expect(cards.force('a')).toBe(true)
    expect(cards.force('a')).toBe(false)
    expect(cards.seen(1000)).toEqual([])
  })
})
