/** A trainer whose engines fail: at each of their calls, in each way in which engines do. */
import { describe, expect, test, vi } from 'vitest'
import { chooseEngine } from '../../shared/engine/choose.ts'
import type { Engine } from '../../shared/engine/engine.ts'
import { AppError } from '../../shared/failure.ts'
import type { Run } from '../../shared/tasks/context.ts'
import { RANKING } from '../../shared/tasks/manifest.ts'
import {
  type Fault,
  failing,
  faults,
  inOrder,
  lesson,
  loading,
  runJob,
  STEPS,
  sound,
  trainerOn,
  world,
} from '../testing/engines.ts'
import type { Kept } from './job.ts'
import { createTrainer } from './trainer.ts'

describe.each(faults)('an engine that %s at its k-th call, for every k', (fault) => {
  test('the script goes on from what it kept last, and ends with the same model', async () => {
    const calm = sound('fused-webgpu')
    const due = await trainerOn(inOrder(calm)).run(runJob())
    expect(calm.batches).toHaveLength(STEPS)
    for (let k = 1; k <= calm.calls(); k++) {
      const job = runJob()
      const first = failing('fused-webgpu', k, fault)
      const second = sound('fused-wasm')
      const trainer = trainerOn(inOrder(first, second))
      const kept: Kept[] = []
      const result = await trainer.run(job, { onCheckpoint: (one) => kept.push(one) })
      expect(result.choice).toEqual({
        engine: 'fused-wasm',
        timed: false,
        lost: [lossOf(first.engine, fault)],
      })
      expect(result.effects).toEqual(due.effects)
      // What a pass had brought home was not learnt again.
      expect(kept.map(({ state }) => (state as { losses: number[] }).losses.length)).toEqual([3, 6, 9])
      const home = 3 * Math.max(0, Math.ceil(first.batches.length / 3) - 1)
      expect(second.batches.length).toBeLessThanOrEqual(STEPS - home)
      expect(job.models[RANKING]!.now).toEqual(world.model)
      expect(first.ended()).toBe(1)
      if (fault !== 'is lost and hangs') expect(first.engine.held()).toBe(0)
      expect(second.engine.held()).toBe(0)
      await expect(trainer.run(runJob())).resolves.toMatchObject({ engine: 'fused-wasm' })
    }
  })

  test('a script that will not hear of it changes nothing', async () => {
    const first = failing('fused-webgpu', 4, fault)
    const deaf: Run = async (context) => {
      try {
        return await lesson(context)
      } catch {
        return 'all is well'
      }
    }
    const { choice, effects } = await trainerOn(inOrder(first, sound('fused-wasm')), deaf).run(runJob())
    expect(choice.lost).toEqual([lossOf(first.engine, fault)])
    expect(effects.result).toMatchObject({ losses: expect.any(Array) })
  })
})

const REASONS: Record<Fault, RegExp> = {
  refuses: /The GPU is gone/,
  'is lost and hangs': /The GPU is gone/,
  'runs out of memory': /fused-webgpu has no memory left: Array buffer allocation failed/,
  traps: /fused-webgpu failed: unreachable/,
}
const lossOf = ({ name }: Engine, fault: Fault) => ({ name, reason: expect.stringMatching(REASONS[fault]) })

test('where every engine fails the run ends in `engine`, and so does the next', async () => {
  const engines = [
    failing('fused-webgpu', 5, 'is lost and hangs'),
    failing('fused-wasm', 5, 'runs out of memory'),
  ]
  const trainer = trainerOn(inOrder(...engines))
  for (let run = 0; run < 2; run++)
    await expect(trainer.run(runJob())).rejects.toMatchObject({
      code: 'engine',
      message: /GPU is gone.*no memory left/,
    })
  expect(engines.map(({ ended }) => ended())).toEqual([1, 1])
})

test('WebAssembly that gets no memory leaves the work to portable TypeScript', async () => {
  const due = await trainerOn(inOrder(sound('plain'))).run(runJob())
  vi.spyOn(WebAssembly, 'Memory').mockImplementation(function Memory() {
    throw new RangeError('could not allocate memory')
  })
  const trainer = createTrainer((wish) => chooseEngine(wish), { load: loading(lesson) })
  const { choice, effects } = await trainer.run(runJob({ engine: 'fused-wasm' }))
  vi.restoreAllMocks()
  const lost = [{ name: 'fused-wasm', reason: expect.stringMatching(/no memory for a model of \d+ KiB/) }]
  expect(choice).toEqual({ engine: 'plain', timed: false, lost })
  expect(effects).toEqual(due.effects)
})

test('an opener that knows of no other engine than the lost one is not asked for ever', async () => {
  const { engine } = failing('fused-wasm', 5, 'traps')
  const trainer = trainerOn(async () => ({ engine, timings: [] }))
  await expect(trainer.run(runJob())).rejects.toMatchObject({ code: 'engine', message: /unreachable/ })
})

test.each([
  ['throws', () => Promise.reject(new TypeError('x is not a function')), 'worker'],
  ['says that an engine failed', () => Promise.reject(new AppError('engine', 'The GPU is gone.')), 'worker'],
  ['asks for what is not there', ({ engine }) => engine.load(engine.din(), {}), 'bad-artifact'],
] satisfies [string, Run, string][])(
  'a script that %s is no fault of the engine',
  async (_, script, code) => {
    const only = sound('fused-wasm')
    const trainer = trainerOn(inOrder(only, sound('plain')), script)
    await expect(trainer.run(runJob())).rejects.toMatchObject({ code, message: /^lesson v3: / })
    expect(only.ended()).toBe(0)
  },
)
