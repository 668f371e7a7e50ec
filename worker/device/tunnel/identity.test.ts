/** Who a device is to its server: from its registration until it is forgotten. */
import { describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { die, way } from '../../testing/way.ts'
import { html, problem } from '../../testing/world.ts'
import { getState, putState } from '../storage/state.ts'

const here = way()
const { answer, see, waiting } = here

describe('a registration', () => {
  test('a server that has forgotten the device gets it registered anew, and the events once', async () => {
    await see(4)
    await here.tunnel.identify()
    here.server.devices.clear()
    await here.tunnel.flush()
    expect(here.server.events.size).toBe(4)
    expect((await getState(here.db, 'identity'))!.device).toBe('device-2')
  })

  test('a device that is refused twice gives up, and loses nothing', async () => {
    await see(4)
    answer('POST /api/events', () => problem(401, 'Unknown device'), 2)
    await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'unauthorised' })
    expect(await waiting()).toBe(4)
  })

  test('a server that knows no credential at all is not given a new device at each contact', async () => {
    await see(1)
    answer('POST /api/events', () => problem(401, 'Unknown device'), Number.POSITIVE_INFINITY)
    for (let contact = 0; contact < 9; contact++) {
      await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'unauthorised' })
      here.clock.move(60_000)
    }
    expect(here.server.count('POST /api/devices')).toBe(2)
    here.clock.move(60_000)
    await expect(here.tunnel.flush()).rejects.toMatchObject({ code: 'unauthorised' })
    expect(here.server.count('POST /api/devices')).toBe(3)
    expect(await waiting()).toBe(1)
  })

  test('a portal that answers a registration does not make an identity', async () => {
    answer('POST /api/devices', () => html())
    await expect(here.tunnel.identify()).rejects.toMatchObject({ code: 'offline' })
    expect(await getState(here.db, 'identity')).toBeUndefined()
  })

  test('two that register at once become one device', async () => {
    const [a, b] = await Promise.all([here.tunnel.identify(), here.tunnel.identify()])
    expect(a).toEqual(b)
    expect(here.server.count('POST /api/devices')).toBe(1)
  })
})

describe('a credential', () => {
  const MONTH = 30 * DAY_MS
  const identity = () => getState(here.db, 'identity')

  test('is replaced when it is a month old, and the device stays the same', async () => {
    const first = await here.tunnel.identify()
    await here.tunnel.renew()
    here.clock.move(MONTH - 1)
    await here.tunnel.renew()
    expect(here.server.count('POST /api/me/credential')).toBe(0)
    here.clock.move(1)
    await Promise.all([here.tunnel.renew(), here.tunnel.renew()])
    expect(here.server.count('POST /api/me/credential')).toBe(1)
    const second = await identity()
    expect(second?.device).toBe(first.device)
    expect(second?.credential).not.toBe(first.credential)
    await see(1)
    await here.tunnel.flush()
    expect(here.server.count('POST /api/devices')).toBe(1)
  })

  test('stays where no answer came, and is replaced at the next contact', async () => {
    const first = await here.tunnel.identify()
    here.clock.move(MONTH)
    here.server.after = () => die()
    await expect(here.tunnel.renew()).rejects.toMatchObject({ code: 'offline' })
    expect(await identity()).toEqual(first)
    here.server.after = (_, __, response) => response
    await here.tunnel.renew()
    expect((await identity())?.credential).not.toBe(first.credential)
  })

  test('of a server that knows of no other stays for a month more', async () => {
    const first = await here.tunnel.identify()
    here.clock.move(MONTH)
    answer('POST /api/me/credential', () => problem(404, 'Not Found'))
    await here.tunnel.renew()
    await here.tunnel.renew()
    expect(await identity()).toEqual(first)
    expect(here.server.count('POST /api/me/credential')).toBe(1)
  })

  test('of a device that is forgotten while it is renewed does not come back', async () => {
    await here.tunnel.identify()
    here.clock.move(MONTH)
    here.server.after = async (_, __, response) => {
      await here.db.state.clear()
      return response
    }
    await here.tunnel.renew()
    expect(await identity()).toBeUndefined()
  })

  test('of an older version of this device begins to age now', async () => {
    const first = await here.tunnel.identify()
    await here.db.state.delete('renewed')
    await here.tunnel.renew()
    expect(await identity()).toEqual(first)
    expect(await getState(here.db, 'renewed')).toBe(here.clock.now())
    expect(here.server.count('POST /api/me/credential')).toBe(0)
  })
})

describe('what the user has said about sharing', () => {
  const told = () => [...here.server.sharing.values()]
  const say = (on: boolean) => putState(here.db, 'sharing', { on, told: false })

  test('is nothing at first, and nothing is said', async () => {
    await here.tunnel.identify()
    await here.tunnel.tellSharing()
    expect(told()).toEqual([])
    expect(here.server.requests).toEqual(['POST /api/devices'])
  })

  test('goes with the registration where it was said before, and else at the next contact; once', async () => {
    await say(false)
    await here.tunnel.identify()
    expect(told()).toEqual([false])
    await here.tunnel.tellSharing()
    expect(here.server.requests).toEqual(['POST /api/devices'])
    await say(true)
    await here.tunnel.tellSharing()
    await here.tunnel.tellSharing()
    expect(told()).toEqual([true])
    expect(here.server.count('PUT /api/me/consent')).toBe(1)
  })

  test('is said again where no answer came, and where it changed on the way', async () => {
    await here.tunnel.identify()
    await say(false)
    here.server.after = () => die()
    await expect(here.tunnel.tellSharing()).rejects.toMatchObject({ code: 'offline' })
    expect(await getState(here.db, 'sharing')).toEqual({ on: false, told: false })
    here.server.after = async (_, __, response) => {
      await say(true)
      return response
    }
    await here.tunnel.tellSharing()
    expect(await getState(here.db, 'sharing')).toEqual({ on: true, told: false })
    here.server.after = (_, __, response) => response
    await here.tunnel.tellSharing()
    expect(told()).toEqual([true])
  })

  test('is said to a server that has forgotten the device', async () => {
    await say(false)
    await here.tunnel.identify()
    here.server.devices.clear()
    await see(1)
    await here.tunnel.flush()
    expect(told()).toEqual([false, false])
  })
})

test('the server erases what it has, and a server that knows nothing is not asked to register', async () => {
  await see(3)
  await here.tunnel.flush()
  expect(await here.tunnel.erase()).toEqual({ events: 3, samples: 0, mappings: 0 })
  expect(await here.tunnel.erase()).toBeNull()
  expect(here.server.count('POST /api/devices')).toBe(1)
})
