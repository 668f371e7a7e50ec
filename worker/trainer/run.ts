/** A run of a task in a trainer: job in, effects out. */
import type { Engine } from '../../shared/engine/engine.ts'
import { AppError } from '../../shared/failure.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import type { NamedSamples, Run } from '../../shared/tasks/context.ts'
import { type Effects, type Ground, runTask } from '../../shared/tasks/run.ts'
import type { Job, Result, RunWatch } from './job.ts'
import type { Budget, Pause } from './pause.ts'
import { watchedEngine } from './watched-engine.ts'

export interface Surroundings {
  readonly signal: AbortSignal
  readonly pause: Pause
  readonly budget: Budget
  /** ms, never backwards. */
  readonly now: () => number
  /** Hears of each call to the engine. */
  readonly onUse: () => void
}

/**
 * Runs the script over what the job brings. What it keeps goes into `job.kept` too, so that the next run of the same job
 * goes on from there. Throws `engine` or `diverged` as the engine does, whatever the script makes of that, and else as `runTask`.
 */
export async function runJob(
  engine: Engine,
  job: Job<'run'>,
  run: Run,
  { signal, pause, budget, now, onUse }: Surroundings,
  { onProgress, onCheckpoint }: RunWatch,
): Promise<Result<'run'>['effects']> {
  const { task, schema, hyper, widths, trigger, seed } = job
  const broken = new AbortController()
  const stop = AbortSignal.any([signal, broken.signal])
  const told = <A>(listener: ((news: A) => void) | undefined, news: A) => stop.aborted || listener?.(news)
  const began = now()
  const start = job.now ?? Date.now()
  const model = (owner: string, name: string) =>
    job.models[`${owner}/${name}`] ?? (owner === task.name ? job.models[name] : undefined)
  const ground: Ground = {
    schema,
    hyper,
    widths,
    samples: async (set) => job.samples[set] ?? NONE,
    model: async (owner, name) => weightsOf(model(owner, name)?.now),
    initial: async (owner, name) => weightsOf(model(owner, name)?.initial),
    async kept(name) {
      const kept = job.kept[name]
      return kept && { weights: weightsOf(kept.weights) ?? null, state: kept.state }
    },
    async keep(name, { weights, state }) {
      const kept = { weights: weights && writeSafetensors(weights), state }
      job.kept[name] = kept
      told(onCheckpoint, { name, ...kept })
    },
    progress: (fraction) => told(onProgress, fraction),
    pause,
    engine: watchedEngine(engine, { failed: (error) => broken.abort(error), used: onUse }),
    clock: { now: () => start + Math.floor(now() - began) },
    after: budget.after,
  }
  try {
    return bytesOf(await runTask(task, run, ground, { trigger, seed, signal: stop }))
  } catch (error) {
    // Not what the script made of it: it may have caught it, or thrown something else.
    if (broken.signal.aborted) throw broken.signal.reason
    signal.throwIfAborted()
    // No engine did, so it is only the script that says so.
    if (error instanceof AppError && error.code === 'engine')
      throw new AppError('worker', error.message, { cause: error })
    throw error
  }
}

const bytesOf = ({ models, scores, used, folds, reports, ranked, result }: Effects) => ({
  scores: [...scores],
  used: [...used],
  folds: [...folds],
  reports: reports.map(({ name, values }) => ({ name, values: { ...values } })),
  ...(ranked && { ranked }),
  models: Object.fromEntries(
    Object.entries(models).map(([name, weights]) => [name, writeSafetensors(weights)]),
  ),
  result: result as Result<'run'>['effects']['result'],
})

const weightsOf = (bytes: Uint8Array | null | undefined): Weights | undefined =>
  bytes ? readSafetensors(bytes) : undefined

const NONE: NamedSamples = {
  ids: [],
  batch: {
    size: 0,
    ids: new Int32Array(),
    dense: new Float32Array(),
    labels: new Float32Array(),
    weights: new Float32Array(),
  },
}
