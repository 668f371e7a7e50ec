/** The calls of `DeviceApi`, in this process and across a port. */
import { strFromU8, unzipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { serve } from '../../shared/boundary.ts'
import type { Port } from '../../shared/caller.ts'
import { DAY_MS } from '../../shared/clock.ts'
import { connect } from '../../shared/connect.ts'
import type { DeviceApi } from '../../shared/protocol.ts'
import { stage } from '../testing/stage.ts'
import { key, NOON } from '../testing/world.ts'
import { deferred } from '../turns.ts'
import type { Device } from './device.ts'

const here = stage()
const { read, start } = here

const homes: Record<string, (device: Device) => { api: DeviceApi; close(): void }> = {
  'in this process': (device) => ({ api: device, close: () => {} }),
  'across a port': (device) => {
    const { port1, port2 } = new MessageChannel()
    serve(port2 as unknown as Port, device)
    const api = connect(port1 as unknown as Port)
    port1.start()
    port2.start()
    return { api, close: () => port1.close() }
  },
}

describe.each(Object.entries(homes))('the device %s', (_, home) => {
  let api: DeviceApi
  let close: () => void
  beforeEach(async () => {
    const device = await start()
    await device.contact() // after the one that it makes by itself, which may send what is tracked meanwhile
    ;({ api, close } = home(device))
  })
  afterEach(() => close())

  test('answers catalogue, rank, track, flush and status', async () => {
    expect((await api.catalogue(null)).noun).toBe('thing')
    const { ranked, serving } = await api.rank({ items: [key(3), key(1), key(2)] })
    expect(ranked.map(({ item }) => item).sort()).toEqual([key(1), key(2), key(3)])
    expect(ranked.map(({ score }) => score)).toEqual(ranked.map(({ score }) => score).sort((a, b) => b - a))
    expect(serving).toMatchObject({ slot: 'M', version: 1 })
    expect(await api.track({ events: [{ type: 'click', item: key(3) }] })).toBeNull()
    expect((await api.status(null)).events.waiting).toBe(2)
    expect(await api.flush(null)).toBeNull()
    expect((await api.status(null)).events).toEqual({ waiting: 0, delivered: 2 })
  })

  test('trains, rolls back and forgets', async () => {
    await api.catalogue(null)
    await read(api, 10)
    expect((await api.train(null)).outcome).toBe('committed')
    expect(await api.rollback(null)).toBeNull()
    expect((await api.forget(null)).server).toMatchObject({ samples: 0 })
  })

  test('tells failures with their code', async () => {
    await api.catalogue(null)
    await expect(api.rank({ items: ['nothing'] })).rejects.toMatchObject({
      name: 'AppError',
      code: 'bad-input',
    })
  })

  test('pushes every change of the status, and stops when asked to', async () => {
    await api.catalogue(null)
    const heard = deferred<void>()
    let calls = 0
    const stop = api.onStatus(({ events }) => {
      calls++
      if (events.waiting > 0) heard.resolve()
    })
    await api.track({ events: [{ type: 'exposure', item: key(3) }] })
    await heard.promise
    stop()
    const before = calls
    await api.track({ events: [{ type: 'exposure', item: key(4) }] })
    await api.status(null)
    expect(calls).toBe(before)
  })
})

test('a file that is taken out around midnight is named by the day that it says', async () => {
  let now = NOON
  let passing = 0
  const device = await start({
    clock: {
      now() {
        now += passing
        return now
      },
    },
  })
  passing = DAY_MS
  const { name, bytes } = await device.takeOut(null)
  const { at } = JSON.parse(strFromU8(unzipSync(bytes)['kindred.json']!))
  expect(name).toBe(`kindred-${new Date(at).toISOString().slice(0, 10)}.zip`)
})
