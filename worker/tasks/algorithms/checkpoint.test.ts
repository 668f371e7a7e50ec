/** A training that was cut off goes on where it was, with the mini-batches that are left. */
import { beforeAll, describe, expect, test } from 'vitest'
import { hyper } from '../../../shared/hyper.ts'
import { din, initialWeights } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import { pack } from '../../../shared/sample.ts'
import { sound } from '../../testing/engines.ts'
import { createWorld, samplesOf, type World } from '../../testing/world.ts'
import { type PersonaliseInput, personalise } from './personalise.ts'
import type { Checkpoint } from './watch.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})

/** Two epochs of 40 mini-batches. */
function input(): PersonaliseInput {
  const { context, manifest } = world
  const spec = din(manifest.schema, manifest.ranking)
  const read = (count: number, seed: number) =>
    pack(context.layout, samplesOf(context, 2, count, seeded(seed)))
  return {
    spec,
    model: initialWeights(spec, seeded(1)),
    training: read(40, 4),
    validation: read(60, 5),
    hyper: hyper({ ranking: { epochs: 2, batchSize: 1, learningRate: 0.05 } }).ranking,
    seed: 3,
  }
}

/** An undisturbed training, all that it kept on its way, and its mini-batches. */
async function calm() {
  const { engine, batches } = sound('plain')
  const checkpoints: Checkpoint[] = []
  // As it comes from storage.
  const onCheckpoint = (checkpoint: Checkpoint) => void checkpoints.push(structuredClone(checkpoint))
  const due = await personalise(engine, input(), { onCheckpoint })
  return { due, checkpoints, batches }
}

describe('a training that is cut off', () => {
  test('has checkpoints every 32 steps and at the end of each epoch, the same each time', async () => {
    const { checkpoints } = await calm()
    expect(checkpoints.map(({ step }) => step)).toEqual([32, 40, 64, 80])
    expect((await calm()).checkpoints).toEqual(checkpoints)
  })

  test('goes on from any of them with the mini-batches that are left', async () => {
    const { due, checkpoints, batches } = await calm()
    for (const from of checkpoints) {
      const again = sound('plain')
      const result = await personalise(again.engine, { ...input(), from })
      expect(again.batches).toEqual(batches.slice(from.step))
      expect(result.losses.slice(0, from.step)).toEqual(due.losses.slice(0, from.step))
      expect(result.losses).toHaveLength(80)
      expect(result.before).toBe(due.before)
      expect(result.after).toBeGreaterThanOrEqual(from.best.auc)
      expect(result.stepsKept).toBeGreaterThanOrEqual(from.stepsKept)
    }
  })

  test('is as it was where all was done but the commit', async () => {
    const { due, checkpoints } = await calm()
    const from = checkpoints.at(-1)!
    expect(await personalise(sound('plain').engine, { ...input(), from })).toEqual(due)
  })

  test('waits until a checkpoint is kept', async () => {
    const { engine } = sound('plain')
    let keeping = 0
    await personalise(engine, input(), {
      async onCheckpoint() {
        expect(++keeping).toBe(1)
        for (let turn = 0; turn < 5; turn++) await Promise.resolve()
        keeping--
      },
    })
    expect(keeping).toBe(0)
  })

  test('a checkpoint of another training is refused', async () => {
    const { checkpoints } = await calm()
    const { hyper, ...rest } = input()
    const shorter = { ...rest, hyper: { ...hyper, epochs: 1 }, from: checkpoints.at(-1)! }
    await expect(personalise(sound('plain').engine, shorter)).rejects.toMatchObject({ code: 'bad-input' })
  })
})
