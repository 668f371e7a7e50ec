/** The client over the device runtime itself, across a port as in a page; the server is in memory. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { serve } from '../../shared/boundary.ts'
import type { Port } from '../../shared/caller.ts'
import { connect } from '../../shared/connect.ts'
import { AppError } from '../../shared/error.ts'
import type { Platform } from '../../worker/platform.ts'
import { stage } from '../../worker/testing/stage.ts'
import { key, problem } from '../../worker/testing/world.ts'
import type * as api from './api.ts'
import type { Kindred, Model, Round, Status } from './api.ts'
import { type ClientDeps, createClient } from './client.ts'

const here = stage()
const open: Kindred[] = []
afterEach(async () => {
  for (const kindred of open.splice(0)) await kindred.close()
})

/** A client of a device that has been started, and has seen the server unless it is told not to. */
async function client({
  contact = true,
  platform = {},
  ...deps
}: Partial<ClientDeps> & { contact?: boolean; platform?: Partial<Platform> } = {}): Promise<Kindred> {
  const device = await here.start(platform)
  if (contact) await device.contact()
  const { port1, port2 } = new MessageChannel()
  serve(port2 as unknown as Port, device)
  const ending = connect(port1 as unknown as Port, () => port1.close())
  port1.start()
  port2.start()
  const kindred = createClient({ device: ending, ...deps })
  open.push(kindred)
  return kindred
}

/** What `subscribe` tells, one after the other. */
function heard<T>(subscribe: (listener: (told: T) => void) => () => void) {
  const all: T[] = []
  let wake = () => {}
  const stop = subscribe((told) => {
    all.push(told)
    wake()
  })
  return {
    all,
    stop,
    /** The first that is `right`, be it to come. */
    async until(right: (told: T) => boolean): Promise<T> {
      for (;;) {
        const found = all.find(right)
        if (found !== undefined) return found
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

const keys = Array.from({ length: 12 }, (_, i) => key(i))

/** A reader who loves category 2, as `stage.read` has them, through the client. */
async function read(kindred: Kindred, clicks: number): Promise<void> {
  for (let i = 0, made = 0; made < clicks; i++) {
    here.clock.move(20_000)
    const item = key((i * 7) % 60)
    const clicked = ((i * 7) % 60) % 6 === 2
    await kindred.track([{ type: 'exposure', item }, ...(clicked ? [{ type: 'click' as const, item }] : [])])
    if (clicked) made++
  }
}

describe('a list', () => {
  it('is ranked by the model that was delivered, and each candidate comes back as it was given', async () => {
    const kindred = await client()
    const candidates = keys.map((key, i) => ({ key, title: `Thing ${i}` }))
    const { order, scores, by, unknown, failure } = await kindred.rank(candidates)
    expect(new Set(order)).toEqual(new Set(candidates))
    expect(scores).toEqual([...scores].sort((a, b) => b! - a!))
    expect(by).toMatchObject({ origin: 'delivered', version: 1, sha256: here.world.manifest.model.sha256 })
    expect({ unknown, failure }).toEqual({ unknown: [], failure: null })
    expect((await kindred.rank(keys)).order).toEqual(order.map(({ key }) => key))
  })

  it('stays as it came before there is a model, and says so', async () => {
    here.offline()
    const kindred = await client({ contact: false })
    const given = [...keys].reverse()
    expect(await kindred.rank(given)).toEqual({
      order: given,
      scores: given.map(() => null),
      by: null,
      task: null,
      unknown: [],
      failure: { code: 'not-ready', message: expect.any(String) },
    })
    expect(await kindred.model.current()).toBeNull()
  })

  it('ends with what the catalogue does not know, in the order in which it came; what comes twice stays twice', async () => {
    const kindred = await client()
    const { order, scores, unknown } = await kindred.rank(['new', key(1), 'newer', key(2), key(1)])
    expect(order.slice(3)).toEqual(['new', 'newer'])
    expect(order.slice(0, 3).sort()).toEqual([key(1), key(1), key(2)])
    expect(scores.map((score) => score === null)).toEqual([false, false, false, true, true])
    expect(unknown).toEqual(['new', 'newer'])
  })

  it('may be empty', async () => {
    const kindred = await client()
    expect(await kindred.rank([])).toEqual({
      order: [],
      scores: [],
      by: null,
      task: null,
      unknown: [],
      failure: null,
    })
  })

  it('stays as it came where no model ranks in time', async () => {
    const late: (() => void)[] = []
    const kindred = await client({
      later(act) {
        late.push(act)
        return () => {}
      },
    })
    const asked = kindred.rank(keys, { within: 5 })
    late[0]!()
    expect(await asked).toMatchObject({ order: keys, by: null, failure: { code: 'not-ready' } })
    // Nobody waits when this client is closed.
    const closing = open.pop()!.close()
    late.at(-1)!()
    await closing
  })

  it('that cannot be meant is refused with a sentence, and one that is stopped is given no more', async () => {
    const kindred = await client()
    const many = Array.from({ length: 1001 }, (_, i) => `item-${i}`)
    await expect(kindred.rank(many)).rejects.toMatchObject({ name: 'AppError', code: 'bad-input' })
    await expect(kindred.rank([{ key: key(1), context: [99] }])).rejects.toMatchObject({ code: 'bad-input' })
    const stopped = AbortSignal.abort()
    await expect(kindred.rank(keys, { signal: stopped })).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('what is tracked', () => {
  it('is on the disk when the call is done, in any number', async () => {
    const kindred = await client()
    await kindred.track({ type: 'click', item: key(3) })
    await kindred.track(Array.from({ length: 450 }, (_, i) => ({ type: 'exposure', item: key(i % 60) })))
    await kindred.track([
      { type: 'behaviour', name: 'opened the menu' },
      { type: 'profile', name: 'age', value: '30–39' },
    ])
    const disk = here.disk()
    // A click on what was not seen was an exposure, too.
    expect(await disk.history.count()).toBe(2 + 450 + 2)
    disk.close()
  })

  it('and cannot be meant, is refused; what comes after is not', async () => {
    const kindred = await client()
    await expect(kindred.track({ type: 'click', item: '' })).rejects.toMatchObject({ code: 'bad-input' })
    await kindred.track({ type: 'click', item: 'nobody knows it' })
    expect((await kindred.status()).events.waiting).toBe(2)
  })

  it('makes a model of the user’s own, which ranks from then on; listeners hear of the round and of the model', async () => {
    const kindred = await client()
    const rounds = heard<Round>(kindred.onRound)
    const models = heard<Model | null>(kindred.model.onChange)
    await models.until((model) => model?.origin === 'delivered')
    await read(kindred, 12)
    const round = await kindred.train()
    expect(round).toMatchObject({ outcome: 'committed', failure: null })
    expect(round.samples.borrowed).toBeGreaterThan(0)
    const own = (await models.until((model) => model?.origin === 'own'))!
    expect(await rounds.until(() => true)).toEqual(round)
    expect((await kindred.rank(keys)).by).toEqual({
      origin: 'own',
      version: own.version,
      sha256: own.sha256,
    })
    expect(await kindred.model.current()).toEqual(own)

    await kindred.model.rollback()
    await models.until((model) => model !== null && models.all.indexOf(model) > models.all.indexOf(own))
    expect((await kindred.model.current())!.origin).toBe('delivered')
    expect(rounds.all).toHaveLength(1)
  })
})

describe('what the user decides', () => {
  it('learning is switched off and on', async () => {
    const kindred = await client()
    const status = heard<Status>(kindred.onStatus)
    await kindred.pause()
    await status.until(({ learning, waitingFor }) => !learning && waitingFor === 'paused')
    await kindred.resume()
    expect((await kindred.status()).learning).toBe(true)
  })

  it('sharing is told to the server', async () => {
    const kindred = await client()
    await kindred.consent({ sharing: false })
    expect((await kindred.status()).sharing).toBe(false)
    await kindred.train().catch(() => {}) // contacts the server
    expect([...here.server.sharing.values()]).toEqual([false])
  })

  it('everything is forgotten, here and there, and then nothing of it ranks', async () => {
    const kindred = await client()
    await read(kindred, 12)
    const { sha256 } = await trained(kindred)
    const { events } = here.server
    const sent = events.size
    expect(sent).toBeGreaterThan(0)
    const forgotten = await kindred.forget()
    expect(forgotten).toMatchObject({ here: { rounds: 1, models: 2 }, server: { events: sent }, owed: false })
    expect(events.size).toBe(0)
    expect((await kindred.model.current())?.sha256).not.toBe(sha256)
    expect((await kindred.status()).rounds).toEqual([])
  })

  it('what is stored is kept if the browser says so', async () => {
    const kindred = await client({ storage: { persist: async () => true } })
    expect(await kindred.persist()).toBe(true)
    expect((await kindred.status()).persistent).toBe(true)
    expect(await (await client({ contact: false })).persist()).toBe(false)
  })

  it('all of it is taken along, and what is brought in is no news', async () => {
    const kindred = await client()
    await read(kindred, 12)
    const { sha256 } = await trained(kindred)
    const { name, bytes } = await kindred.takeOut()
    expect(name).toMatch(/^kindred-.*\.zip$/)
    await kindred.forget()
    const rounds = heard<Round>(kindred.onRound)
    await kindred.bringIn(bytes)
    expect((await kindred.model.current())?.sha256).toBe(sha256)
    expect((await kindred.status()).rounds).toHaveLength(1)
    expect(rounds.all).toEqual([])
  })

  async function trained(kindred: Kindred): Promise<Model> {
    await kindred.train()
    return (await kindred.model.current())!
  }
})

describe('a user whom the app has signed in', () => {
  it('is asked for when the device registers, and again, in a while, where the server does not accept the token', async () => {
    const { fetch } = here.server
    const shown: (string | null)[] = []
    const guard = async (path: string, init: RequestInit = {}) => {
      if (path !== '/api/devices') return fetch(path, init)
      const token = new Headers(init.headers).get('authorization')
      shown.push(token)
      return token === 'Bearer good' ? fetch(path, init) : problem(401, 'The token is out of date')
    }
    let now = 0
    const tokens = ['old', 'good']
    let given = 0
    const platform = { signsIn: true, fetch: guard as Platform['fetch'] }
    const kindred = await client({ platform, contact: false, now: () => now, token: () => tokens[given++]! })
    const status = heard<Status>(kindred.onStatus)
    await status.until(({ failure }) => /out of date/.test(failure?.message ?? ''))
    await kindred.track({ type: 'exposure', item: key(1) })
    expect([given, new Set(shown)]).toEqual([1, new Set(['Bearer old'])])

    now += 30_000
    await kindred.train().catch(() => {}) // contacts the server
    await status.until(({ model }) => model !== null)
    expect([given, shown.at(-1)]).toEqual([2, 'Bearer good'])
    expect((await kindred.status()).failure).toBeNull()
  })
})

describe('a listener that throws', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('is reported as any error of the page is, and keeps nobody else from hearing', async () => {
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const kindred = await client()
    const trouble = new Error('of the site')
    const fail = () => {
      throw trouble
    }
    kindred.onStatus(fail)
    kindred.model.onChange(fail)
    const models = heard<Model | null>(kindred.model.onChange)
    await models.until((model) => model !== null)
    await kindred.track({ type: 'click', item: key(1) })
    expect((await kindred.rank(keys)).by).not.toBeNull()
    expect(new Set(reported)).toEqual(new Set([trouble]))
  })
})

describe('a client that was closed', () => {
  it('has recorded what it was told before, hears no more, and refuses all that is asked of it', async () => {
    const kindred = await client()
    const status = heard<Status>(kindred.onStatus)
    const tracked = kindred.track({ type: 'exposure', item: key(1) })
    await kindred.close()
    await tracked
    const told = status.all.length
    for (const asked of [
      kindred.rank(keys),
      kindred.track({ type: 'click', item: key(1) }),
      kindred.forget(),
      kindred.model.rollback(),
    ])
      await expect(asked).rejects.toMatchObject({ code: 'cancelled' })
    expect((await kindred.status()).failure).toMatchObject({ code: 'cancelled' })
    expect(status.all).toHaveLength(told)
    await kindred.close()
    const disk = here.disk()
    expect(await disk.history.count()).toBe(1)
    disk.close()
  })
})

describe('what is published', () => {
  it('is what there is: the declared types and those of the code fit each other', () => {
    const error: typeof api.AppError = AppError
    const codes: (code: api.FailureCode) => AppError['code'] = (code) => code
    const back: (code: AppError['code']) => api.FailureCode = (code) => code
    expect(new error('offline', 'No.')).toBeInstanceOf(Error)
    expect(back(codes('offline'))).toBe('offline')
  })
})
