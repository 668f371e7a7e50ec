/** What an app around the device may count on: who its user is, candidates of its own, an order from the first moment on. */
import { describe, expect, test } from 'vitest'
import { stage } from '../testing/stage.ts'
import { key, problem } from '../testing/world.ts'

const here = stage()

describe('a device whose user signs in with the app around it', () => {
  /** Lets in who shows the newest token. */
  function guarded() {
    const shown: (string | null)[] = []
    let accepted = 'token-1'
    const { fetch } = here.server
    const guard = async (input: Parameters<typeof fetch>[0], init: RequestInit = {}) => {
      if (new URL(String(input)).pathname !== '/api/devices') return fetch(input, init)
      const authorization = new Headers(init.headers).get('authorization')
      shown.push(authorization)
      return authorization === `Bearer ${accepted}`
        ? fetch(input, init)
        : problem(401, 'The token is out of date')
    }
    const start = () =>
      here.start({
        signsIn: true,
        fetch: (path, request) => guard(new URL(path, 'http://server'), request as RequestInit),
      })
    return { shown, start, renew: (token: string) => (accepted = token) }
  }

  test('does not register before there is a token, says so, and registers with it', async () => {
    const { shown, start } = guarded()
    const device = await start()
    await expect(device.contact()).rejects.toMatchObject({ code: 'unauthorised' })
    expect(shown).toEqual([])
    expect((await device.status(null)).failure).toMatchObject({ code: 'unauthorised' })
    await device.signIn({ token: 'token-1' })
    await device.contact()
    expect(shown).toEqual(['Bearer token-1'])
    expect(await device.status(null)).toMatchObject({ failure: null, device: 'device-1' })
  })

  test('whom the server has forgotten shows the newest token', async () => {
    const { shown, start, renew } = guarded()
    const device = await start()
    await device.signIn({ token: 'token-1' })
    await device.contact()
    here.server.devices.clear()
    renew('token-2')
    await device.track({ events: [{ type: 'exposure', item: key(1) }] })
    await expect(device.contact()).rejects.toMatchObject({ code: 'unauthorised' })
    await device.signIn({ token: 'token-2' })
    await device.contact()
    expect(shown.at(-1)).toBe('Bearer token-2')
    expect(new Set(shown.slice(0, -1))).toEqual(new Set(['Bearer token-1']))
    expect(await device.status(null)).toMatchObject({ failure: null, events: { waiting: 0 } })
  })
})

describe('candidates of the app around', () => {
  test('that the catalogue lacks are told apart where that is asked for, with the context of each other', async () => {
    const device = await here.start()
    await device.contact()
    const items = [key(1), 'new', key(2), 'newer']
    const context = items.map((_, i) => [i])
    const { ranked, unknown } = await device.rank({ items, context, lenient: true })
    expect(unknown).toEqual(['new', 'newer'])
    const alone = await device.rank({ items: [key(1), key(2)], context: [[0], [2]] })
    expect(ranked).toEqual(alone.ranked)
    await expect(device.rank({ items })).rejects.toMatchObject({ code: 'bad-input' })
  })

  test('may all be unknown', async () => {
    const device = await here.start()
    await device.contact()
    const { ranked, unknown, serving } = await device.rank({ items: ['new'], lenient: true })
    expect({ ranked, unknown }).toEqual({ ranked: [], unknown: ['new'] })
    expect(serving).toMatchObject({ slot: 'M', version: 1 })
  })

  test('asked for at once are ranked by the model that is stored, as soon as it is found', async () => {
    const first = await here.start()
    await first.contact()
    await first.stop()
    here.offline()
    const second = here.prepare()
    const starting = second.start()
    expect((await second.rank({ items: [key(1), key(2)] })).ranked).toHaveLength(2)
    await starting
  })
})
