import { describe, expect, it } from 'vitest'
import type { Catalogue } from '../../shared/catalogue.ts'
import { AppError } from '../../shared/error.ts'
import type { Status } from '../../shared/protocol.ts'
import { createFeed, type FeedState } from './feed.ts'
import type { Tracked } from './outgoing.ts'
import { createSession } from './session.ts'

const catalogue: Catalogue = {
  name: 'films',
  noun: 'film',
  categories: ['drama'],
  items: Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, title: `Film ${i}`, categories: [0] })),
}
const sha = (letter: string) => letter.repeat(64)

/** A device that ranks by the item's number, upwards for odd versions and downwards for even ones. */
function bench(stored = new Map<string, string>()) {
  let now = 0
  let seeds = 0
  let timers: { at: number; run: () => void }[] = []
  let listener: (status: Status) => void = () => {}
  const tracked: Tracked[] = []
  const device = {
    serving: { slot: 'M' as 'M' | 'M0', version: 1, sha256: sha('a') },
    failing: null as AppError | null,
    ranks: 0,
    /** Holds the next answer back. */
    held: null as Promise<void> | null,
    catalogue: async () => catalogue,
    async rank({ items }: { items: string[] }) {
      device.ranks++
      if (device.failing) throw device.failing
      const sign = device.serving.version % 2 ? 1 : -1
      const ranked = items.map((item) => ({ item, score: 0.5 + (sign * Number(item.slice(1))) / 1000 }))
      const answer = {
        ranked: ranked.sort((a, b) => b.score - a.score),
        serving: { ...device.serving },
        by: null,
      }
      const held = device.held
      device.held = null
      await held
      return answer
    },
    /** Of items with an even number there is something to say. */
    async why({ items }: { items: string[] }) {
      const told = items.map((item) => {
        const because = Number(item.slice(1)) % 2 === 0 ? { kind: 'click' as const, item: 'k7' } : null
        return { item, score: 0.5, clicks: [], because }
      })
      if (device.failing) throw device.failing
      return { serving: { ...device.serving }, items: told }
    },
    async track({ events }: { events: Tracked[] }) {
      if (device.failing) throw device.failing
      tracked.push(...events)
      return null
    },
    onStatus(hear: (status: Status) => void) {
      listener = hear
      return () => {}
    },
  }
  const session = createSession({
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => void stored.set(key, value),
    removeItem: (key) => void stored.delete(key),
  })
  const feed = createFeed({
    device,
    session,
    seed: () => ++seeds,
    now: () => now,
    later: (run, ms) => timers.push({ at: now + ms, run }),
  })
  return {
    device,
    feed,
    tracked,
    stored,
    /** Lets time pass and every answer arrive. */
    async pass(ms: number) {
      now += ms
      const due = timers.filter(({ at }) => at <= now)
      timers = timers.filter(({ at }) => at > now)
      for (const { run } of due) run()
      await settle()
    },
    async hear(change: Partial<Status> = {}) {
      listener({ online: true, serving: device.serving, run: { phase: 'idle' }, ...change } as Status)
      await settle()
    },
  }
}
const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}
function ready(state: FeedState) {
  if (state.phase !== 'ready') throw new Error(`the feed is ${state.phase}`)
  return { ...state, keys: state.ranked.map(({ item }) => item.key) }
}

describe('the feed', () => {
  it('shows forty cards, best first, and the same ones after a reload', async () => {
    const first = bench()
    await first.feed.start()
    const { keys, ranked } = ready(first.feed.state.get())
    expect(keys).toHaveLength(40)
    const chances = ranked.map(({ chance }) => chance)
    expect(chances).toEqual([...chances].sort((a, b) => b - a))

    const reloaded = bench(first.stored)
    await reloaded.feed.start()
    expect(ready(reloaded.feed.state.get()).keys).toEqual(keys)
  })

  it('shows none of the present cards when asked for others', async () => {
    const { feed } = bench()
    await feed.start()
    const before = new Set(ready(feed.state.get()).keys)
    await feed.others()
    const { keys, reranked } = ready(feed.state.get())
    expect(keys.filter((key) => before.has(key))).toEqual([])
    expect(reranked).toBe(0)
  })

  it('says of each card why it is there, once the cards stand, and says nothing else where that fails', async () => {
    const { feed, device, pass } = bench()
    await feed.start()
    expect(ready(feed.state.get()).reasons.size).toBe(0)
    await pass(400)
    const { reasons, keys } = ready(feed.state.get())
    expect([...reasons.keys()].sort()).toEqual(keys.filter((key) => Number(key.slice(1)) % 2 === 0).sort())
    expect([...reasons.values()]).toContainEqual({ kind: 'click', item: 'k7' })

    await feed.others()
    device.failing = new AppError('storage', 'no')
    await pass(400)
    expect(ready(feed.state.get())).toMatchObject({ reasons: new Map(), trouble: null })
  })

  it('a model that comes while the first ranking is under way, and cannot rank, is told of', async () => {
    const { feed, device, hear } = bench()
    let answer = () => {}
    device.held = new Promise((resolve) => {
      answer = resolve
    })
    const started = feed.start()
    await hear({ serving: null })
    device.failing = new AppError('bad-artifact', 'no')
    await hear()
    answer()
    await started
    expect(feed.state.get()).toMatchObject({ phase: 'failed', failure: { code: 'bad-artifact' } })
  })

  it('the reasons of another model are not kept, and not waited for', async () => {
    const { feed, device, hear, pass } = bench()
    await feed.start()
    await pass(400)
    device.serving = { slot: 'M', version: 2, sha256: sha('b') }
    await hear()
    expect(ready(feed.state.get()).reasons.size).toBe(0)
    device.serving = { slot: 'M', version: 3, sha256: sha('c') }
    await pass(400)
    expect(ready(feed.state.get()).reasons.size, 'a model that does not order the cards').toBe(0)
    await hear()
    await pass(400)
    expect(ready(feed.state.get()).reasons.size).toBeGreaterThan(0)
  })

  it('an item that is no card can be opened, once', async () => {
    const { feed, tracked, pass } = bench()
    await feed.start()
    const { keys } = ready(feed.state.get())
    const other = Array.from({ length: 100 }, (_, i) => `k${i}`).find((key) => !keys.includes(key))!
    feed.open(other)
    feed.open(other)
    await pass(300)
    expect(tracked).toEqual([
      { type: 'exposure', item: other },
      { type: 'click', item: other },
    ])
    expect(ready(feed.state.get())).toMatchObject({ current: null, opened: new Set([other]) })
  })

  it('ranks the same cards anew, once, when another model serves', async () => {
    const { feed, device, hear } = bench()
    await feed.start()
    await hear()
    const { keys } = ready(feed.state.get())
    expect(device.ranks).toBe(1)
    device.serving = { slot: 'M', version: 2, sha256: sha('b') }
    await hear()
    await hear()
    const after = ready(feed.state.get())
    expect(device.ranks).toBe(2)
    expect(after.keys).toEqual([...keys].reverse())
    expect(after.reranked).toBe(1)
    expect(after.serving.version).toBe(2)
  })

  it('is not shuffled by the moment in which M is overwritten', async () => {
    const { feed, device, hear } = bench()
    await feed.start()
    await hear()
    await hear({ run: { phase: 'committing' }, serving: { slot: 'M0', version: 0, sha256: sha('0') } })
    expect(device.ranks).toBe(1)
  })

  it('a model that arrives while others are asked for does not bring the old cards back', async () => {
    const { feed, device, hear } = bench()
    await feed.start()
    await hear()
    const before = new Set(ready(feed.state.get()).keys)
    const others = feed.others()
    device.serving = { slot: 'M', version: 2, sha256: sha('b') }
    await hear()
    await others
    const { keys, serving } = ready(feed.state.get())
    expect(keys.filter((key) => before.has(key))).toEqual([])
    expect(serving.version).toBe(2)
  })

  it('an answer of an older model that comes late changes nothing', async () => {
    const { feed, device, hear } = bench()
    await feed.start()
    await hear()
    let release = () => {}
    device.held = new Promise((done) => {
      release = done
    })
    device.serving = { slot: 'M', version: 2, sha256: sha('b') }
    await hear()
    device.serving = { slot: 'M', version: 3, sha256: sha('c') }
    await hear()
    expect(ready(feed.state.get()).serving.version).toBe(3)
    release()
    await settle()
    expect(ready(feed.state.get()).serving.version).toBe(3)
  })

  it('starts by itself when the model, or the network, that was missing is there', async () => {
    const { feed, device, hear } = bench()
    device.failing = new AppError('not-ready', 'There is no model yet.')
    await feed.start()
    expect(feed.state.get().phase).toBe('failed')
    device.failing = null
    await hear()
    expect(feed.state.get().phase).toBe('ready')

    const second = bench()
    second.device.failing = new AppError('offline', 'No network.')
    await second.hear({ online: false, serving: null })
    await second.feed.start()
    second.device.failing = null
    await second.hear()
    expect(second.feed.state.get().phase).toBe('ready')
  })

  it('goes on with the worker that follows a dead one, and sends it what was seen meanwhile', async () => {
    const { feed, device, hear, tracked, pass } = bench()
    await feed.start()
    device.failing = new AppError('worker', 'The device worker stopped.')
    await hear({ failure: { code: 'worker', message: 'The device worker stopped.' } })
    feed.toggle('k1')
    await pass(300)
    expect(tracked).toEqual([])
    device.failing = null
    await hear()
    await settle()
    expect(tracked.map(({ type }) => type)).toEqual(['exposure', 'click'])
    expect(ready(feed.state.get()).trouble).toBeNull()

    const second = bench()
    second.device.failing = new AppError('worker', 'The device worker stopped.')
    await second.feed.start()
    await second.hear({ failure: { code: 'worker', message: 'The device worker stopped.' } })
    expect(second.feed.state.get().phase).toBe('failed')
    second.device.failing = null
    await second.hear()
    expect(second.feed.state.get().phase).toBe('ready')
  })
})

describe('what the feed records', () => {
  it('an exposure half a second after half a card is visible, once', async () => {
    const { feed, tracked, pass } = bench()
    await feed.start()
    const [card] = ready(feed.state.get()).keys
    feed.visible(card!, 0.7)
    await pass(499)
    await pass(1)
    feed.visible(card!, 0)
    feed.visible(card!, 1)
    await pass(5000)
    await pass(5000)
    expect(tracked).toEqual([{ type: 'exposure', item: card }])
  })

  it('a click has its exposure before it, and opening again is no second click', async () => {
    const { feed, tracked } = bench()
    await feed.start()
    const [card] = ready(feed.state.get()).keys
    feed.toggle(card!)
    expect(ready(feed.state.get()).current).toBe(card)
    feed.toggle(card!)
    expect(ready(feed.state.get()).current).toBeNull()
    feed.toggle(card!)
    await feed.flush()
    expect(tracked).toEqual([
      { type: 'exposure', item: card },
      { type: 'click', item: card },
    ])
  })

  it('after a reload nothing is recorded twice, and what was opened is still marked', async () => {
    const first = bench()
    await first.feed.start()
    const [card] = ready(first.feed.state.get()).keys
    first.feed.toggle(card!)
    await first.feed.flush()

    const { feed, tracked, pass } = bench(first.stored)
    await feed.start()
    expect(ready(feed.state.get()).opened.has(card!)).toBe(true)
    feed.visible(card!, 1)
    await pass(1000)
    feed.toggle(card!)
    await feed.flush()
    expect(tracked).toEqual([])
  })

  it('what is gathered leaves when the page hides', async () => {
    const { feed, tracked, pass } = bench()
    await feed.start()
    const [one, two] = ready(feed.state.get()).keys
    feed.visible(one!, 1)
    await pass(400)
    feed.visible(two!, 1)
    await pass(150)
    feed.page(false)
    await settle()
    expect(tracked).toEqual([{ type: 'exposure', item: one }])
    await pass(5000)
    expect(tracked).toHaveLength(1)
  })

  it('a device that cannot record says so, and loses nothing once it can', async () => {
    const { feed, device, tracked } = bench()
    await feed.start()
    const [card] = ready(feed.state.get()).keys
    device.failing = new AppError('storage', 'The disk is full.')
    feed.toggle(card!)
    await feed.flush()
    expect(ready(feed.state.get()).trouble?.code).toBe('storage')
    device.failing = null
    await feed.flush()
    expect(ready(feed.state.get()).trouble).toBeNull()
    expect(tracked.map(({ type }) => type)).toEqual(['exposure', 'click'])
  })

  it('starting over forgets what was opened', async () => {
    const { feed } = bench()
    await feed.start()
    const { keys } = ready(feed.state.get())
    feed.toggle(keys[0]!)
    await feed.restart()
    const after = ready(feed.state.get())
    expect(after.opened.size).toBe(0)
    expect(after.keys).not.toEqual(keys)
  })
})
