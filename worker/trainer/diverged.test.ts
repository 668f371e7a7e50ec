/** What is not a number ends in a named error, and M stays as it is. */
import { describe, expect, test } from 'vitest'
import type { Engine } from '../../shared/engine/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import type { Batch } from '../../shared/sample.ts'
import { type Failing, filterJob, inOrder, personaliseJob, STEPS, sound, world } from '../testing/engines.ts'
import { createTrainer } from './trainer.ts'

describe('what is not a number', () => {
  const nan = (given: Batch): Batch => ({ ...given, dense: given.dense.map(() => Number.NaN) })
  const onlyOn = (open: Failing) => createTrainer(inOrder(open))

  test.each(['training', 'validation'] as const)(
    'in the %s samples is `diverged`, and M stays',
    async (part) => {
      const trainer = onlyOn(sound('fused-wasm'))
      const job = personaliseJob()
      await expect(trainer.personalise({ ...job, [part]: nan(job[part]) })).rejects.toMatchObject({
        code: 'diverged',
      })
      expect(job.model).toEqual(world.model)
      const { choice } = await trainer.personalise(job)
      expect(choice, 'not the engine’s fault').toEqual({ engine: 'fused-wasm', timed: false, lost: [] })
    },
  )

  test.each(['local', 'outside', 'candidates'] as const)(
    'in the %s samples ends the filter',
    async (part) => {
      const job = filterJob()
      const bad = { ...job, [part]: nan(job[part]) }
      await expect(onlyOn(sound('fused-wasm')).filter(bad)).rejects.toMatchObject({ code: 'diverged' })
    },
  )

  test('in M is `bad-artifact`', async () => {
    const weights = readSafetensors(world.model)
    weights['out.b']!.data[0] = Number.NaN
    const model = writeSafetensors(weights)
    const trainer = onlyOn(sound('fused-wasm'))
    await expect(trainer.personalise({ ...personaliseJob(), model })).rejects.toMatchObject({
      code: 'bad-artifact',
    })
  })

  test('comes of a learning rate without bounds: `diverged`, whatever is computed on, and no model', async () => {
    const job = personaliseJob()
    const { hyper } = job.task
    const wild = { ...hyper, ranking: { ...hyper.ranking, learningRate: 1e38, gate: 'auc' as const } }
    const trainer = onlyOn(sound('fused-wasm'))
    await expect(trainer.personalise({ ...job, task: { ...job.task, hyper: wild } })).rejects.toMatchObject({
      code: 'diverged',
    })
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
              return steps >= 5 && what === 'scores' ? scores.fill(Number.NaN) : scores
            },
            async save() {
              const weights = await save()
              if (what === 'weights') weights['out.b']!.data[0] = Number.POSITIVE_INFINITY
              return weights
            },
          })
        },
      }
      const trainer = createTrainer(
        inOrder({ ...sound('fused-webgpu'), engine: broken }, sound('fused-wasm')),
      )
      const result = await trainer.personalise(personaliseJob())
      expect(result.choice).toMatchObject({ engine: 'plain', lost: [{ name: 'fused-webgpu' }] })
      expect(result.losses).toHaveLength(STEPS)
      expect(result.after).toBeGreaterThan(result.before!)
      expect((await trainer.filter(filterJob())).engine).toBe('fused-wasm')
    },
  )
})
