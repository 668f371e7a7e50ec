/** The device from end to end against a server in memory: the work cycle. */
import { describe, expect, test } from 'vitest'
import { DAY_MS } from '../../shared/clock.ts'
import { statusSchema } from '../../shared/protocol.ts'
import { headlessPlatform } from '../headless.ts'
import { notBefore } from '../testing/scripts.ts'
import { hashes, LEARNING, rank, stage, status } from '../testing/stage.ts'
import { batchesFor, createWorld, key } from '../testing/world.ts'
import { deferred } from '../turns.ts'

const here = stage()
const { online, read, start } = here

describe('the work cycle', () => {
  test('a new device gets a feed; ten clicks later it has a better model of its own, which ranks', async () => {
    const device = await start()
    expect((await device.catalogue(null)).items).toHaveLength(60)
    const delivered = here.world.manifest.model.sha256
    expect(hashes(await status(device))).toEqual({ M: delivered, M0: delivered })
    const feedBefore = await rank(device)

    await read(device, 10)
    await device.contact()

    const now = await status(device)
    const [round] = now.rounds
    expect(round).toMatchObject({
      outcome: 'committed',
      engine: 'plain',
      matched: 300,
      classifying: 100,
      scored: 200,
    })
    expect(round!.scores.filter((score) => score >= 0.2)).toHaveLength(round!.kept)
    expect(round!.kept).toBeGreaterThan(0)
    expect(round!.after).toBeGreaterThan(round!.before!)
    expect(round!.bytes).toBe(here.server.batches.reduce((sum, { length }) => sum + length, 0))
    expect(round!.local.validation).toBe(now.samples.local)
    expect(hashes(now)).toEqual({ M: now.serving!.sha256, M0: delivered })
    expect(now.serving!.sha256).not.toBe(delivered)
    expect(await rank(device)).not.toEqual(feedBefore)
    expect(now).toMatchObject({
      events: { waiting: 0, delivered: here.server.events.size },
      samples: { clicks: 10, matched: 0, filtered: 0 },
      waitingFor: { reason: 'tomorrow' },
      failure: null,
    })
  })

  test('it runs on the fused kernel, the engine that Node gets by default', async () => {
    const { spawnTrainer } = headlessPlatform({ server: 'http://server', seed: 1 })
    const device = await start({ spawnTrainer })
    await read(device, 10)
    await device.contact()
    expect((await status(device)).rounds[0]).toMatchObject({ engine: 'fused-wasm', outcome: 'committed' })
  })

  test('below ten clicks no batch is asked for', async () => {
    const device = await start()
    await device.contact()
    await read(device, 9)
    await device.contact()
    expect(here.server.count('GET /api/batches')).toBe(0)
    expect((await status(device)).waitingFor).toEqual({ reason: 'clicks', missing: 1 })
  })

  test('who passes nothing over is told why nothing is trained, until they do', async () => {
    const device = await start()
    await device.contact()
    for (let i = 0; i < 10; i++) {
      here.clock.move(20_000)
      await device.track({ events: (['exposure', 'click'] as const).map((type) => ({ type, item: key(i) })) })
    }
    await device.contact()
    const delivered = here.world.manifest.model.sha256
    const before = await status(device)
    expect(before.waitingFor).toEqual({ reason: 'contrast' })
    expect(hashes(before)).toEqual({ M: delivered, M0: delivered })
    await read(device, 1)
    await device.contact()
    const after = await status(device)
    expect(after.waitingFor).toEqual({ reason: 'tomorrow' })
    expect(after.rounds[0]!.outcome).toBe('committed')
  })

  test('one round a day: the day’s batches are pulled once, and the next day brings the next', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    await read(device, 3)
    await device.contact()
    expect((await status(device)).rounds).toHaveLength(1)
    expect(here.server.count('GET /api/batches/100/')).toBe(12)
    here.clock.move(DAY_MS)
    here.server.day++
    here.server.batches = batchesFor(here.world, { count: 4, kindred: 2, seed: 9 })
    await device.contact()
    const now = await status(device)
    expect(now.rounds).toHaveLength(2)
    expect(now.rounds[0]).toMatchObject({ matched: 100 })
    expect(now.rounds[0]!.outcome).toMatch(/committed|kept/)
  })

  test('a server that has nothing yet is asked again', async () => {
    here.server.state = 'too-few-clicks'
    const batches = here.server.batches
    here.server.batches = []
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    expect((await status(device)).waitingFor).toEqual({ reason: 'clicks', missing: 1 })
    expect((await status(device)).rounds).toHaveLength(0)
    here.server.state = 'ready'
    here.server.batches = batches
    await device.contact()
    expect((await status(device)).rounds[0]).toMatchObject({ outcome: 'committed' })
  })

  test('few samples wait until there are enough, as long as the day may bring more', async () => {
    here.server.batches = here.server.batches.slice(0, 2)
    const device = await start()
    await device.contact()
    await read(device, 10)
    here.server.before = (_, path) => {
      if (path.endsWith('/1')) throw new TypeError('fetch failed')
      return undefined
    }
    await device.contact()
    const [first] = (await status(device)).rounds
    expect(first).toMatchObject({ outcome: 'filtered', matched: 25, classifying: 8, scored: 17, steps: 0 })
    online()
    await device.contact()
    const [second] = (await status(device)).rounds
    expect(second).toMatchObject({ matched: 25, scored: 17 })
    expect(second!.outcome).toMatch(/committed|kept/)
    expect(here.server.count('GET /api/batches/100/0')).toBe(1)
    expect((await status(device)).samples).toMatchObject({ matched: 0 })
  })

  test('train runs a round with whatever there is; without local samples it changes nothing', async () => {
    const device = await start()
    await device.contact()
    const delivered = hashes(await status(device))
    const round = await device.train(null)
    expect(round).toMatchObject({ outcome: 'filtered', steps: 0, before: null })
    expect(hashes(await status(device))).toEqual(delivered)
    await read(device, 3)
    const second = await device.train(null)
    expect(second.scored).toBe(200)
    expect(second.outcome).toMatch(/committed|kept/)
  })

  test('rollback brings the delivered model back', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    const own = await rank(device)
    await device.rollback(null)
    expect(hashes(await status(device)).M).toBe(here.world.manifest.model.sha256)
    expect((await device.rank({ items: [key(0)] })).serving.sha256).toBe(here.world.manifest.model.sha256)
    expect(await rank(device)).not.toEqual(own)
  })

  test('on order of the server the delivered model is back, once', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    const { manifest } = here.world
    expect(hashes(await status(device)).M).not.toBe(manifest.model.sha256)
    const ordering = { ...manifest, rollback: { order: 1, upTo: manifest.version } }
    here.server.world = { ...here.world, manifest: ordering }
    here.clock.move(60_000)
    await device.contact()
    expect(hashes(await status(device)).M).toBe(manifest.model.sha256)
    here.clock.move(DAY_MS)
    here.server.day++
    await device.contact()
    expect((await status(device)).rounds[0]).toMatchObject({ outcome: 'committed' })
    expect(hashes(await status(device)).M).not.toBe(manifest.model.sha256)
  })

  test('a new version of the task replaces M and M0, and keeps what the user did', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.contact()
    here.server.world = await createWorld({ ...LEARNING, version: 2 })
    here.clock.move(60_000)
    await device.contact()
    const now = await status(device)
    expect(now.task).toEqual({ name: 'toy', version: 2 })
    expect(hashes(now).M0).toBe(here.server.world.manifest.model.sha256)
    expect(now.samples.clicks).toBe(10)
    expect((await device.rank({ items: [key(1)] })).serving.version).toBe(2)
  })
})

test('every status fits its schema, and a round shows its phases in order', async () => {
  const device = await start()
  await device.contact()
  const phases: string[] = []
  device.onStatus((status) => {
    statusSchema.parse(status)
    if (phases.at(-1) !== status.run.phase) phases.push(status.run.phase)
  })
  await read(device, 10)
  await device.contact()
  await status(device)
  expect(phases.filter((phase) => phase !== 'idle')).toEqual([
    'fetching',
    'filtering',
    'training',
    'committing',
  ])
})

test('while a model trains, ranking and tracking are answered', async () => {
  const answered = deferred<void>()
  const { spawnTrainer } = here.platform()
  const device = await start({ spawnTrainer: () => notBefore(answered.promise, spawnTrainer()) })
  await device.contact()
  await read(device, 10)
  const training = deferred<void>()
  device.onStatus(({ run }) => run.phase === 'training' && training.resolve())
  let done = false
  const round = device.train(null).then((round) => {
    done = true
    return round
  })
  await training.promise
  expect(await rank(device)).toHaveLength(60)
  await device.track({ events: [{ type: 'exposure', item: key(1) }] })
  expect(done).toBe(false)
  answered.resolve()
  expect((await round).outcome).toBe('committed')
})
