/** What goes wrong around a device, and that it goes on. */
import { describe, expect, test } from 'vitest'
import { AppError } from '../../shared/failure.ts'
import { headlessPlatform } from '../headless.ts'
import { trainerOf } from '../testing/scripts.ts'
import { hashes, LEARNING, rank, stage, status } from '../testing/stage.ts'
import { createWorld, html } from '../testing/world.ts'
import type { Trainer } from '../trainer/job.ts'

const here = stage()
const { disk, offline, online, read, start } = here

describe('faults', () => {
  /** A trainer that dies at its first job, as a thread does that ran out of memory. */
  const dying = (): Trainer =>
    trainerOf(() => Promise.reject(new AppError('worker', 'The trainer stopped: out of memory.')))

  test('a trainer that dies fails the round and nothing else; it is not tried again at once', async () => {
    const platform = headlessPlatform({ server: 'http://server', engine: 'plain', seed: 1 })
    let spawn: () => Trainer = dying
    const device = await start({ spawnTrainer: () => spawn() })
    await device.contact()
    await read(device, 10)
    await device.contact()
    const now = await status(device)
    expect(now.rounds[0]).toMatchObject({ outcome: 'failed', failure: { code: 'worker' } })
    expect(now.failure).toMatchObject({ code: 'worker' })
    expect(hashes(now)).toEqual({ M: here.world.manifest.model.sha256, M0: here.world.manifest.model.sha256 })
    expect(now.samples.matched).toBe(300)
    expect(await rank(device)).toHaveLength(60)

    spawn = platform.spawnTrainer
    await device.contact()
    expect((await status(device)).rounds).toHaveLength(1)
    here.clock.move(10 * 60_000)
    await device.contact()
    expect((await status(device)).rounds[0]).toMatchObject({
      outcome: 'committed',
      matched: 300,
      scored: 200,
    })
  })

  test('a round that the caller stops is cancelled; M stays and so do the samples', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    const abort = new AbortController()
    device.onStatus(({ run }) => {
      if (run.phase === 'training' && run.fraction > 0) abort.abort(new AppError('cancelled', 'Stopped.'))
    })
    await expect(device.train(null, abort.signal)).rejects.toMatchObject({ code: 'cancelled' })
    const now = await status(device)
    expect(now.rounds[0]).toMatchObject({ outcome: 'failed', failure: { code: 'cancelled' } })
    expect(now.failure).toBeNull()
    expect(now.run).toEqual({ phase: 'idle' })
    expect(hashes(now).M).toBe(here.world.manifest.model.sha256)
    expect(now.samples.filtered).toBeGreaterThan(0)
    expect((await device.train(null)).outcome).toBe('committed')
  })

  test('a first download that is cut short leaves nothing half-made, and the next contact heals it', async () => {
    here.server.before = (_, path) =>
      path.includes(here.world.manifest.model.sha256) ? new Response(new Uint8Array(9)) : undefined
    const device = await start()
    await expect(device.contact()).rejects.toMatchObject({ code: 'bad-artifact' })
    expect(await status(device)).toMatchObject({ task: null, models: [] })
    online()
    await device.contact()
    expect(await rank(device)).toHaveLength(60)
    expect((await status(device)).failure).toBeNull()
  })

  test('a captive portal is as good as no network', async () => {
    here.server.before = () => html()
    const device = await start()
    await expect(device.contact()).rejects.toMatchObject({ code: 'offline' })
    expect((await status(device)).online).toBe(false)
  })

  test('with both models damaged on the disk, ranking says so and the next contact brings the model anew', async () => {
    const first = await start()
    await first.contact()
    await first.stop()
    const db = disk()
    await db.blobs.filter(({ slot }) => slot !== 'catalogue').modify({ bytes: new Uint8Array(8) })
    db.close()
    offline()
    const device = await start()
    await expect(rank(device)).rejects.toMatchObject({ code: 'bad-artifact' })
    online()
    await device.contact()
    expect(await rank(device)).toHaveLength(60)
  })

  test('a damaged catalogue is downloaded anew; the personal model stays', async () => {
    const first = await start()
    await first.contact()
    await read(first, 10)
    await first.contact()
    const { M } = hashes(await status(first))
    await first.stop()
    const db = disk()
    await db.blobs.filter(({ slot }) => slot === 'catalogue').modify({ bytes: new Uint8Array(8) })
    db.close()
    const device = await start()
    await device.contact()
    expect((await device.catalogue(null)).items).toHaveLength(60)
    expect(hashes(await status(device)).M).toBe(M)
  })

  test('damaged item factors are downloaded anew; M keeps what it knows of its user', async () => {
    here.server.world = await createWorld({ ...LEARNING, ranking: { ...LEARNING.ranking, personal: true } })
    const first = await start()
    await first.contact()
    await read(first, 10)
    await first.contact()
    expect((await status(first)).rounds.some(({ folded }) => folded)).toBe(true)
    const before = await rank(first)
    await first.stop()
    const db = disk()
    await db.blobs.filter(({ slot }) => slot === 'factors').modify({ bytes: new Uint8Array(8) })
    db.close()
    const device = await start()
    await device.contact()
    expect(await rank(device)).toEqual(before)
  })

  test('an item that the catalogue lacks is bad input', async () => {
    const device = await start()
    await device.contact()
    await expect(device.rank({ items: ['nothing'] })).rejects.toMatchObject({ code: 'bad-input' })
  })
})
