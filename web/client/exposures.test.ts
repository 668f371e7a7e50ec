import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Tracked } from './api.ts'
import { watchExposures } from './exposures.ts'

/** The page's observer, that says what the test has it see. */
class Observer {
  static last: Observer
  readonly observed = new Set<object>()
  private readonly hear: (entries: object[]) => void
  constructor(hear: (entries: object[]) => void) {
    this.hear = hear
    Observer.last = this
  }
  observe(element: object): void {
    this.observed.add(element)
  }
  unobserve(element: object): void {
    this.observed.delete(element)
  }
  disconnect(): void {
    this.observed.clear()
  }
  /** `share` of the element is on screen, and that is `covered` of the screen. */
  see(target: object, share: number, covered = 0): void {
    const rects = { intersectionRect: { height: covered * 100 }, rootBounds: { height: 100 } }
    this.hear([{ target, intersectionRatio: share, ...rects }])
  }
}

describe('a watch for what is seen', () => {
  const page = Object.assign(new EventTarget(), { hidden: false })
  const elements = [{}, {}] as Element[]
  let tracked: Tracked[][]
  let watch: ReturnType<typeof watchExposures>

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    vi.stubGlobal('IntersectionObserver', Observer)
    vi.stubGlobal('document', page)
    page.hidden = false
    tracked = []
    watch = watchExposures({
      async track(events) {
        tracked.push([events].flat() as Tracked[])
      },
    })
    watch.observe(elements[0]!, 'a')
    watch.observe(elements[1]!, 'b', [0.5])
  })
  afterEach(() => {
    watch.disconnect()
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })
  const see = (i: number, share: number, covered?: number) => Observer.last.see(elements[i]!, share, covered)

  it('tells of an element once half of it was on screen for half a second, with its context, and once', () => {
    see(0, 0.4)
    see(1, 0.5)
    vi.advanceTimersByTime(499)
    expect(tracked).toEqual([])
    vi.advanceTimersByTime(1)
    expect(tracked).toEqual([[{ type: 'exposure', item: 'b', context: [0.5] }]])
    see(1, 0)
    see(1, 1)
    vi.advanceTimersByTime(5000)
    expect(tracked).toHaveLength(1)
  })

  it('tells of one that is taller than the screen', () => {
    see(0, 0.1, 0.9)
    vi.advanceTimersByTime(500)
    expect(tracked).toEqual([[{ type: 'exposure', item: 'a' }]])
  })

  it('does not count what lies behind a hidden page', () => {
    see(0, 1)
    vi.advanceTimersByTime(400)
    page.hidden = true
    page.dispatchEvent(new Event('visibilitychange'))
    vi.advanceTimersByTime(5000)
    page.hidden = false
    page.dispatchEvent(new Event('visibilitychange'))
    vi.advanceTimersByTime(499)
    expect(tracked).toEqual([])
    vi.advanceTimersByTime(1)
    expect(tracked).toHaveLength(1)
  })

  it('tells of a click, and before it that the item was seen, unless that is told already', async () => {
    await watch.click('b')
    await watch.click('b')
    expect(tracked).toEqual([
      [
        { type: 'exposure', item: 'b', context: [0.5] },
        { type: 'click', item: 'b' },
      ],
      [{ type: 'click', item: 'b' }],
    ])
  })

  it('tells nothing of what is observed no more, nor after its end', () => {
    watch.observe(elements[0]!, 'a')()
    see(0, 1)
    vi.advanceTimersByTime(5000)
    see(1, 1)
    watch.disconnect()
    vi.advanceTimersByTime(5000)
    expect(tracked).toEqual([])
    expect(Observer.last.observed.size).toBe(0)
  })
})
