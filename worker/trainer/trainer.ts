/** The trainer itself, in whatever thread it is made. */
import type { Engine } from '../../shared/engine/engine.ts'
import { adoptKernel } from '../../shared/engine/fused/kernel.ts'
import { AppError, toFailure } from '../../shared/failure.ts'
import { din } from '../../shared/model/spec.ts'
import type { Run } from '../../shared/tasks/context.ts'
import { createEngines, type OpenEngine } from './engines.ts'
import type { Job, Trainer } from './job.ts'
import { importScript, type Load } from './load.ts'
import { createBudget, createGate, createPause, systemTiming, type Timing } from './pause.ts'
import { runJob } from './run.ts'

export interface TrainerOptions {
  /** Gets back each engine that failed, and the last one when the trainer is terminated. */
  readonly end?: (engine: Engine) => Promise<void>
  readonly timing?: Timing
  /** Called when there is an engine, and not before: the realm has less from then on. */
  readonly load?: Load
}

/**
 * Runs tasks on the engine that `open` gives at the first job, for the shape of the ranking model, where most of the work
 * is. Where it fails, the script begins again on the next one, from what it kept last.
 */
export function createTrainer(
  open: OpenEngine,
  { end = (engine) => engine.dispose(), timing = systemTiming, load = importScript }: TrainerOptions = {},
): Trainer {
  const terminated = new AbortController()
  const engines = createEngines(open, end)
  const gate = createGate(timing)

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
    async run(given, watch = {}) {
      const { schema, widths, hyper, engine: known, kernel, duty } = given
      if (kernel) adoptKernel(kernel)
      const job = { ...given, kept: { ...given.kept } }
      const signals = [terminated.signal, ...(watch.signal ? [watch.signal] : [])]
      const shape = { spec: din(schema, widths.ranking), batch: batchSizeOf(hyper) }
      let memory = 0
      const { result: effects, choice } = await engines.run(
        { shape, known },
        AbortSignal.any(signals),
        async (engine, signal) => {
          const surroundings = {
            signal,
            pause: createPause(signal, { duty, gate, timing }),
            budget: createBudget(gate, timing),
            now: timing.now,
            onUse() {
              memory = Math.max(memory, engine.bytes?.() ?? 0)
            },
          }
          return runJob(engine, job, await loaded(job), surroundings, watch)
        },
      )
      return { effects, engine: choice.engine, choice, ...(memory > 0 && { memory }) }
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
