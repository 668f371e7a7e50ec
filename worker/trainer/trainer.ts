/** The trainer itself, in whatever thread it is made. */
import type { Engine } from '../../shared/engine/engine.ts'
import { adoptKernel } from '../../shared/engine/fused/kernel.ts'
import { AppError, toFailure } from '../../shared/failure.ts'
import { din, initialWeights, prunedDin } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import type { Run } from '../../shared/tasks/context.ts'
import { embeddingsOf, filter } from '../tasks/algorithms/filter.ts'
import { personalise } from '../tasks/algorithms/personalise.ts'
import { createEngines, type OpenEngine } from './engines.ts'
import type { Job, JobName, Trainer, Watch } from './job.ts'
import { importScript, type Load } from './load.ts'
import { createBudget, createGate, createPause, type Pause, systemTiming, type Timing } from './pause.ts'
import { runJob } from './run.ts'

/**
 * Trains on the engine that `open` gives at the first job, for the shape of the ranking model, where most of the work is.
 * Where it fails, the job goes on on the next one: a filter anew with the same seed, a personalisation at its last
 * checkpoint. `end` gets back each engine that failed, and the last one when the trainer is terminated.
 */
export function createTrainer(
  open: OpenEngine,
  end: (engine: Engine) => Promise<void> = (engine) => engine.dispose(),
  timing: Timing = systemTiming,
  load: Load = importScript,
): Trainer {
  const terminated = new AbortController()
  const engines = createEngines(open, end)
  const gate = createGate(timing)

  /** `work` on an engine; hears nothing more of work that was taken over by another one. */
  async function run<T>(
    { task, engine: known, kernel, duty }: Job<Exclude<JobName, 'run'>>,
    watch: Watch,
    work: (engine: Engine, watch: Watch & { pause: Pause }) => Promise<T>,
  ) {
    if (kernel) adoptKernel(kernel)
    const { signal } = watch
    const until = signal ? AbortSignal.any([signal, terminated.signal]) : terminated.signal
    const shape = { spec: din(task.schema, task.ranking), batch: task.hyper.ranking.batchSize }
    let memory = 0
    const { result, choice } = await engines.run({ shape, known }, until, (engine, signal) => {
      const heard = <A>(listener: ((news: A) => void) | undefined) =>
        listener && ((news: A) => signal.aborted || listener(news))
      const pause = createPause(signal, { duty, gate, timing })
      const [told, onCheckpoint] = [heard(watch.onProgress), heard(watch.onCheckpoint)]
      const onProgress = (fraction: number) => {
        memory = Math.max(memory, engine.bytes?.() ?? 0)
        told?.(fraction)
      }
      return work(engine, { signal, pause, onProgress, onCheckpoint })
    })
    return { engine: choice.engine, choice, ...result, ...(memory > 0 && { memory }) }
  }

  async function loaded({ task, script }: Job<'run'>): Promise<Run> {
    try {
      return await load(script)
    } catch (cause) {
      // Never the engine's fault, whatever it is.
      const { code, message } = toFailure(cause)
      throw new AppError(code, `${task.name} v${task.version}: ${message}`, { cause })
    }
  }

  return {
    async filter(job, watch = {}) {
      const { task, model, seed, local, outside, candidates } = job
      const spec = prunedDin(task.schema, task.classifier)
      const ranking = readSafetensors(model)
      const of = { spec, local, outside, candidates, hyper: task.hyper.classifier }
      return run(job, watch, (engine, { pause, onProgress }) => {
        const random = seeded(seed)
        const initial = initialWeights(spec, random, embeddingsOf(ranking))
        return filter(engine, { ...of, initial, random }, { pause, onProgress })
      })
    },

    async personalise(job, watch = {}) {
      const { task, seed, training, validation } = job
      const spec = din(task.schema, task.ranking)
      const model = readSafetensors(job.model)
      let { from } = job
      const remembering: Watch = {
        ...watch,
        onCheckpoint(checkpoint) {
          from = checkpoint
          watch.onCheckpoint?.(checkpoint)
        },
      }
      return run(job, remembering, async (engine, { pause, onProgress, onCheckpoint }) => {
        const resumed = from && {
          ...from,
          weights: from.model && readSafetensors(from.model),
          course: from.course ?? [],
        }
        const of = { spec, model, training, validation, hyper: task.hyper.ranking, seed, from: resumed }
        const { weights, ...result } = await personalise(engine, of, {
          pause,
          onProgress,
          onCheckpoint: ({ weights: best, losses, course, ...numbers }) =>
            onCheckpoint?.({
              ...numbers,
              losses: [...losses],
              course: [...course],
              model: best && writeSafetensors(best),
            }),
        })
        return { model: weights && writeSafetensors(weights), ...result }
      })
    },

    async run(given, watch = {}) {
      const { schema, widths, hyper, engine: known, kernel, duty } = given
      if (kernel) adoptKernel(kernel)
      const job = { ...given, kept: { ...given.kept } }
      const { signal } = watch
      const until = signal ? AbortSignal.any([signal, terminated.signal]) : terminated.signal
      const shape = { spec: din(schema, widths.ranking), batch: batchSizeOf(hyper) }
      let memory = 0
      const { result, choice } = await engines.run({ shape, known }, until, async (engine, signal) => {
        const script = await loaded(given)
        const around = {
          signal,
          pause: createPause(signal, { duty, gate, timing }),
          budget: createBudget(gate, timing),
          now: timing.now,
          onUse() {
            memory = Math.max(memory, engine.bytes?.() ?? 0)
          },
        }
        return runJob(engine, job, script, around, watch)
      })
      return { effects: result, engine: choice.engine, choice, ...(memory > 0 && { memory }) }
    },

    pause: gate.close,
    resume: gate.open,
    terminate() {
      terminated.abort(new AppError('cancelled', 'The trainer was ended.'))
      engines.end()
    },
  }
}

/** What the data's rounds learn from at a time; a task may do otherwise, and then the engine was chosen for something like it. */
function batchSizeOf({ ranking }: Job<'run'>['hyper']): number {
  const { batchSize } = { ...(ranking as { batchSize?: unknown }) }
  return typeof batchSize === 'number' && batchSize > 0 ? batchSize : 16
}
