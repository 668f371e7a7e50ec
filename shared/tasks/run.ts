/**
 * A run of a task: the script gets its context, and what it did comes back as effects, to be carried out in one transaction. Whatever
 * it does wrong ends the run, and then there are none.
 */
import type { Clock } from '../clock.ts'
import type { Engine } from '../engine/engine.ts'
import { AppError, type FailureCode } from '../failure.ts'
import type { Widths } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import type { FeatureSchema } from '../schema.ts'
import {
  type Checkpoint,
  CONTEXT_VERSION,
  type NamedSamples,
  type Run,
  type SampleSet,
  type Score,
  type TaskContext,
} from './context.ts'
import type { TaskManifest } from './manifest.ts'
import { createContext } from './run/context.ts'
import { jsonOf, RESULT_BYTES } from './run/json.ts'

/** What a run can be given; it is asked for when the script asks. */
export interface Ground {
  /** What the task's own schema is, or the data's. */
  readonly schema: FeatureSchema
  /** What the data say, and over it what the task says. */
  readonly hyper: Readonly<Record<string, unknown>>
  /** Of the data's models. */
  readonly widths: { readonly ranking: Widths; readonly classifier: Widths }
  /** In time order. */
  samples(set: SampleSet): Promise<NamedSamples>
  /** A model in use, by the task that owns it, or `data`. */
  model(task: string, name: string): Promise<Weights | undefined>
  initial(task: string, name: string): Promise<Weights | undefined>
  /** What an earlier run that was cut off has kept, and what this one keeps. */
  kept(name: string): Promise<Checkpoint | undefined>
  keep(name: string, checkpoint: Checkpoint): Promise<void>
  progress?(fraction: number): void
  /** What to wait for before the next step or gradient, if anything: others need the machine. */
  pause?(): Promise<void> | undefined
  readonly engine: Engine
  readonly clock: Clock
  /** Runs `work` once after `ms`; returns the way to prevent it. */
  after(ms: number, work: () => void): () => void
}

/** What a run that ended well is to have done. */
export interface Effects {
  readonly scores: readonly Score[]
  /** Samples that were learnt from. */
  readonly used: readonly string[]
  /** By the names that the manifest has for them. */
  readonly models: Readonly<Record<string, Weights>>
  /** Models whose personal vector is to be folded in anew. */
  readonly folds: readonly string[]
  /** Of each candidate, where it was a call that asks for them. */
  readonly ranked?: Float32Array<ArrayBuffer>
  readonly reports: readonly { readonly name: string; readonly values: Readonly<Record<string, number>> }[]
  /** For the journal, or for who called. */
  readonly result: unknown
}

export interface RunOptions {
  readonly trigger: TaskContext['trigger']
  readonly seed: number
  readonly signal?: AbortSignal
}

/**
 * Throws `cancelled` when the signal aborts or the time is up, though the script may go on: end its worker then. Throws `refused` for what the
 * manifest does not allow, `bad-input` or `bad-artifact` for what makes no sense, and what the script throws with a code that a
 * task may have, else with `worker`; its sentence then begins with the task's name and version.
 */
export async function runTask(
  manifest: TaskManifest,
  run: Run,
  ground: Ground,
  options: RunOptions,
): Promise<Effects> {
  if (manifest.context > CONTEXT_VERSION)
    throw new AppError('version', `${manifest.name} needs a context of version ${manifest.context}.`)
  const ending = new AbortController()
  const end = (why: string) => ending.abort(new AppError('cancelled', why))
  const stop = () => end('The run was stopped.')
  const inTime = ground.after(manifest.budget.ms, () => end(`It took more than ${manifest.budget.ms} ms.`))
  options.signal?.addEventListener('abort', stop)
  const over = new Promise<never>((_, reject) =>
    ending.signal.addEventListener('abort', () => reject(ending.signal.reason)),
  )
  over.catch(() => {})
  if (options.signal?.aborted) stop()
  const { context, effects, dispose } = createContext(manifest, ground, options, ending.signal)
  try {
    const result = await Promise.race([ending.signal.aborted ? over : begun(manifest, run, context), over])
    return { ...effects(), result: jsonOf(result, RESULT_BYTES, 'What the script returns') }
  } finally {
    end('The run is over.')
    inTime()
    options.signal?.removeEventListener('abort', stop)
    dispose()
  }
}

async function begun(manifest: TaskManifest, run: Run, context: TaskContext): Promise<unknown> {
  try {
    return await run(context)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new AppError(codeOf(cause), `${manifest.name} v${manifest.version}: ${message}`, { cause })
  }
}

/** What a script may say of its own failure: not that an engine, the storage or the server failed. */
const OF_A_TASK: readonly FailureCode[] = ['bad-input', 'bad-artifact', 'diverged', 'not-ready']

/** A script that is a module by itself brings its own `AppError` along, so that is known by what it looks like. */
function codeOf(error: unknown): FailureCode {
  if (error instanceof AppError) return error.code
  const said = error instanceof Error && (error as { code?: unknown }).code
  return OF_A_TASK.find((code) => code === said) ?? 'worker'
}
