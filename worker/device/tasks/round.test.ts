/** A round that is cut off, anywhere: what is stored then, and what the next one makes of it. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { AppError } from '../../../shared/failure.ts'
import { sha256 } from '../../../shared/hash.ts'
import { RANKING } from '../../../shared/tasks/manifest.ts'
import { killAfter } from '../../testing/faults.ts'
import {
  answering,
  type Bench,
  createBench,
  knownTrainer,
  PULLED,
  STEPS,
  stepsBetween,
  trained,
} from '../../testing/rounds.ts'
import { trainerHere } from '../../testing/scripts.ts'
import { createWorld, NOON, type World } from '../../testing/world.ts'
import type { Result, Trainer } from '../../trainer/job.ts'
import { getState } from '../storage/state.ts'
import { tidyBuffers } from './checkpoints.ts'

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

/** Once the step's checkpoint is on the disk, or never can be. */
async function stored(step: number | undefined): Promise<void> {
  const { faults, disk } = bench
  while (!faults.killed) {
    const row = (await disk.models.toArray()).find(({ slot }) => slot === 'Mbuf')
    const checkpoint = row?.training?.checkpoint
    if (checkpoint && (checkpoint.state as { step?: number }).step === step) return
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
  const { 'local-training': training, filtered } = bench.jobs[0]!.samples
  expect([training!.batch.size, filtered!.batch.size]).toEqual([12, 10])
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
    bench.spawnTrainer = () => knownTrainer(bench.jobs, undefined, stored)
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

    await tidyBuffers(bench.models, bench.task, bench.clock.now())
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
    expect(bench.jobs[1]!.kept[RANKING]).toMatchObject({ state: { step: 2, losses: [1, 0.9] } })
    expect(bench.jobs[1]!.seed).toBe(bench.jobs[0]!.seed)
    expect(await learnt()).toBe(STEPS)
  })

  const begunAgain = async () => {
    bench.spawnTrainer = () => knownTrainer(bench.jobs)
    const round = await bench.run()
    expect(round).toMatchObject({ outcome: 'committed', steps: STEPS })
    expect(round.resumed).toBeUndefined()
    expect(bench.jobs[1]!.kept).toEqual({})
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
    await tidyBuffers(bench.models, bench.task, bench.clock.now())
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
    const trainer = knownTrainer()
    bench.spawnTrainer = () => ({
      ...trainer,
      async run(job, watch = {}) {
        if (job.task.name === 'filter') return trainer.run(job)
        watch.onCheckpoint?.({ name: RANKING, weights: null, state: 1 })
        await stored(undefined)
        throw new AppError('diverged', 'The loss is NaN.')
      },
    })
    expect(await bench.run()).toMatchObject({ outcome: 'failed', failure: { code: 'diverged' } })
    expect(await slots()).toEqual(['M', 'M0'])
    expect(await states()).toHaveLength(10)
  })

  test('of the real trainer goes on, too', async () => {
    const dying = (): Trainer => {
      const trainer = trainerHere()
      return {
        ...trainer,
        run: (job, watch = {}) =>
          new Promise((resolve, reject) => {
            const onCheckpoint: typeof watch.onCheckpoint = (checkpoint) => {
              watch.onCheckpoint?.(checkpoint)
              reject(new AppError('worker', 'The trainer stopped: out of memory.'))
            }
            trainer.run(job, { ...watch, onCheckpoint }).then(resolve, reject)
          }),
      }
    }
    bench.spawnTrainer = dying
    expect(await bench.run()).toMatchObject({ outcome: 'failed' })
    bench.spawnTrainer = trainerHere
    const { ranking } = world.manifest.hyper
    const anEpoch = Math.ceil((12 + (await states()).length) / ranking.batchSize)
    const round = await bench.run()
    expect(round).toMatchObject({ resumed: anEpoch, steps: ranking.epochs * anEpoch })
    expect(round.outcome).toMatch(/committed|kept/)
    expect([await states(), await slots()]).toEqual([[], ['M', 'M0']])
  })
})

describe('a trainer that lies', () => {
  type Effects = Result<'run'>['effects']
  const scored = (score: number) => (effects: Effects) => ({
    scores: effects.scores.map((one) => ({ ...one, score })),
  })
  test.each<[string, (effects: Effects) => Partial<Effects>]>([
    ['scores that are no numbers', scored(Number.NaN)],
    ['scores beyond 1', scored(2)],
    ['a score of a sample that it was not given', ({ scores }) => ({ scores: [{ ...scores[0]!, id: 'x' }] })],
    ['two scores of one sample', ({ scores }) => ({ scores: [scores[0]!, scores[0]!] })],
    ['a sample of the user’s own that is used', () => ({ used: [`${NOON}-000`] })],
    ['a model that the task may not write', () => ({ models: { [RANKING]: world.model } })],
    ['a fold that the task may not do', () => ({ folds: [RANKING] })],
    ['more reports than its budget is for', () => ({ reports: [{ name: 'a', values: {} }] })],
  ])('with %s fails the task, and no sample goes', async (_, change) => {
    bench.spawnTrainer = () => answering(knownTrainer(), 'filter', change)
    const round = await bench.run()
    expect(round).toMatchObject({ outcome: 'failed', scored: 0 })
    expect(round.tasks![0]).toMatchObject({
      name: 'filter',
      failure: { code: expect.stringMatching(/refused|bad-input/) },
    })
    expect(await states()).toHaveLength(30)
  })
})
