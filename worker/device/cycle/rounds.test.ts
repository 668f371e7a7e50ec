/** When one round makes another due: by batches that come after it, never by what the user did meanwhile. */
import { expect, test } from 'vitest'
import { hashes, stage, status } from '../../testing/stage.ts'
import { createWorld } from '../../testing/world.ts'
import { deferred } from '../../turns.ts'
import type { Device } from '../device.ts'

const here = stage()
const { online, read, start } = here

/** A round of ten clicks during which `clicks` more are made; and the two contacts that come next. */
async function clickWhileItTrains(device: Device, clicks: number) {
  await device.contact()
  await read(device, 10)
  const training = deferred<void>()
  device.onStatus(({ run }) => run.phase === 'training' && training.resolve())
  const visit = device.contact()
  await training.promise
  await read(device, clicks)
  await visit
  const committed = await status(device)
  await device.contact()
  await device.contact()
  return { committed, later: await status(device) }
}

test('clicks that are made while it trains make no other one due: borrowed samples are learnt from once', async () => {
  const { committed, later } = await clickWhileItTrains(await start(), 3)
  expect(committed.rounds.map(({ outcome }) => outcome)).toEqual(['committed'])
  expect(later.samples.clicks).toBe(13)
  expect(later.rounds).toHaveLength(1)
  expect(hashes(later)).toEqual(hashes(committed))
})

test('nor do they where own samples alone are learnt from: they wait for another day, or for enough of them', async () => {
  const ranking = { epochs: 4, batchSize: 16, gate: 'none', learnFrom: 'all' } as const
  here.world = await createWorld({ augment: false, ranking })
  here.server.world = here.world
  const { committed, later } = await clickWhileItTrains(await start(), 3)
  expect(committed.rounds.map(({ outcome }) => outcome)).toEqual(['committed'])
  expect(later.samples.clicks).toBe(13)
  expect(later.rounds).toHaveLength(1)
  expect(hashes(later)).toEqual(hashes(committed))
})

test('where pulling was cut off, what came is learnt from if it is enough, and the rest in a round of its own', async () => {
  const device = await start()
  await device.contact()
  await read(device, 10)
  here.server.before = (_, path) => {
    if (path.endsWith('/100/11')) throw new TypeError('fetch failed')
    return undefined
  }
  await device.contact()
  const [first] = (await status(device)).rounds
  expect(first).toMatchObject({ matched: 275, outcome: 'committed' })
  online()
  await device.contact()
  const now = await status(device)
  expect(now.rounds).toHaveLength(2)
  expect(now.rounds[0]).toMatchObject({ matched: 25 })
  await device.contact()
  expect((await status(device)).rounds).toHaveLength(2)
})
