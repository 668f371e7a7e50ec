/** When a device may train by itself, and what a round that runs does when it no longer may. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hyper } from '../../../shared/hyper.ts'
import type { Conditions, DeviceApi, Status } from '../../../shared/protocol.ts'
import { notBefore, trainerOf } from '../../testing/scripts.ts'
import { stage, status } from '../../testing/stage.ts'
import { handTimers } from '../../testing/tabs.ts'
import type { Trainer } from '../../trainer/job.ts'
import { deferred } from '../../turns.ts'
import { createEase } from './ease.ts'
import { obstacle, type Policy } from './eligibility.ts'

const fine: Conditions = { page: 'visible', battery: { level: 1, charging: true }, saveData: false }
const low: Conditions = { ...fine, battery: { level: 0.19, charging: false } }
const policy = { minBattery: 0.2 }

describe('the rule', () => {
  const battery = (level: number, charging: boolean) => ({ battery: { level, charging } })
  test.each<[string, Partial<Conditions>, boolean, string | null]>([
    ['all is fine', {}, true, null],
    ['the user has switched it off', {}, false, 'paused'],
    ['data are to be saved', { saveData: true }, true, 'data-saver'],
    ['the battery is low', battery(0.19, false), true, 'battery'],
    ['the battery is low, but charging', battery(0.19, true), true, null],
    ['the battery is just not low', battery(0.2, false), true, null],
    ['hidden on its battery', { page: 'hidden', ...battery(1, false) }, true, 'hidden'],
    ['hidden and plugged in', { page: 'hidden', ...battery(0.1, true) }, true, null],
    ['frozen', { page: 'frozen' }, true, 'hidden'],
  ])('%s', (_, change, learning, expected) => {
    expect(obstacle({ ...fine, ...change }, learning, policy)).toBe(expected)
  })

  test.each<[string, Partial<Conditions>, Policy, string | null]>([
    ['only while charging', battery(1, false), { charging: true }, 'battery'],
    ['only while charging, where there is no battery', { battery: null }, { charging: true }, null],
    ['also where data are to be saved', { saveData: true }, { onDataSaver: true }, null],
    ['hidden at any time', { page: 'hidden', ...battery(1, false) }, { whileHidden: 'always' }, null],
    ['never while hidden', { page: 'hidden', ...battery(1, true) }, { whileHidden: 'never' }, 'hidden'],
    ['frozen, though it may while hidden', { page: 'frozen' }, { whileHidden: 'always' }, 'hidden'],
  ])('of a task that runs %s', (_, change, own, expected) => {
    expect(obstacle({ ...fine, ...change }, true, own)).toBe(expected)
  })

  test('what a browser does not tell never stands in the way', () => {
    const page = fc.constantFrom('visible', 'hidden', 'frozen') satisfies fc.Arbitrary<Conditions['page']>
    const told = fc.record({
      page,
      battery: fc.record({ level: fc.double({ min: 0, max: 1, noNaN: true }), charging: fc.boolean() }),
      saveData: fc.boolean(),
    })
    fc.assert(
      fc.property(told, fc.constantFrom('battery', 'saveData'), (conditions, unknown) => {
        fc.pre(obstacle(conditions, true, policy) === null)
        expect(obstacle({ ...conditions, [unknown]: null }, true, policy)).toBeNull()
      }),
      { seed: 1 },
    )
    expect(obstacle({ page: 'hidden', battery: null, saveData: null }, true, policy)).toBeNull()
  })
})

describe('a device', () => {
  const here = stage()
  const { read, start } = here
  const waitsFor = async (device: DeviceApi) => (await status(device)).waitingFor.reason
  /** Does it once a round trains. */
  const whileTraining = (device: DeviceApi, act: () => void) => {
    let done = false
    device.onStatus(({ run }: Status) => {
      if (done || run.phase !== 'training' || run.fraction === 0) return
      done = true
      act()
    })
  }

  test.each<[Conditions, string]>([
    [low, 'battery'],
    [{ ...fine, saveData: true }, 'data-saver'],
    [{ ...low, page: 'hidden', battery: { level: 1, charging: false } }, 'hidden'],
  ])(
    'that is not eligible pulls nothing and trains nothing, says why, and begins when it is: %j',
    async (conditions, reason) => {
      const device = await start()
      await device.contact()
      await device.conditions(conditions)
      await read(device, 10)
      await device.contact()
      expect(await waitsFor(device)).toBe(reason)
      expect(here.server.count('GET /api/batches')).toBe(0)
      expect((await status(device)).events.waiting).toBe(0) // what the user did is sent all the same

      const learnt = new Promise<void>((resolve) => {
        device.onStatus(({ rounds }) => rounds[0]?.outcome === 'committed' && resolve())
      })
      await device.conditions(fine)
      await learnt
      expect(await waitsFor(device)).toBe('tomorrow')
    },
  )

  test('clicks are asked for first: only they are the user’s to give', async () => {
    const device = await start()
    await device.contact()
    await device.conditions(low)
    expect(await waitsFor(device)).toBe('clicks')
  })

  test('trains when it is asked to, whatever stands in the way', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    await device.conditions({ page: 'hidden', battery: { level: 0.01, charging: false }, saveData: true })
    await device.learn({ on: false })
    expect((await device.train(null)).outcome).toBe('committed')
  })

  test('ends a round in its middle when the battery gets low; M and the samples stay, and it goes on later', async () => {
    const device = await start()
    await device.contact()
    await read(device, 10)
    whileTraining(device, () => void device.conditions(low))
    await device.contact()
    const now = await status(device)
    expect(now.serving!.sha256).toBe(here.world.manifest.model.sha256)
    expect(now.samples.filtered).toBeGreaterThan(0)
    expect(now).toMatchObject({ run: { phase: 'idle' }, waitingFor: { reason: 'battery' }, failure: null })
    await device.conditions(fine)
    await device.contact()
    expect((await status(device)).rounds[0]).toMatchObject({ outcome: 'committed' })
  })

  test('that must not learn ends its round and begins none, also after it was opened anew', async () => {
    // The switch is stored before it counts.
    const off = deferred<void>()
    const { spawnTrainer } = here.platform()
    const first = await start({ spawnTrainer: () => notBefore(off.promise, spawnTrainer()) })
    await first.contact()
    await read(first, 10)
    whileTraining(first, () => void first.learn({ on: false }).then(() => off.resolve()))
    await first.contact()
    expect(await status(first)).toMatchObject({ learning: false, waitingFor: { reason: 'paused' } })
    await first.stop()
    const second = await start()
    await second.contact()
    const now = await status(second)
    expect(now).toMatchObject({ learning: false, waitingFor: { reason: 'paused' } })
    expect(now.serving!.sha256).toBe(here.world.manifest.model.sha256)
    await second.learn({ on: true })
    await second.contact()
    expect((await status(second)).rounds[0]).toMatchObject({ outcome: 'committed' })
  })

  test('does not download a new model where data are to be saved, if it has one', async () => {
    const device = await start()
    await device.contact()
    await device.conditions({ ...fine, saveData: true })
    const before = here.server.count('GET /artifacts/')
    here.server.world = { ...here.world, manifest: { ...here.world.manifest, version: 2 } }
    here.clock.move(60_000)
    await device.contact()
    expect(here.server.count('GET /artifacts/')).toBe(before)
    expect((await status(device)).task?.version).toBe(1)
  })

  test('remembers what the browser promised', async () => {
    const device = await start()
    expect((await status(device)).persistent).toBeNull()
    await device.persisted({ granted: true })
    expect((await status(device)).persistent).toBe(true)
  })

  test.each<['contact' | 'train', number]>([
    ['contact', hyper().duty],
    ['train', 1],
  ])('gives a round that began by %s %d of the time', async (call, share) => {
    const platform = here.platform()
    const duties: unknown[] = []
    const spawnTrainer = (): Trainer => {
      const trainer = platform.spawnTrainer()
      return {
        ...trainer,
        run: (job, watch) => {
          if (job.trigger.on !== 'call') duties.push(job.duty)
          return trainer.run(job, watch)
        },
      }
    }
    const device = await start({ spawnTrainer })
    await device.contact()
    await read(device, 10)
    await (call === 'train' ? device.train(null) : device.contact())
    expect(duties).toEqual([share, share])
  })
})

describe('the user’s own work', () => {
  /** Trainers that note what they are told. */
  function noting() {
    const said: string[] = []
    const trainer = (name: string): Trainer =>
      trainerOf(() => Promise.reject(new Error('not here')), {
        pause: () => void said.push(`${name} pauses`),
        resume: () => void said.push(`${name} goes on`),
        terminate: () => void said.push(`${name} ends`),
      })
    let count = 0
    return { said, spawnTrainer: () => trainer(String.fromCharCode(97 + count++)) }
  }

  test('stops what trains at once, until nothing was heard of the user for 300 ms', () => {
    const { said, spawnTrainer } = noting()
    const timers = handTimers()
    const ease = createEase({ spawnTrainer, after: timers.after })
    ease.spawnTrainer()
    ease.busy()
    expect(said).toEqual(['a pauses'])
    timers.pass(299)
    ease.busy()
    timers.pass(299)
    expect(said).toEqual(['a pauses'])
    timers.pass(1)
    expect(said).toEqual(['a pauses', 'a goes on'])
  })

  test('a trainer that begins meanwhile waits; one that has ended is left alone', () => {
    const { said, spawnTrainer } = noting()
    const timers = handTimers()
    const ease = createEase({ spawnTrainer, after: timers.after })
    const first = ease.spawnTrainer()
    ease.busy()
    first.terminate()
    ease.spawnTrainer()
    timers.pass(300)
    expect(said).toEqual(['a pauses', 'a ends', 'b pauses', 'b goes on'])
  })
})
