/** The context of one run, and what the script has done in it so far. */
import { seeded } from '../../random.ts'
import { layoutOf } from '../../schema.ts'
import { CONTEXT_VERSION, type TaskContext } from '../context.ts'
import type { TaskManifest } from '../manifest.ts'
import type { Effects, Ground, RunOptions } from '../run.ts'
import { createEngine } from './engine.ts'
import { createLog } from './log.ts'
import { createModels } from './models.ts'
import { createSamples } from './samples.ts'

/** What each part of a context is bound by. */
export interface Within {
  readonly manifest: TaskManifest
  readonly ground: Ground
  readonly signal: AbortSignal
  /** Asks, unless the run is over: before, and after. */
  during<T>(work: () => Promise<T>): Promise<T>
}

export function createContext(
  manifest: TaskManifest,
  ground: Ground,
  { trigger, seed }: RunOptions,
  signal: AbortSignal,
) {
  const { name, version } = manifest
  const { schema, hyper, clock } = ground
  const within: Within = {
    manifest,
    ground,
    signal,
    async during(work) {
      signal.throwIfAborted()
      const result = await work()
      signal.throwIfAborted()
      return result
    },
  }
  const random = seeded(seed)
  const { samples, effects: ofSamples } = createSamples(within)
  const { models, effects: ofModels } = createModels(within)
  const { engine, dispose } = createEngine(within, random)
  const { log, effects: ofLog } = createLog(within)

  const context: TaskContext = {
    version: CONTEXT_VERSION,
    task: freeze(structuredClone({ name, version, hyper, schema, layout: layoutOf(schema) })),
    trigger: freeze(structuredClone(trigger)),
    samples,
    models,
    engine,
    log,
    signal,
    clock: { now: () => clock.now() },
    seed,
    random,
    progress(fraction) {
      signal.throwIfAborted()
      if (fraction >= 0 && fraction <= 1) ground.progress?.(fraction)
    },
  }
  return {
    context: Object.freeze(context),
    effects: (): Omit<Effects, 'result'> => ({ ...ofSamples(), ...ofModels(), ...ofLog() }),
    dispose,
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const inner of Object.values(value)) freeze(inner)
    Object.freeze(value)
  }
  return value
}
