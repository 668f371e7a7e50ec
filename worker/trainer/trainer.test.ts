import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Port } from '../../shared/calls.ts'
import { compileKernel } from '../../shared/engine/fused/kernel.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { din } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { readSafetensors } from '../../shared/safetensors.ts'
import { pack } from '../../shared/sample.ts'
import { createWorld, samplesOf, type World } from '../testing/world.ts'
import type { OpenEngine } from './engines.ts'
import type { Job, Trainer } from './job.ts'
import { systemTiming, type Timing } from './pause.ts'
import { connectTrainer, serveTrainer } from './port.ts'
import { createTrainer } from './trainer.ts'

let world: World
beforeAll(async () => {
  // Steps large enough to change the order of the validation samples, which is all that the gate of Algorithm 3 sees.
  world = await createWorld({ ranking: { epochs: 4, learningRate: 0.05 } })
})

const batch = (category: number, count: number, seed: number) =>
  pack(world.context.layout, samplesOf(world.context, category, count, seeded(seed)))
const common = () => {
  const { schema, hyper, ranking, classifier } = world.manifest
  return { task: { schema, hyper, ranking, classifier }, model: world.model, seed: 3 }
}
const filterJob = (): Job<'filter'> => ({
  ...common(),
  local: batch(0, 40, 1),
  outside: batch(3, 30, 2),
  candidates: batch(0, 20, 3),
})
const personaliseJob = (): Job<'personalise'> => ({
  ...common(),
  training: batch(2, 150, 4),
  validation: batch(2, 60, 5),
})

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

function made(open: OpenEngine, wrap: (trainer: Trainer) => { trainer: Trainer; close(): void }): Made {
  let ended = 0
  const inner = createTrainer(
    open,
    async () => {
      ended++
    },
    attentive,
  )
  return { ...wrap(inner), ended: () => ended }
}

const homes: Record<string, (open?: OpenEngine) => Made> = {
  'in this process': (open = onPlain) => made(open, (trainer) => ({ trainer, close: () => {} })),
  'across a port': (open = onPlain) =>
    made(open, (inner) => {
      const { port1, port2 } = new MessageChannel()
      serveTrainer(asPort(port2), inner)
      const trainer = connectTrainer(asPort(port1), () => {
        inner.terminate()
        port2.close()
      })
      port1.start()
      port2.start()
      return { trainer, close: () => port1.close() }
    }),
}
const asPort = (port: MessagePort) => port as unknown as Port

describe.each(Object.entries(homes))('a trainer %s', (_, make) => {
  let now: Made | undefined
  afterEach(() => {
    now?.trainer.terminate()
    now?.close()
  })

  test('filters and personalises on one engine, and gives it back when it is terminated', async () => {
    let starts = 0
    now = make(async (wish) => {
      starts++
      const { schema, ranking, hyper } = world.manifest
      expect(wish.shape).toEqual({ spec: din(schema, ranking), batch: hyper.ranking.batchSize })
      return { engine: createPlainEngine(), timings: [{ name: 'plain', ms: 1 }] }
    })
    const filtered = await now.trainer.filter(filterJob())
    expect(filtered.engine).toBe('plain')
    expect(filtered.choice).toEqual({ engine: 'plain', timed: true, lost: [] })
    expect(filtered.scores).toHaveLength(20)
    const result = await now.trainer.personalise(personaliseJob())
    expect(result.after).toBeGreaterThan(result.before!)
    expect(Object.keys(readSafetensors(result.model!))).toEqual(Object.keys(readSafetensors(world.model)))
    expect(starts).toBe(1)
  })

  test('gives the same result wherever it runs', async () => {
    now = make()
    const direct = createTrainer(onPlain)
    expect(await now.trainer.filter(filterJob())).toEqual(await direct.filter(filterJob()))
    expect(await now.trainer.personalise(personaliseJob())).toEqual(
      await direct.personalise(personaliseJob()),
    )
  })

  test('tells of its progress, up to the end', async () => {
    now = make()
    const seen: number[] = []
    await now.trainer.filter(filterJob(), { onProgress: (fraction) => seen.push(fraction) })
    expect(seen.at(-1)).toBe(1)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  test('stands still while it is paused, goes on when it is told to, and learns the same', async () => {
    const due = await createTrainer(onPlain).personalise(personaliseJob())
    now = make()
    const { trainer } = now
    let steps = 0
    const job = trainer.personalise(personaliseJob(), {
      onProgress: () => ++steps === 1 && trainer.pause(),
    })
    // Where it stands still, so many turns bring nothing more; where it does not, it ends before.
    for (let stood = 0, seen = 0; stood < 50; stood++) {
      await systemTiming.turn()
      if (steps > seen) [stood, seen] = [0, steps]
    }
    expect(steps).toBeGreaterThan(0)
    expect(steps).toBeLessThan(due.steps)
    trainer.resume()
    expect(await job).toEqual(due)
    expect(steps).toBe(due.steps)
  })

  test('tells of checkpoints', async () => {
    now = make()
    const seen: number[] = []
    const result = await now.trainer.personalise(personaliseJob(), {
      onCheckpoint: ({ step, losses }) => seen.push(step, losses.length),
    })
    expect(seen.slice(-2)).toEqual([result.steps, result.steps])
  })

  test('a job that is stopped ends in `cancelled`, and the next one runs', async () => {
    now = make()
    const abort = new AbortController()
    const job = now.trainer.personalise(personaliseJob(), {
      signal: abort.signal,
      onProgress: () => abort.abort(new AppError('cancelled', 'Stopped.')),
    })
    await expect(job).rejects.toMatchObject({ code: 'cancelled' })
    expect((await now.trainer.filter(filterJob())).scores).toHaveLength(20)
  })

  test('terminating it fails what still runs and all that comes after', async () => {
    now = make()
    const { trainer } = now
    const job = trainer.personalise(personaliseJob(), { onProgress: () => trainer.terminate() })
    await expect(job).rejects.toMatchObject({ code: 'cancelled' })
    await expect(trainer.filter(filterJob())).rejects.toMatchObject({ code: 'cancelled' })
    expect(now.ended()).toBe(1)
  })

  test('without an engine the job fails with the reason', async () => {
    now = make(() => Promise.reject(new AppError('engine', 'No engine: none here.')))
    await expect(now.trainer.filter(filterJob())).rejects.toMatchObject({
      code: 'engine',
      message: /none here/,
    })
  })

  test('a model that is not one is refused', async () => {
    now = make()
    const job = { ...filterJob(), model: new Uint8Array(20) }
    await expect(now.trainer.filter(job)).rejects.toMatchObject({ code: 'bad-artifact' })
  })
})

test('a job that does not fit its schema is refused at the port', async () => {
  const now = homes['across a port']!()
  const job = { ...filterJob(), seed: 'x' } as unknown as Job<'filter'>
  await expect(now.trainer.filter(job)).rejects.toMatchObject({ code: 'bad-input' })
  now.trainer.terminate()
  now.close()
})

test('a compiled kernel crosses the port with the job; anything else in its place is refused', async () => {
  const { trainer, close } = homes['across a port']!()
  const kernel = await compileKernel()
  expect((await trainer.filter({ ...filterJob(), kernel })).scores).toHaveLength(20)
  await expect(trainer.filter({ ...filterJob(), kernel: {} })).rejects.toMatchObject({ code: 'bad-input' })
  trainer.terminate()
  close()
})

test('a thread that dies fails its job with `worker`', async () => {
  const port = new EventTarget() as EventTarget & Port
  port.postMessage = () => {}
  const trainer = connectTrainer(port, () => {})
  const job = trainer.filter(filterJob())
  port.dispatchEvent(Object.assign(new Event('error'), { message: 'out of memory' }))
  await expect(job).rejects.toMatchObject({ code: 'worker', message: /out of memory/ })
  await expect(trainer.filter(filterJob())).rejects.toMatchObject({ code: 'worker' })
})
