import { describe, expect, test } from 'vitest'
import { inOrder, personaliseJob, sound } from '../testing/engines.ts'
import { type Checkpoint, checkpointSchema, type Job } from './job.ts'
import { createTrainer } from './trainer.ts'

describe('a personalisation that is cut off', () => {
  /** All checkpoints of an undisturbed run, as they come from storage. */
  async function checkpointsOf(job: Job<'personalise'>) {
    const calm = sound('plain')
    const checkpoints: Checkpoint[] = []
    const watch = {
      onCheckpoint: (checkpoint: Checkpoint) => checkpoints.push(checkpointSchema.parse(checkpoint)),
    }
    const due = await createTrainer(inOrder(calm)).personalise(job, watch)
    return { due, checkpoints, batches: calm.batches }
  }
  const long = (): Job<'personalise'> => {
    const job = personaliseJob()
    const { hyper } = job.task
    const ranking = { ...hyper.ranking, epochs: 2, batchSize: 1 }
    return { ...job, task: { ...job.task, hyper: { ...hyper, ranking } } }
  }

  test('has checkpoints every 32 steps and at the end of each epoch, the same each time', async () => {
    const { checkpoints } = await checkpointsOf(long())
    expect(checkpoints.map(({ step }) => step)).toEqual([32, 40, 64, 80])
    expect((await checkpointsOf(long())).checkpoints).toEqual(checkpoints)
  })

  test('goes on from any of them with the mini-batches that are left', async () => {
    const job = long()
    const { due, checkpoints, batches } = await checkpointsOf(job)
    for (const from of checkpoints) {
      const again = sound('plain')
      const result = await createTrainer(inOrder(again)).personalise({ ...job, from })
      expect(again.batches).toEqual(batches.slice(from.step))
      expect(result.losses.slice(0, from.step)).toEqual(due.losses.slice(0, from.step))
      expect(result.losses).toHaveLength(80)
      expect(result.before).toBe(due.before)
      expect(result.after).toBeGreaterThanOrEqual(from.best.auc)
      expect(result.stepsKept).toBeGreaterThanOrEqual(from.stepsKept)
    }
  })

  test('is as it was where all was done but the commit', async () => {
    const { due, checkpoints } = await checkpointsOf(long())
    const done = await createTrainer(inOrder(sound('plain'))).personalise({
      ...long(),
      from: checkpoints.at(-1)!,
    })
    expect(done).toEqual(due)
  })

  test('a checkpoint of another training is refused', async () => {
    const { checkpoints } = await checkpointsOf(long())
    const job = { ...personaliseJob(), from: checkpoints.at(-1)! }
    await expect(createTrainer(inOrder(sound('plain'))).personalise(job)).rejects.toMatchObject({
      code: 'bad-input',
    })
  })
})
