/** The trainer itself, in whatever thread it is made. */
import type { Engine } from '../../shared/engine/engine.ts'
import type { Shape } from '../../shared/engine/timing.ts'
import { AppError } from '../../shared/failure.ts'
import { din, prunedDin } from '../../shared/model/spec.ts'
import { readSafetensors, writeSafetensors } from '../../shared/safetensors.ts'
import { filter } from './filter.ts'
import type { Choice, Job, JobName, Trainer } from './job.ts'
import { personalise } from './personalise.ts'

/**
 * Trains on the engine that `start` gives at the first job, for the shape of the ranking model, where most of the work
 * is; `end` gets it back when the trainer is terminated.
 */
export function createTrainer(
  start: (shape: Shape) => Promise<Engine>,
  end: (engine: Engine) => Promise<void> = (engine) => engine.dispose(),
): Trainer {
  const terminated = new AbortController()
  let engine: Promise<Engine> | undefined

  async function open({ schema, ranking, hyper }: Job<JobName>['task']): Promise<Engine> {
    terminated.signal.throwIfAborted()
    engine ??= start({ spec: din(schema, ranking), batch: hyper.ranking.batchSize })
    return engine
  }
  const choiceOf = ({ name }: Engine): Choice => ({ engine: name, timed: false, lost: [] })
  const until = (signal: AbortSignal | undefined) =>
    signal ? AbortSignal.any([signal, terminated.signal]) : terminated.signal

  return {
    async filter({ task, model, seed, local, outside, candidates }, { signal, onProgress } = {}) {
      const on = await open(task)
      const result = await filter(
        on,
        {
          local,
          outside,
          candidates,
          spec: prunedDin(task.schema, task.classifier),
          ranking: readSafetensors(model),
          hyper: task.hyper.classifier,
          seed,
        },
        { signal: until(signal), onProgress },
      )
      return { engine: on.name, choice: choiceOf(on), ...result }
    },

    async personalise({ task, model, seed, training, validation }, { signal, onProgress } = {}) {
      const on = await open(task)
      const { weights, ...result } = await personalise(
        on,
        {
          training,
          validation,
          spec: din(task.schema, task.ranking),
          model: readSafetensors(model),
          hyper: task.hyper.ranking,
          seed,
        },
        { signal: until(signal), onProgress },
      )
      return { engine: on.name, choice: choiceOf(on), model: weights && writeSafetensors(weights), ...result }
    },

    pause() {},
    resume() {},
    terminate() {
      terminated.abort(new AppError('cancelled', 'The trainer was ended.'))
      void engine?.then(end).catch(() => {}) // an engine that could not start has nothing to give back
      engine = undefined
    },
  }
}
