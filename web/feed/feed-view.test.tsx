import { parseHTML } from 'linkedom'
import { render } from 'preact'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Catalogue } from '../../shared/catalogue.ts'
import type { Round, Status } from '../../shared/protocol.ts'
import { createStore } from '../store.ts'
import type { Feed, FeedState } from './feed.ts'
import { FeedView } from './feed-view.tsx'

const catalogue: Catalogue = {
  name: 'Toys',
  noun: 'film',
  categories: ['Quiet', 'Loud'],
  items: [
    { key: 'a', title: 'Heat', categories: [1] },
    { key: 'b', title: 'Ran', categories: [0] },
  ],
}
const delivered = { slot: 'M0', version: 1, sha256: 'aa' } as const
const own = { slot: 'M', version: 1, sha256: 'bb' } as const
const ready: FeedState = {
  phase: 'ready',
  catalogue,
  ranked: catalogue.items.map((item) => ({ item, chance: 0.5 })),
  serving: delivered,
  reasons: new Map(),
  opened: new Set(),
  current: null,
  reranked: 0,
  trouble: null,
}
const status = {
  online: true,
  task: { name: 'toys', version: 1 },
  samples: { local: 4, clicks: 4, matched: 0, filtered: 0 },
  models: [],
  serving: delivered,
  run: { phase: 'idle' },
  waitingFor: { reason: 'clicks', missing: 6 },
  rounds: [],
  failure: null,
} as unknown as Status

let page: ReturnType<typeof parseHTML>
const root = () => page.document.getElementById('app')!
const show = (state: FeedState, now: Status | null) =>
  render(
    <FeedView feed={{ state: createStore(state), visible: () => {} } as unknown as Feed} status={now} />,
    root(),
  )
const hint = () => root().querySelector('.hint')?.textContent ?? null
const value = () => root().querySelector('.hint progress')?.getAttribute('value') ?? null

beforeEach(() => {
  page = parseHTML('<!doctype html><html><body><div id="app"></div></body></html>')
  vi.stubGlobal('document', page.document)
  // There is no layout here, so nothing is ever in view.
  vi.stubGlobal('getComputedStyle', () => ({ scrollPaddingBottom: '0px' }))
  vi.stubGlobal(
    'IntersectionObserver',
    class {
      observe() {}
      disconnect() {}
    },
  )
})
afterEach(() => {
  render(null, root())
  vi.unstubAllGlobals()
})

describe('before there is a feed', () => {
  it('says what it waits for: the first model, or its order', () => {
    show({ phase: 'preparing' }, { ...status, task: null })
    expect(root().querySelector('[role=status]')?.textContent).toBe(
      'Your first model is on its way to this device.',
    )
    show({ phase: 'preparing' }, status)
    expect(root().querySelector('[role=status]')?.textContent).toBe('Ranking your feed…')
  })

  it('says that only a connection helps, where nothing is stored', () => {
    show({ phase: 'preparing' }, { ...status, task: null, online: false })
    expect(root().textContent).toContain('Connect once')
  })

  it('says what went wrong at the server, and offers to try again', () => {
    const failure = { code: 'refused', message: 'The server said 500.' } as const
    show({ phase: 'preparing' }, { ...status, task: null, failure })
    const alert = root().querySelector('[role=alert]')
    expect(alert?.textContent).toContain('The server said no.')
    expect(alert?.textContent).toContain('The server said 500.')
    expect(alert?.querySelector('button')?.textContent).toBe('Try again')
  })

  it('says what went wrong here', () => {
    show({ phase: 'failed', failure: { code: 'storage', message: 'No database.' } }, null)
    expect(root().querySelector('[role=alert]')?.textContent).toContain('The storage of this device failed.')
  })
})

describe('the way to a first model of one’s own', () => {
  const round = { outcome: 'committed' } as Round

  it('is how many there are still to open', () => {
    show(ready, status)
    expect(hint()).toBe('Open 6 more films and your own model can be trained.')
    expect(value()).toBe('0.4')
  })

  it('is to pass something over, for who opens all', () => {
    show(ready, { ...status, waitingFor: { reason: 'contrast' } })
    expect(hint()).toMatch(/^Pass over some without opening them/)
  })

  it('is the beginning of the round, and how far it is', () => {
    show(ready, { ...status, waitingFor: { reason: 'nothing' } })
    expect(hint()).toBe('The next round can begin.')
    show(ready, { ...status, run: { phase: 'training', fraction: 0.25 } })
    expect(hint()).toBe('Training your model…')
    expect(value()).toBe('0.25')
    show(ready, { ...status, run: { phase: 'committing' } })
    expect(value()).toBeNull()
  })

  it('ends when that model has ranked the feed, in the place where it was said', () => {
    const after = { ...status, serving: own, rounds: [round], waitingFor: { reason: 'tomorrow' } } as Status
    show(ready, after)
    expect(hint()).toBe('Ranking your feed…')
    show({ ...ready, serving: own, reranked: 1 }, after)
    expect(hint()).toBeNull()
    expect(root().querySelector('.notice')?.textContent).toContain(
      're-ranked by a model trained on this device',
    )
  })

  it('is silent in later rounds', () => {
    show(ready, { ...status, rounds: [round], run: { phase: 'training', fraction: 0.25 } })
    expect(hint()).toBeNull()
  })
})

describe('the feed', () => {
  it('has a card for each item, in its order, with headings one after the other', () => {
    show(ready, status)
    expect([...root().querySelectorAll('article')].map((card) => card.getAttribute('data-item'))).toEqual([
      'a',
      'b',
    ])
    expect([...root().querySelectorAll('h1, h2')].map(({ textContent }) => textContent)).toEqual([
      'Feed',
      'Heat',
      'Ran',
    ])
  })
})
