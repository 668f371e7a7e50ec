/** Engines that fail when a test wants it, and a run of a task to try them with. */
import type { Engine, EngineName, Model } from '../../shared/engine/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { seeded } from '../../shared/random.ts'
import { type Batch, pack } from '../../shared/sample.ts'
import type { Layout } from '../../shared/schema.ts'
import type { Run } from '../../shared/tasks/context.ts'
import { RANKING, sealTask } from '../../shared/tasks/manifest.ts'
import type { OpenEngine } from '../trainer/engines.ts'
import type { Job } from '../trainer/job.ts'
import type { Load } from '../trainer/load.ts'
import { createTrainer } from '../trainer/trainer.ts'
import { anyTask } from './scripts.ts'
import { createWorld, samplesOf } from './world.ts'

export const world = await createWorld()

const named = (category: number, count: number, seed: number) => {
  const samples = samplesOf(world.context, category, count, seeded(seed))
  return { ids: samples.map((_, i) => `${seed}-${i}`), batch: pack(world.context.layout, samples) }
}

const script = new TextEncoder().encode('export const run = async () => "as it was written"')
const task = await sealTask(
  anyTask({
    name: 'lesson',
    triggers: [{ on: 'day' }],
    samples: ['local-training', 'local-validation', 'matched', 'candidates'],
    models: { reads: [RANKING], writes: [RANKING] },
  }),
  3,
  { script },
)

/** A run on the world's model. */
export function runJob(changes: Partial<Job<'run'>> = {}): Job<'run'> {
  const { schema, hyper, ranking, classifier } = world.manifest
  return {
    task,
    script: { sha256: task.script.sha256, bytes: script },
    schema,
    hyper,
    widths: { ranking, classifier },
    trigger: { on: 'day' },
    seed: 3,
    samples: {
      'local-training': named(2, 48, 4),
      'local-validation': named(2, 20, 5),
      matched: named(3, 6, 6),
      candidates: named(2, 4, 7),
    },
    models: { [RANKING]: { now: world.model, initial: world.model } },
    kept: {},
    ...changes,
  }
}

/** Of `lesson`: passes over the samples, and mini-batches in each. */
const EPOCHS = 3
const PARTS = 3
export const STEPS = EPOCHS * PARTS

/**
 * Gradient descent that remembers nothing but the weights, kept after each pass: wherever it goes on from there, it ends with
 * the very same model. What it returns is what it saw.
 */
export const lesson: Run = async ({ samples, models, engine, task, progress }) => {
  const { batch } = await samples.read('local-training')
  const validation = await samples.read('local-validation')
  const kept = await models.resume(RANKING)
  const losses = [...((kept?.state as { losses: number[] } | undefined)?.losses ?? [])]
  const begun = kept?.weights ?? (await models.read(RANKING))!
  const model = await engine.load(engine.din(), begun, { optimizer: 'sgd' })
  await model.mark()
  await model.revert()
  while (losses.length < STEPS) {
    losses.push(await model.step(partOf(task.layout, batch, losses.length % PARTS), 0.5))
    progress(losses.length / STEPS)
    if (losses.length % PARTS === 0) await models.checkpoint(RANKING, await model.save(), { losses })
  }
  const scores = [...(await model.predict(validation.batch))]
  await models.write(RANKING, await model.save())
  return { losses, scores }
}

function partOf({ idWidth, denseWidth }: Layout, batch: Batch, part: number): Batch {
  const size = batch.size / PARTS
  const from = part * size
  return {
    size,
    ids: batch.ids.slice(from * idWidth, (from + size) * idWidth),
    dense: batch.dense.slice(from * denseWidth, (from + size) * denseWidth),
    labels: batch.labels.slice(from, from + size),
    weights: batch.weights.slice(from, from + size),
  }
}

export const loading =
  (run: Run): Load =>
  async () =>
    run

/** A trainer that has this script, whatever it is asked for. */
export const trainerOn = (open: OpenEngine, run: Run = lesson) => createTrainer(open, { load: loading(run) })

export type Fault = 'refuses' | 'is lost and hangs' | 'runs out of memory' | 'traps'
export const faults: Fault[] = ['refuses', 'is lost and hangs', 'runs out of memory', 'traps']

const METHODS = ['step', 'predict', 'save', 'mark', 'revert'] as const

/** A plain engine by another name; its `at`-th call, counted over all models from 1, fails in one of the ways. */
export function failing(name: EngineName, at: number, fault: Fault) {
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
export type Failing = ReturnType<typeof failing>

/** Opens the first of these that was not lost. */
export const inOrder =
  (...engines: Failing[]): OpenEngine =>
  async ({ lost }) => {
    const next = engines.find(({ engine }) => lost.every(({ name }) => name !== engine.name))
    if (!next) throw new AppError('engine', `No engine: ${lost.map(({ reason }) => reason).join(' ')}`)
    return { engine: next.engine, timings: [] }
  }

export const sound = (name: EngineName) => failing(name, Number.POSITIVE_INFINITY, 'refuses')
