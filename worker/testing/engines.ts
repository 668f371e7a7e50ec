/** Engines that fail when a test wants it, and the jobs of a small round to try them with. */
import type { Engine, EngineName, Model } from '../../shared/engine/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { seeded } from '../../shared/random.ts'
import { type Batch, pack } from '../../shared/sample.ts'
import type { OpenEngine } from '../trainer/engines.ts'
import type { Job } from '../trainer/job.ts'
import { createWorld, samplesOf } from './world.ts'

export const world = await createWorld({
  ranking: { epochs: 3, batchSize: 16, learningRate: 0.05 },
  classifier: { epochs: 2 },
})

const batch = (category: number, count: number, seed: number) =>
  pack(world.context.layout, samplesOf(world.context, category, count, seeded(seed)))
const common = () => {
  const { schema, hyper, ranking, classifier } = world.manifest
  return { task: { schema, hyper, ranking, classifier }, model: world.model, seed: 3 }
}
export const filterJob = (): Job<'filter'> => ({
  ...common(),
  local: batch(0, 40, 1),
  outside: batch(3, 30, 2),
  candidates: batch(0, 20, 3),
})
export const personaliseJob = (): Job<'personalise'> => ({
  ...common(),
  training: batch(2, 40, 4),
  validation: batch(2, 60, 5),
})
/** Of `personaliseJob`: 3 epochs of ⌈40 / 16⌉ mini-batches. */
export const STEPS = 9

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
