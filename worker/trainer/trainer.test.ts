import { afterEach, describe, expect, test } from 'vitest'
import type { Port } from '../../shared/calls.ts'
import { compileKernel } from '../../shared/engine/fused/kernel.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { din } from '../../shared/model/spec.ts'
import { readSafetensors } from '../../shared/safetensors.ts'
import type { Run } from '../../shared/tasks/context.ts'
import { RANKING } from '../../shared/tasks/manifest.ts'
import { lesson, loading, runJob, STEPS, world } from '../testing/engines.ts'
import type { OpenEngine } from './engines.ts'
import type { Job, Kept, Trainer } from './job.ts'
import { systemTiming, type Timing } from './pause.ts'
import { connectTrainer, serveTrainer } from './port.ts'
import { createTrainer } from './trainer.ts'

const onPlain: OpenEngine = async () => ({ engine: createPlainEngine(), timings: [] })

let time = 0
/** By this clock every step is a long one: messages are heard before each. */
const attentive: Timing = {
  ...systemTiming,
  now() {
    time += 10
    return time
  },
}

interface Made {
  trainer: Trainer
  /** How often an engine was given back. */
  ended(): number
  close(): void
}

type Make = (run?: Run, open?: OpenEngine, timing?: Timing) => Made

const inProcess: Make = (run = lesson, open = onPlain, timing = attentive) => {
  let ended = 0
  const end = async () => {
    ended++
  }
  return { trainer: createTrainer(open, { end, timing, load: loading(run) }), ended: () => ended, close() {} }
}

const acrossPort: Make = (...made) => {
  const { trainer: inner, ended } = inProcess(...made)
  const { port1, port2 } = new MessageChannel()
  serveTrainer(asPort(port2), inner)
  const trainer = connectTrainer(asPort(port1), () => {
    inner.terminate()
    port2.close()
  })
  port1.start()
  port2.start()
  return { trainer, ended, close: () => port1.close() }
}
const asPort = (port: MessagePort) => port as unknown as Port

describe.each([
  ['in this process', inProcess],
  ['across a port', acrossPort],
])('a trainer %s', (_, make) => {
  let now: Made | undefined
  afterEach(() => {
    now?.trainer.terminate()
    now?.close()
  })

  test('runs scripts on one engine, and gives it back when it is terminated', async () => {
    let starts = 0
    now = make(lesson, async (wish) => {
      starts++
      const { schema, ranking, hyper } = world.manifest
      expect(wish.shape).toEqual({ spec: din(schema, ranking), batch: hyper.ranking.batchSize })
      return { engine: createPlainEngine(), timings: [{ name: 'plain', ms: 1 }] }
    })
    const { engine, choice, effects } = await now.trainer.run(runJob())
    expect([engine, choice]).toEqual(['plain', { engine: 'plain', timed: true, lost: [] }])
    const { losses } = effects.result as { losses: number[] }
    expect(losses).toHaveLength(STEPS)
    expect(losses.at(-1)!).toBeLessThan(losses[0]!)
    const before = readSafetensors(world.model)
    const after = readSafetensors(effects.models[RANKING]!)
    expect(Object.keys(after)).toEqual(Object.keys(before))
    expect(after).not.toEqual(before)
    await now.trainer.run(runJob())
    expect([starts, now.ended()]).toEqual([1, 0])
    now.trainer.terminate()
    await systemTiming.turn()
    expect(now.ended()).toBe(1)
  })

  test('gives the same result wherever it runs', async () => {
    now = make()
    expect(await now.trainer.run(runJob())).toEqual(await inProcess().trainer.run(runJob()))
  })

  test('brings back all that a script does', async () => {
    now = make(async ({ samples, models, log, clock, trigger, seed }) => {
      const { ids } = await samples.read('matched')
      samples.score([
        { id: ids[0]!, score: 0.25, keep: true },
        { id: ids[1]!, score: null, keep: false },
      ])
      samples.use([ids[0]!])
      const { batch } = await samples.read('candidates')
      samples.rank(Array.from({ length: batch.size }, (_, i) => i / 2))
      models.fold(RANKING)
      log.report('lesson', { one: 1 })
      return { at: clock.now(), trigger, seed, none: (await samples.read('local-training')).batch.size }
    })
    const { 'local-training': _, ...samples } = runJob().samples
    const trigger = { on: 'call', name: 'ask', input: { deep: [1] } } as const
    const { effects } = await now.trainer.run(runJob({ now: 7, trigger, samples }))
    expect(effects).toEqual({
      scores: [
        { id: '6-0', score: 0.25, keep: true },
        { id: '6-1', score: null, keep: false },
      ],
      used: ['6-0'],
      ranked: Float32Array.of(0, 0.5, 1, 1.5),
      folds: [RANKING],
      models: {},
      reports: [{ name: 'lesson', values: { one: 1 } }],
      result: { at: expect.any(Number), trigger, seed: 3, none: 0 },
    })
    expect((effects.result as { at: number }).at).toBeGreaterThanOrEqual(7)
  })

  test('tells of its progress and of what is kept', async () => {
    now = make()
    const seen: number[] = []
    const kept: Kept[] = []
    await now.trainer.run(runJob(), {
      onProgress: (fraction) => seen.push(fraction),
      onCheckpoint: (one) => kept.push(one),
    })
    expect(seen).toEqual(Array.from({ length: STEPS }, (_, i) => (i + 1) / STEPS))
    expect(kept.map(({ name, state }) => [name, (state as { losses: [] }).losses.length])).toEqual([
      [RANKING, 3],
      [RANKING, 6],
      [RANKING, 9],
    ])
    expect(readSafetensors(kept[0]!.weights!)).not.toEqual(readSafetensors(world.model))
  })

  test('stands still while it is paused, goes on when it is told to, and learns the same', async () => {
    const due = await inProcess().trainer.run(runJob())
    now = make()
    const { trainer } = now
    let steps = 0
    const run = trainer.run(runJob(), { onProgress: () => ++steps === 1 && trainer.pause() })
    // Where it stands still, so many turns bring nothing more; where it does not, it ends before.
    for (let stood = 0, seen = 0; stood < 50; stood++) {
      await systemTiming.turn()
      if (steps > seen) [stood, seen] = [0, steps]
    }
    expect(steps).toBeGreaterThan(0)
    expect(steps).toBeLessThan(STEPS)
    trainer.resume()
    expect(await run).toEqual(due)
    expect(steps).toBe(STEPS)
  })

  test('a run that is stopped ends in `cancelled`, though its script goes on; and the next one runs', async () => {
    let scripts = 0
    now = make(async (context) => (scripts++ === 0 ? new Promise(() => context.progress(0.5)) : 'done'))
    const abort = new AbortController()
    const run = now.trainer.run(runJob(), {
      signal: abort.signal,
      onProgress: () => abort.abort(new AppError('cancelled', 'Stopped.')),
    })
    await expect(run).rejects.toMatchObject({ code: 'cancelled' })
    expect((await now.trainer.run(runJob())).effects.result).toBe('done')
  })

  test('terminating it fails what still runs and all that comes after', async () => {
    now = make()
    const { trainer } = now
    const run = trainer.run(runJob(), { onProgress: () => trainer.terminate() })
    await expect(run).rejects.toMatchObject({ code: 'cancelled' })
    await expect(trainer.run(runJob())).rejects.toMatchObject({ code: 'cancelled' })
    expect(now.ended()).toBe(1)
  })

  test('a script whose time is up ends in `cancelled`, and nothing of it counts', async () => {
    let ms = 0
    const passing: Timing = {
      ...systemTiming,
      now: () => ms,
      async sleep(rest) {
        await systemTiming.turn()
        ms += rest
      },
    }
    const endless: Run = async ({ models }) => {
      await models.write(RANKING, (await models.read(RANKING))!)
      return new Promise(() => {})
    }
    now = make(endless, onPlain, passing)
    const { task } = runJob()
    const run = now.trainer.run(runJob({ task: { ...task, budget: { ...task.budget, ms: 1000 } } }))
    await expect(run).rejects.toMatchObject({ code: 'cancelled', message: 'It took more than 1000 ms.' })
    expect(ms).toBe(1000)
  })

  test('without an engine the run fails with the reason', async () => {
    now = make(lesson, () => Promise.reject(new AppError('engine', 'No engine: none here.')))
    await expect(now.trainer.run(runJob())).rejects.toMatchObject({ code: 'engine', message: /none here/ })
  })

  test('a model that is not one is refused', async () => {
    now = make()
    const models = { [RANKING]: { now: new Uint8Array(20) } }
    await expect(now.trainer.run(runJob({ models }))).rejects.toMatchObject({ code: 'bad-artifact' })
  })

  test('what a script throws says whose it is', async () => {
    now = make(() => Promise.reject(new TypeError('x is not a function')))
    await expect(now.trainer.run(runJob())).rejects.toMatchObject({
      code: 'worker',
      message: 'lesson v3: x is not a function',
    })
  })
})

test('a script comes with its job, and another than the promised one never runs', async () => {
  const trainer = createTrainer(onPlain)
  const job = runJob()
  expect((await trainer.run(job)).effects.result).toBe('as it was written')
  const bytes = new TextEncoder().encode('export const run = async () => "swapped"')
  const swapped = { ...job, script: { sha256: '0'.repeat(64), bytes } }
  await expect(trainer.run(swapped)).rejects.toMatchObject({
    code: 'bad-artifact',
    message: 'lesson v3: The script is not the one that was promised.',
  })
})

test('a script is loaded when there is an engine, and not before', async () => {
  const order: string[] = []
  const open: OpenEngine = async () => {
    await systemTiming.turn()
    order.push('engine')
    return { engine: createPlainEngine(), timings: [] }
  }
  const load = async () => {
    order.push('script')
    return async () => order.push('run')
  }
  await createTrainer(open, { load }).run(runJob())
  expect(order).toEqual(['engine', 'script', 'run'])
})

test('a job that does not fit its schema is refused at the port', async () => {
  const { trainer, close } = acrossPort()
  for (const wrong of [
    { seed: 'x' },
    { samples: { everything: {} } },
    { trigger: { on: 'full-moon' } },
    { more: 1 },
  ])
    await expect(trainer.run({ ...runJob(), ...wrong } as unknown as Job<'run'>)).rejects.toMatchObject({
      code: 'bad-input',
    })
  trainer.terminate()
  close()
})

test('a compiled kernel crosses the port with the job; anything else in its place is refused', async () => {
  const { trainer, close } = acrossPort()
  const kernel = await compileKernel()
  expect((await trainer.run(runJob({ kernel }))).engine).toBe('plain')
  await expect(trainer.run(runJob({ kernel: {} }))).rejects.toMatchObject({ code: 'bad-input' })
  trainer.terminate()
  close()
})

test('a thread that dies fails its run with `worker`', async () => {
  const port = new EventTarget() as EventTarget & Port
  port.postMessage = () => {}
  const trainer = connectTrainer(port, () => {})
  const run = trainer.run(runJob())
  port.dispatchEvent(Object.assign(new Event('error'), { message: 'out of memory' }))
  await expect(run).rejects.toMatchObject({ code: 'worker', message: /out of memory/ })
  await expect(trainer.run(runJob())).rejects.toMatchObject({ code: 'worker' })
})
