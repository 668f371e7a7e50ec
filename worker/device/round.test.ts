/** A round that is cut off, anywhere: what is stored then, and what the next one makes of it. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import { sha256 } from '../../shared/hash.ts'
import { headlessPlatform } from '../headless.ts'
import { killAfter } from '../testing/faults.ts'
import {
  type Bench,
  createBench,
  knownTrainer,
  PULLED,
  STEPS,
  stepsBetween,
  trained,
} from '../testing/rounds.ts'
import { createWorld, type World } from '../testing/world.ts'
import type { Trainer } from '../trainer/job.ts'
import { tidyBuffer } from './checkpoints.ts'
import { getState } from './db.ts'

let world: World
let bench: Bench
beforeAll(async () => {
  world = await createWorld()
})
beforeEach(async () => {
  bench = await createBench(world)
})
afterEach(() => bench.db.close())

const NAME = 'toy'
/** The steps by which M is ahead of the model that was delivered. */
const learnt = async () => stepsBetween(world.model, (await bench.models.load(NAME)).bytes)
const states = async () => (await bench.db.matched.toArray()).map(({ state }) => state)
const slots = async () => (await bench.models.list()).map(({ slot }) => slot).sort()
const committed = async () =>
  (await bench.db.journal.toArray()).filter(({ outcome }) => outcome === 'committed')

/** A trainer that dies in its training after so many steps, of which each is stored. */
const dyingAfter = (steps: number) => () => knownTrainer(bench.jobs, steps, stored)

async function stored(step: number): Promise<void> {
  for (;;) {
    const row = (await bench.db.models.toArray()).find(({ slot }) => slot === 'Mbuf')
    if (row?.training?.checkpoint?.step === step) return
  }
}

test('a round: a third of the matched train the classifier, half of the others are kept and used, and M is new', async () => {
  const round = await bench.run()
  expect(round).toMatchObject({
    outcome: 'committed',
    classifying: 10,
    scored: 20,
    kept: 10,
    local: { training: 12, validation: 12 },
    steps: STEPS,
    bytes: PULLED.bytes,
  })
  expect(round.resumed).toBeUndefined()
  expect(bench.jobs[0]!.training.size).toBe(22)
  expect(await learnt()).toBe(STEPS)
  expect(await states()).toEqual([])
  expect(await slots()).toEqual(['M', 'M0'])
  expect(await getState(bench.db, 'pulled')).toMatchObject({ bytes: 0, samples: 0 })
})

test('killed after any operation of the database, it goes on or begins again, and ends as if nothing had been', async () => {
  const ends = new Set<string>()
  for (let k = 0; ; k++) {
    bench.db.close()
    bench = await createBench(world)
    killAfter(bench.faults, k)
    await bench.run().catch(() => {})
    const whole = bench.faults.done <= k
    bench.reopen()

    // What is stored is what was before one of the two transactions of a round, or after it.
    const left = await states()
    const isNew = (await committed()).length > 0
    expect(await learnt()).toBe(isNew ? STEPS : 0)
    expect(await getState(bench.db, 'pulled')).toMatchObject(isNew ? { bytes: 0 } : { bytes: PULLED.bytes })
    if (isNew) expect([left, await slots()]).toEqual([[], ['M', 'M0']])
    else if (left.includes('filtered')) expect(left).toEqual(Array(10).fill('filtered'))
    else expect(left).toHaveLength(30)

    await tidyBuffer(bench.models, bench.task, bench.clock.now())
    const round = (await bench.isDue()) ? await bench.run() : undefined
    ends.add(isNew ? 'was over' : round?.resumed ? `went on at ${round.resumed}` : 'began again')
    const [only, ...more] = await committed()
    expect(more).toEqual([])
    expect(only).toMatchObject({ steps: STEPS, stepsKept: STEPS, bytes: PULLED.bytes })
    expect(only!.losses).toHaveLength(STEPS)
    expect(await learnt()).toBe(STEPS)
    expect([await states(), await slots()]).toEqual([[], ['M', 'M0']])
    if (whole) break
  }
  expect([...ends].sort()).toEqual(
    ['began again', 'was over', ...[1, 2, 3, 4].map((step) => `went on at ${step}`)].sort(),
  )
}, 240_000)

describe('a training that was cut off', () => {
  test('goes on where it was, with its own seed, and the journal says where', async () => {
    bench.spawnTrainer = dyingAfter(2)
    expect(await bench.run()).toMatchObject({ outcome: 'failed', failure: { code: 'worker' } })
    expect(await slots()).toEqual(['M', 'M0', 'Mbuf'])
    expect(await states()).toEqual(Array(10).fill('filtered'))
    bench.spawnTrainer = () => knownTrainer(bench.jobs)
    expect(await bench.isDue()).toBe(true)
    const round = await bench.run()
    expect(round).toMatchObject({ outcome: 'committed', resumed: 2, steps: STEPS, bytes: PULLED.bytes })
    expect(bench.jobs[1]!.from).toMatchObject({ step: 2, stepsKept: 2, losses: [1, 0.9] })
    expect(bench.jobs[1]!.seed).toBe(bench.jobs[0]!.seed)
    expect(await learnt()).toBe(STEPS)
  })

  const begunAgain = async () => {
    bench.spawnTrainer = () => knownTrainer(bench.jobs)
    const round = await bench.run()
    expect(round).toMatchObject({ outcome: 'committed', steps: STEPS })
    expect(round.resumed).toBeUndefined()
    expect(bench.jobs[1]!.from).toBeUndefined()
  }

  test('begins again when a label was corrected', async () => {
    bench.spawnTrainer = dyingAfter(2)
    await bench.run()
    await bench.db.local.toCollection().first((row) => bench.db.local.put({ ...row!, label: 1 }))
    await begunAgain()
  })

  test('begins again when a sample came in', async () => {
    bench.spawnTrainer = dyingAfter(2)
    await bench.run()
    const row = await bench.db.local.toCollection().first()
    await bench.db.local.put({ ...row!, exposure: 'x' })
    await begunAgain()
  })

  test('begins again on another day, and what it left goes when the device starts', async () => {
    bench.spawnTrainer = dyingAfter(2)
    await bench.run()
    bench.clock.move(DAY_MS / 2)
    await tidyBuffer(bench.models, bench.task, bench.clock.now())
    expect(await slots()).toEqual(['M', 'M0'])
    await begunAgain()
  })

  test('begins again when M is another', async () => {
    bench.spawnTrainer = dyingAfter(2)
    await bench.run()
    const bytes = trained(world.model, 9)
    await bench.models.receive({ name: NAME, version: 1, sha256: await sha256(bytes), bytes })
    await begunAgain()
    expect(await learnt()).toBe(9 + STEPS)
  })

  test('begins again when its checkpoint is damaged', async () => {
    bench.spawnTrainer = dyingAfter(2)
    await bench.run()
    await bench.db.blobs.put({ name: NAME, slot: 'Mbuf', bytes: Uint8Array.of(1) })
    await begunAgain()
  })

  test('is discarded when it would only fail again', async () => {
    bench.spawnTrainer = () => ({
      ...knownTrainer(bench.jobs, 0),
      personalise: () => Promise.reject(new AppError('diverged', 'The loss is NaN.')),
    })
    expect(await bench.run()).toMatchObject({ outcome: 'failed', failure: { code: 'diverged' } })
    expect(await slots()).toEqual(['M', 'M0'])
    expect(await states()).toHaveLength(10)
  })

  test('of the real trainer goes on, too', async () => {
    const { spawnTrainer } = headlessPlatform({ server: 'http://server', engine: 'plain' })
    const dying = (): Trainer => {
      const trainer = spawnTrainer()
      return {
        ...trainer,
        personalise: (job, watch = {}) =>
          new Promise((_, reject) => {
            const onCheckpoint: typeof watch.onCheckpoint = (checkpoint) => {
              watch.onCheckpoint?.(checkpoint)
              reject(new AppError('worker', 'The trainer stopped: out of memory.'))
            }
            trainer.personalise(job, { ...watch, onCheckpoint }).catch(reject)
          }),
      }
    }
    bench.spawnTrainer = dying
    expect(await bench.run()).toMatchObject({ outcome: 'failed' })
    bench.spawnTrainer = spawnTrainer
    const { ranking } = world.manifest.hyper
    const anEpoch = Math.ceil((12 + (await states()).length) / ranking.batchSize)
    const round = await bench.run()
    expect(round).toMatchObject({ resumed: anEpoch, steps: ranking.epochs * anEpoch })
    expect(round.outcome).toMatch(/committed|kept/)
    expect([await states(), await slots()]).toEqual([[], ['M', 'M0']])
  })
})

describe('a trainer that lies', () => {
  test.each([
    ['too few scores', Float32Array.of(0.5)],
    ['scores that are no numbers', new Float32Array(20).fill(Number.NaN)],
    ['scores beyond 1', new Float32Array(20).fill(2)],
  ])('with %s fails the round, and no sample goes', async (_, scores) => {
    const trainer = knownTrainer()
    bench.spawnTrainer = () => ({
      ...trainer,
      filter: async (job) => ({ ...(await trainer.filter(job)), scores }),
    })
    expect(await bench.run()).toMatchObject({ outcome: 'failed', failure: { code: 'engine' } })
    expect(await states()).toHaveLength(30)
  })
})
