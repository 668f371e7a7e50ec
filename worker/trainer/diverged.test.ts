/** What is not a number ends in a named error, and M stays as it is. */
import { describe, expect, test } from 'vitest'
import type { Engine } from '../../shared/engine/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import type { Batch } from '../../shared/sample.ts'
import type { Run } from '../../shared/tasks/context.ts'
import { RANKING } from '../../shared/tasks/manifest.ts'
import { inOrder, runJob, STEPS, sound, trainerOn, world } from '../testing/engines.ts'

describe('what is not a number', () => {
  const nan = (given: Batch): Batch => ({ ...given, dense: given.dense.map(() => Number.NaN) })

  test.each(['local-training', 'local-validation'] as const)(
    'in the samples of %s is `diverged`, and not the engine’s fault',
    async (set) => {
      const trainer = trainerOn(inOrder(sound('fused-wasm')))
      const job = runJob()
      const samples = { ...job.samples, [set]: { ...job.samples[set]!, batch: nan(job.samples[set]!.batch) } }
      await expect(trainer.run({ ...job, samples })).rejects.toMatchObject({ code: 'diverged' })
      expect(job.models[RANKING]!.now).toEqual(world.model)
      const { choice } = await trainer.run(job)
      expect(choice).toEqual({ engine: 'fused-wasm', timed: false, lost: [] })
    },
  )

  test('in M is `bad-artifact`', async () => {
    const weights = readSafetensors(world.model)
    weights['out.b']!.data[0] = Number.NaN
    const trainer = trainerOn(inOrder(sound('fused-wasm')))
    const models = { [RANKING]: { now: writeSafetensors(weights) } }
    await expect(trainer.run(runJob({ models }))).rejects.toMatchObject({ code: 'bad-artifact' })
  })

  test('comes of a learning rate without bounds: `diverged`, whatever is computed on', async () => {
    const wild: Run = async ({ samples, models, engine }) => {
      const { batch } = await samples.read('local-training')
      const model = await engine.load(engine.din(), (await models.read(RANKING))!)
      for (;;) await model.step(batch, 1e38)
    }
    const trainer = trainerOn(inOrder(sound('fused-wasm')), wild)
    await expect(trainer.run(runJob())).rejects.toMatchObject({ code: 'diverged' })
  })

  test('by the script’s own word is asked of portable TypeScript, too', async () => {
    let runs = 0
    const doubting: Run = async () => {
      runs++
      throw new AppError('diverged', 'No score is a number.')
    }
    const trainer = trainerOn(inOrder(sound('fused-wasm')), doubting)
    await expect(trainer.run(runJob())).rejects.toMatchObject({
      code: 'diverged',
      message: 'lesson v3: No score is a number.',
    })
    expect(runs).toBe(2)
  })

  test.each(['scores', 'weights', 'loss'])(
    'as %s of one engine only is that engine’s fault',
    async (what) => {
      const { engine } = sound('fused-webgpu')
      const broken: Engine = {
        ...engine,
        async load(...given) {
          const model = await engine.load(...given)
          const { step, predict, save } = model
          let steps = 0
          return Object.assign(model, {
            async step(...lesson: Parameters<typeof step>) {
              if (++steps === 5 && what === 'loss') throw new AppError('diverged', 'The loss is NaN.')
              return step(...lesson)
            },
            async predict(given: Batch) {
              const scores = await predict(given)
              return what === 'scores' ? scores.fill(Number.NaN) : scores
            },
            async save() {
              const weights = await save()
              if (what === 'weights') weights['out.b']!.data[0] = Number.POSITIVE_INFINITY
              return weights
            },
          })
        },
      }
      const trainer = trainerOn(inOrder({ ...sound('fused-webgpu'), engine: broken }, sound('fused-wasm')))
      const due = await trainerOn(inOrder(sound('plain'))).run(runJob())
      const { choice, effects } = await trainer.run(runJob())
      expect(choice).toMatchObject({ engine: 'plain', lost: [{ name: 'fused-webgpu' }] })
      expect(effects).toEqual(due.effects)
      expect((effects.result as { losses: number[] }).losses).toHaveLength(STEPS)
      expect((await trainer.run(runJob())).engine).toBe('fused-wasm')
    },
  )
})
