/** A trainer whose engines fail: at each of their calls, in each way in which engines do. */
import { describe, expect, test, vi } from 'vitest'
import { chooseEngine } from '../../shared/engine/choose.ts'
import type { Engine } from '../../shared/engine/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { auc } from '../../shared/metrics.ts'
import { din } from '../../shared/model/spec.ts'
import { readSafetensors } from '../../shared/safetensors.ts'
import type { Batch } from '../../shared/sample.ts'
import {
  type Fault,
  failing,
  faults,
  filterJob,
  inOrder,
  personaliseJob,
  STEPS,
  sound,
  world,
} from '../testing/engines.ts'
import { createTrainer } from './trainer.ts'

const idsOf = (batches: readonly Batch[]) => new Set(batches.map(({ ids }) => ids.join()))

describe.each(faults)('an engine that %s at its k-th call, for every k', (fault) => {
  test('filter: the scores are those of an undisturbed run', async () => {
    const calm = sound('fused-webgpu')
    const due = await createTrainer(inOrder(calm)).filter(filterJob())
    for (let k = 1; k <= calm.calls(); k++) {
      const first = failing('fused-webgpu', k, fault)
      const trainer = createTrainer(inOrder(first, sound('fused-wasm')))
      const { choice, engine, ...result } = await trainer.filter(filterJob())
      expect(choice).toEqual({ engine: 'fused-wasm', timed: false, lost: [lossOf(first.engine, fault)] })
      expect(engine).toBe('fused-wasm')
      expect(result).toEqual({ scores: due.scores, losses: due.losses })
      expect(first.ended()).toBe(1)
      if (fault !== 'is lost and hangs') expect(first.engine.held()).toBe(0)
    }
  })

  test('personalise: every mini-batch is seen, and the model is as good as is said, never worse than before', async () => {
    const calm = sound('fused-webgpu')
    const due = await createTrainer(inOrder(calm)).personalise(personaliseJob())
    expect(due.steps).toBe(STEPS)
    const spec = din(world.manifest.schema, world.manifest.ranking)
    for (let k = 1; k <= calm.calls(); k++) {
      const job = personaliseJob()
      const first = failing('fused-webgpu', k, fault)
      const second = sound('fused-wasm')
      const trainer = createTrainer(inOrder(first, second))
      const checkpoints: number[] = []
      const result = await trainer.personalise(job, { onCheckpoint: ({ step }) => checkpoints.push(step) })
      expect(result.choice.lost).toEqual([lossOf(first.engine, fault)])
      expect(result.before).toBeCloseTo(due.before!, 12)
      expect(result.after).toBeGreaterThanOrEqual(result.before!)
      expect(result.losses).toHaveLength(STEPS)
      expect(result.losses.every(Number.isFinite)).toBe(true)
      expect(idsOf([...first.batches, ...second.batches])).toEqual(idsOf(calm.batches))
      // What an epoch's end had brought home was not learnt again.
      expect(checkpoints).toEqual([3, 6, 9])
      const kept = 3 * Math.max(0, Math.ceil(first.batches.length / 3) - 1)
      expect(second.batches.length).toBeLessThanOrEqual(STEPS - kept)
      if (result.model) {
        const model = await createPlainEngine().load(spec, readSafetensors(result.model))
        expect(auc(await model.predict(job.validation), job.validation.labels)).toBe(result.after)
      } else expect(result.after).toBe(result.before)
      expect(job.model).toEqual(world.model)
      await expect(trainer.filter(filterJob())).resolves.toMatchObject({ engine: 'fused-wasm' })
    }
  })
})

const REASONS: Record<Fault, RegExp> = {
  refuses: /The GPU is gone/,
  'is lost and hangs': /The GPU is gone/,
  'runs out of memory': /fused-webgpu has no memory left: Array buffer allocation failed/,
  traps: /fused-webgpu failed: unreachable/,
}
const lossOf = ({ name }: Engine, fault: Fault) => ({ name, reason: expect.stringMatching(REASONS[fault]) })

test('where every engine fails the job ends in `engine`, and so does the next', async () => {
  const engines = [
    failing('fused-webgpu', 5, 'is lost and hangs'),
    failing('fused-wasm', 5, 'runs out of memory'),
  ]
  const trainer = createTrainer(inOrder(...engines))
  for (let job = 0; job < 2; job++)
    await expect(trainer.personalise(personaliseJob())).rejects.toMatchObject({
      code: 'engine',
      message: /GPU is gone.*no memory left/,
    })
  expect(engines.map(({ ended }) => ended())).toEqual([1, 1])
})

test('WebAssembly that gets no memory leaves the work to portable TypeScript', async () => {
  const due = await createTrainer(inOrder(sound('plain'))).filter(filterJob())
  vi.spyOn(WebAssembly, 'Memory').mockImplementation(function Memory() {
    throw new RangeError('could not allocate memory')
  })
  const trainer = createTrainer((wish) => chooseEngine(wish))
  const { choice, scores } = await trainer.filter({ ...filterJob(), engine: 'fused-wasm' })
  vi.restoreAllMocks()
  const lost = [{ name: 'fused-wasm', reason: expect.stringMatching(/no memory for a model of \d+ KiB/) }]
  expect(choice).toEqual({ engine: 'plain', timed: false, lost })
  expect(scores).toEqual(due.scores)
})

test('an opener that knows of no other engine than the lost one is not asked for ever', async () => {
  const { engine } = failing('fused-wasm', 5, 'traps')
  const trainer = createTrainer(async () => ({ engine, timings: [] }))
  await expect(trainer.filter(filterJob())).rejects.toMatchObject({ code: 'engine', message: /unreachable/ })
})
