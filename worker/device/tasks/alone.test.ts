/** A device that is told to pull nothing: it learns from its own samples alone, and not in circles. */
import { beforeEach, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import type { hyper } from '../../../shared/hyper.ts'
import { builtTasks } from '../../testing/built.ts'
import { LEARNING, stage } from '../../testing/stage.ts'
import { batchesFor, createWorld, FakeServer, type World } from '../../testing/world.ts'
import type { Device } from '../device.ts'

const here = stage()
const { start, read } = here
const status = (device: Device) => device.status(null)
const rounds = async (device: Device) => (await status(device)).rounds

const unjudged = { ...LEARNING.ranking, gate: 'none', learnFrom: 'all' } as const
const numbers = (changes: Parameters<typeof hyper>[0]) => ({ ...LEARNING, augment: false, ...changes })

/** The task from now on; a version that is served already is another by its hyper-parameters only. */
async function serve(changes: Parameters<typeof hyper>[0], version = 1): Promise<World> {
  here.world = await createWorld({ ...changes, version, seed: 1 })
  here.server.world = here.world
  return here.world
}
beforeEach(() => serve(numbers({ ranking: unjudged })))

test('no batch is ever asked for, and no classifier trained', async () => {
  const device = await start()
  await device.contact()
  await read(device, 10)
  await device.contact()
  await device.train(null)
  expect(here.server.count('GET /api/batches')).toBe(0)
  const [last, first] = await rounds(device)
  for (const round of [last!, first!]) expect(round).toMatchObject({ matched: 0, classifying: 0, kept: 0 })
  expect(first).toMatchObject({ outcome: 'committed', bytes: 0 })
  expect(first!.stepsKept).toBe(4 * Math.ceil(first!.local.validation / 16))
})

test('below ten clicks it does not train', async () => {
  const device = await start()
  await device.contact()
  await read(device, 9)
  await device.contact()
  expect(await rounds(device)).toEqual([])
  expect((await status(device)).waitingFor).toEqual({ reason: 'clicks', missing: 1 })
})

test('one round a day, and only if something new is to be learnt', async () => {
  const device = await start()
  await device.contact()
  await read(device, 10)
  await device.contact()
  expect((await status(device)).waitingFor).toEqual({ reason: 'tomorrow' })
  await read(device, 3)
  await device.contact()
  expect(await rounds(device)).toHaveLength(1)
  here.clock.move(DAY_MS)
  await device.contact()
  expect(await rounds(device), 'yesterday’s last clicks are new').toHaveLength(2)
  here.clock.move(DAY_MS)
  await device.contact()
  expect(await rounds(device), 'nothing has happened since').toHaveLength(2)
})

test('as many new samples as train a model are learnt from on the same day', async () => {
  await serve(numbers({ ranking: unjudged, trainAt: 60 }))
  const device = await start()
  await device.contact()
  await read(device, 10)
  await device.contact()
  const count = async () => (await status(device)).samples.local
  const known = await count()
  while ((await count()) - known < 59) {
    await read(device, 1)
    await device.contact()
    const due = (await count()) - known >= 60 ? 2 : 1
    expect(await rounds(device)).toHaveLength(due)
  }
})

test('samples that validate teach later: they are news when they have got old', async () => {
  await serve(numbers({}))
  const device = await start()
  await device.contact()
  await read(device, 10)
  await device.contact()
  expect(await rounds(device), 'nothing to learn from yet').toEqual([])
  here.clock.move(4 * DAY_MS)
  await read(device, 10)
  await device.contact()
  const [round] = await rounds(device)
  expect(round!.local.training).toBeGreaterThan(0)
  expect(round!.outcome).toMatch(/committed|kept/)
  here.clock.move(DAY_MS)
  await device.contact()
  expect(await rounds(device), 'they have been learnt from').toHaveLength(1)
})

test('a model that is delivered anew learns all own samples again', async () => {
  const device = await start()
  await device.contact()
  await read(device, 10)
  await device.contact()
  here.world = await createWorld({ ...numbers({ ranking: unjudged }), version: 2 })
  here.server.world = here.world
  here.clock.move(2 * 60_000)
  await device.contact()
  const [round, ...before] = await rounds(device)
  expect(before).toHaveLength(1)
  expect(round).toMatchObject({ outcome: 'committed' })
})

test('a round that failed has learnt nothing: its samples are still news', async () => {
  const broken = here.platform().spawnTrainer()
  let fails = true
  const device = await start({
    spawnTrainer: () =>
      fails
        ? { ...broken, run: () => Promise.reject(new Error('out of memory')) }
        : here.platform().spawnTrainer(),
  })
  await device.contact()
  await read(device, 10)
  await device.contact()
  expect((await rounds(device))[0]).toMatchObject({ outcome: 'failed' })
  fails = false
  here.clock.move(11 * 60_000)
  await device.contact()
  expect((await rounds(device))[0]).toMatchObject({ outcome: 'committed' })
})

test('told to pull nothing from now on, a device lets go what it has pulled', async () => {
  here.server = new FakeServer(await serve({ ...LEARNING, trainAt: 1000 }), builtTasks)
  here.server.batches = batchesFor(here.world, { count: 2, kindred: 2 })
  here.server.before = (_, path) => {
    if (path.endsWith('/1')) throw new TypeError('fetch failed')
    return undefined
  }
  const device = await start()
  await device.contact()
  await read(device, 10)
  await device.contact()
  expect((await status(device)).samples.matched).toBeGreaterThan(0)
  await serve(numbers({ ranking: unjudged }), 2)
  here.clock.move(2 * 60_000)
  await device.contact()
  expect((await status(device)).samples).toMatchObject({ matched: 0, filtered: 0 })
  expect((await rounds(device))[0]).toMatchObject({ outcome: 'committed', kept: 0 })
})
