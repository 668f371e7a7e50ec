/**
 * A run of a task: the script gets its context, and what it did comes back as effects, to be carried out in one transaction. Whatever
 * it does wrong ends the run, and then there are none.
 */
import type { Clock } from '../clock.ts'
import type { Engine, Model, Training } from '../engine/engine.ts'
import { AppError, type FailureCode } from '../failure.ts'
import { din, initialWeights, type ModelSpec, prunedDin, type Widths } from '../model/spec.ts'
import { cloneWeights, type Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { type FeatureSchema, layoutOf } from '../schema.ts'
import {
  type Checkpoint,
  CONTEXT_VERSION,
  type NamedSamples,
  type Run,
  type SampleSet,
  type Score,
  type TaskContext,
} from './context.ts'
import { DATA, RANKING, type TaskManifest } from './manifest.ts'

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

/** Of what a script returns, and of what goes with a checkpoint, as JSON. */
export const RESULT_BYTES = 64 << 10
export const STATE_BYTES = 256 << 10
const REPORT_VALUES = 32

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

function createContext(
  manifest: TaskManifest,
  ground: Ground,
  { trigger, seed }: RunOptions,
  signal: AbortSignal,
) {
  const { name, version, budget, models } = manifest
  const { schema, hyper, widths } = ground
  const random = seeded(seed)
  const layout = layoutOf(schema)
  const loaded = new Set<Model>()
  const written = new Map<string, Weights>()
  const scores = new Map<string, Effects['scores'][number]>()
  const used = new Set<string>()
  const reports: Effects['reports'][number][] = []
  const folds = new Set<string>()
  let candidates = 0
  let ranked: Float32Array<ArrayBuffer> | undefined
  /** By id: the sets that it was read from. */
  const seen = new Map<string, SampleSet>()
  let logged = 0

  /** Asks, unless the run is over: before, and after. */
  async function during<T>(work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const result = await work()
    signal.throwIfAborted()
    return result
  }
  function mayRead(ref: string): { owner: string; own: string } {
    signal.throwIfAborted()
    if (!models.reads.includes(ref) && !models.writes.includes(ref))
      throw new AppError('refused', `${name} does not say that it reads ${ref}.`)
    const [owner, own] = ref.includes('/') ? ref.split('/') : [name, ref]
    return { owner: owner!, own: own! }
  }
  function mayWrite(ref: string): void {
    signal.throwIfAborted()
    if (!models.writes.includes(ref))
      throw new AppError('refused', `${name} does not say that it writes ${ref}.`)
  }
  const copied = async (weights: Promise<Weights | undefined>) => {
    const found = await weights
    return found && cloneWeights(found)
  }

  const context: TaskContext = {
    version: CONTEXT_VERSION,
    task: freeze(structuredClone({ name, version, hyper, schema, layout })),
    trigger: freeze(structuredClone(trigger)),
    samples: {
      read: (set, limit) =>
        during(async () => {
          if (!manifest.samples.includes(set))
            throw new AppError('refused', `${name} does not say that it reads ${set} samples.`)
          const found = newest(await ground.samples(set), limit)
          for (const id of found.ids) seen.set(id, set)
          if (set === 'candidates') candidates = found.ids.length
          return found
        }),
      score(all) {
        signal.throwIfAborted()
        for (const { id, score, keep } of all) {
          if (seen.get(id) !== 'matched')
            throw new AppError('bad-input', `${id} is no matched sample that was read.`)
          if (score !== null && !(score >= 0 && score <= 1))
            throw new AppError('bad-input', `${score} is no score from 0 to 1.`)
          scores.set(id, { id, score, keep: Boolean(keep) })
        }
      },
      use(ids) {
        signal.throwIfAborted()
        for (const id of ids) {
          const set = seen.get(id)
          if (set !== 'matched' && set !== 'filtered')
            throw new AppError('bad-input', `${id} is no borrowed sample that was read.`)
          used.add(id)
        }
      },
      rank(scores) {
        signal.throwIfAborted()
        const given = Float32Array.from(scores)
        if (given.length !== candidates || !given.every(Number.isFinite))
          throw new AppError('bad-input', `These are no scores of ${candidates} candidates.`)
        ranked = given
      },
    },
    models: {
      read: (ref) =>
        during(async () => {
          const { owner, own } = mayRead(ref)
          return copied(written.has(ref) ? Promise.resolve(written.get(ref)) : ground.model(owner, own))
        }),
      initial: (ref) =>
        during(async () => {
          const { owner, own } = mayRead(ref)
          if (owner !== name && owner !== DATA) throw new AppError('refused', `${ref} is another task’s.`)
          return copied(ground.initial(owner, own))
        }),
      write: (ref, weights) =>
        during(async () => {
          mayWrite(ref)
          const copy = checked(weights, ref)
          written.set(ref, copy)
          const bytes = [...written.values()].reduce((sum, one) => sum + bytesOf(one), 0)
          if (bytes <= budget.modelBytes) return
          written.delete(ref)
          throw new AppError('refused', `The models have ${bytes} bytes, of at most ${budget.modelBytes}.`)
        }),
      checkpoint: (ref, weights, state = null) =>
        during(async () => {
          mayWrite(ref)
          const copy = weights && checked(weights, ref)
          if (copy && bytesOf(copy) > budget.modelBytes)
            throw new AppError('refused', `The checkpoint is larger than ${budget.modelBytes} bytes.`)
          await ground.keep(ref, {
            weights: copy,
            state: jsonOf(state, STATE_BYTES, 'What goes with a checkpoint'),
          })
        }),
      resume: (ref) =>
        during(async () => {
          mayWrite(ref)
          const kept = await ground.kept(ref)
          return (
            kept && {
              weights: kept.weights && cloneWeights(kept.weights),
              state: structuredClone(kept.state),
            }
          )
        }),
      fold(ref) {
        signal.throwIfAborted()
        mayWrite(ref)
        if (ref !== RANKING) throw new AppError('refused', `Only ${RANKING} has a personal vector.`)
        folds.add(ref)
      },
    },
    engine: {
      din: (own = widths.ranking) => din(schema, own),
      prunedDin: (own = widths.classifier) => prunedDin(schema, own),
      load: (spec, weights, training) => during(() => loadedModel(spec, weights, training)),
      initialise: (spec, given) => initialWeights(spec, random, given),
    },
    log: {
      report(what, values) {
        signal.throwIfAborted()
        const report = reportOf(what, values)
        logged += JSON.stringify(report).length
        if (logged > budget.logBytes)
          throw new AppError('refused', `It logs more than ${budget.logBytes} bytes.`)
        reports.push(report)
      },
    },
    signal,
    clock: { now: () => ground.clock.now() },
    seed,
    random,
    progress(fraction) {
      signal.throwIfAborted()
      if (fraction >= 0 && fraction <= 1) ground.progress?.(fraction)
    },
  }

  /** A model that does nothing once the run is over, and is given back then. */
  async function loadedModel(spec: ModelSpec, weights: Weights, training?: Training): Promise<Model> {
    const model = await ground.engine.load(spec, weights, training)
    loaded.add(model)
    const paced = <T>(work: () => Promise<T>) =>
      during(async () => {
        const wait = ground.pause?.()
        if (wait) await wait
        signal.throwIfAborted()
        return work()
      })
    return {
      spec: model.spec,
      step: (batch, rate) => paced(() => model.step(batch, rate)),
      predict: (batch) => during(() => model.predict(batch)),
      gradient: (batch) => paced(() => model.gradient(batch)),
      save: () => during(() => model.save()),
      mark: () => during(() => model.mark()),
      revert: () => during(() => model.revert()),
      dispose() {
        if (loaded.delete(model)) model.dispose()
      },
    }
  }

  return {
    context: Object.freeze(context),
    effects: () => ({
      scores: [...scores.values()],
      used: [...used],
      models: Object.fromEntries(written),
      folds: [...folds],
      ...(ranked && { ranked }),
      reports,
    }),
    dispose() {
      for (const model of loaded) model.dispose()
      loaded.clear()
    },
  }
}

function newest({ ids, batch, scores }: NamedSamples, limit = batch.size): NamedSamples {
  const from = Math.max(0, batch.size - limit)
  const { idWidth, denseWidth } = { idWidth: width(batch.ids, batch), denseWidth: width(batch.dense, batch) }
  return {
    ids: ids.slice(from),
    batch: {
      size: batch.size - from,
      ids: batch.ids.slice(from * idWidth),
      dense: batch.dense.slice(from * denseWidth),
      labels: batch.labels.slice(from),
      weights: batch.weights.slice(from),
    },
    ...(scores && { scores: scores.slice(from) }),
  }
}
const width = ({ length }: { length: number }, { size }: Batch): number => (size === 0 ? 0 : length / size)

const bytesOf = (weights: Weights): number =>
  Object.values(weights).reduce((sum, { data }) => sum + data.byteLength, 0)

function checked(weights: Weights, ref: string): Weights {
  for (const [tensor, { data }] of Object.entries(weights))
    if (!data.every(Number.isFinite)) throw new AppError('bad-artifact', `${tensor} of ${ref} is not finite.`)
  return cloneWeights(weights)
}

function reportOf(name: string, values: Readonly<Record<string, number>>) {
  const entries = Object.entries(values)
  const named = [name, ...entries.map(([key]) => key)].every((one) => /^[a-z][a-zA-Z0-9.-]{0,39}$/.test(one))
  if (!named || entries.length > REPORT_VALUES || !entries.every(([, value]) => Number.isFinite(value)))
    throw new AppError('bad-input', `The report ${name} is not of up to ${REPORT_VALUES} named numbers.`)
  return { name, values: Object.fromEntries(entries) }
}

function jsonOf(value: unknown, most: number, what: string): unknown {
  const text = JSON.stringify(value ?? null)
  if (text === undefined || text.length > most)
    throw new AppError('bad-input', `${what} is more than ${most} bytes, or no JSON.`)
  return JSON.parse(text)
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const inner of Object.values(value)) freeze(inner)
    Object.freeze(value)
  }
  return value
}
