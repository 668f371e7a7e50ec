/** A trainer whose engines fail: at each of their calls, in each way in which engines do. */
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { chooseEngine } from '../../shared/engine/choose.ts'
import type { Engine, EngineName, Model } from '../../shared/engine/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { auc } from '../../shared/metrics.ts'
import { din } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import { type Batch, pack } from '../../shared/sample.ts'
import { createWorld, samplesOf, type World } from '../testing/world.ts'
import type { OpenEngine } from './engines.ts'
import { type Checkpoint, checkpointSchema, type Job } from './job.ts'
import { createTrainer } from './trainer.ts'

let world: World
beforeAll(async () => {
  world = await createWorld({
    ranking: { epochs: 3, batchSize: 16, learningRate: 0.05 },
    classifier: { epochs: 2 },
  })
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
  training: batch(2, 40, 4),
  validation: batch(2, 60, 5),
})
/** 3 epochs of ⌈40 / 16⌉ mini-batches. */
const STEPS = 9

type Fault = 'refuses' | 'is lost and hangs' | 'runs out of memory' | 'traps'
const faults: Fault[] = ['refuses', 'is lost and hangs', 'runs out of memory', 'traps']

const METHODS = ['step', 'predict', 'save', 'mark', 'revert'] as const

/** A plain engine by another name; its `at`-th call, counted over all models from 1, fails in one of the ways. */
function failing(name: EngineName, at: number, fault: Fault) {
  const plain = createPlainEngine()
  const batches: Batch[] = []
  let calls = 0
  let ended = 0
  let lose = (_: AppError) => {}
  const lost = new Promise<AppError>((resolve) => {
    lose = resolve
  })
  const gone = () => new AppError('engine', 'The GPU is gone.')

  async function call<T>(work: () => Promise<T>): Promise<T> {
    if (++calls < at) return work()
    if (fault === 'runs out of memory') throw new RangeError('Array buffer allocation failed')
    if (fault === 'traps') throw new Error('unreachable')
    if (fault === 'refuses') throw gone()
    lose(gone())
    return new Promise(() => {})
  }
  const engine: Engine = {
    name,
    lost,
    held: plain.held,
    dispose: async () => void ended++,
    load: (...given) =>
      call(async () => {
        const model = await plain.load(...given)
        const wrapped = Object.create(model) as Model
        for (const method of METHODS) {
          const work = model[method].bind(model) as (...args: unknown[]) => Promise<never>
          wrapped[method] = (...args: unknown[]) => {
            if (method === 'step') batches.push(structuredClone(args[0] as Batch)) // the next one lies in its place
            return call(() => work(...args))
          }
        }
        wrapped.dispose = () => model.dispose()
        return wrapped
      }),
  }
  return { engine, batches, calls: () => calls, ended: () => ended }
}
type Failing = ReturnType<typeof failing>

/** Opens the first of these that was not lost. */
const inOrder =
  (...engines: Failing[]): OpenEngine =>
  async ({ lost }) => {
    const next = engines.find(({ engine }) => lost.every(({ name }) => name !== engine.name))
    if (!next) throw new AppError('engine', `No engine: ${lost.map(({ reason }) => reason).join(' ')}`)
    return { engine: next.engine, timings: [] }
  }

const sound = (name: EngineName) => failing(name, Number.POSITIVE_INFINITY, 'refuses')
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
