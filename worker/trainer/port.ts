/** The two ends of a trainer in a worker of its own: `serveTrainer(port, trainer)` and `connectTrainer(port, kill)`. */
import * as z from 'zod'
import { type Answering, connectCalls, type Port, serveCalls } from '../../shared/calls.ts'
import type { Kernel } from '../../shared/engine/fused/kernel.ts'
import { AppError } from '../../shared/failure.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol.ts'
import {
  type Job,
  type JobName,
  jobs,
  newsSchema,
  type Result,
  type RunWatch,
  type Trainer,
  type Watch,
} from './job.ts'

const contract = {
  server: 'trainer',
  version: PROTOCOL_VERSION,
  calls: jobs,
  news: newsSchema,
  hints: z.enum(['pause', 'resume']),
}
type Call = Parameters<Answering<typeof contract>[JobName]>[1]

/** Does the jobs that arrive at `port`. */
export function serveTrainer(port: Port, trainer: Trainer): void {
  const watching = ({ signal, tell }: Call): Watch => ({
    signal,
    onProgress: (fraction) => tell({ type: 'progress', fraction }),
    onCheckpoint: (checkpoint) => tell({ type: 'kept', checkpoint }),
  })
  const watchingRun = ({ signal, tell }: Call): RunWatch => ({
    signal,
    onProgress: (fraction) => tell({ type: 'progress', fraction }),
    onCheckpoint: (kept) => tell({ type: 'checkpoint', ...kept }),
  })
  const answers: Answering<typeof contract> = {
    filter: (job, call) => trainer.filter(job, watching(call)),
    personalise: (job, call) => trainer.personalise(job, watching(call)),
    run: (job, call) => trainer.run(job, watchingRun(call)),
  }
  serveCalls(port, contract, answers, { fallback: 'engine', onHint: (hint) => trainer[hint]() })
}

/**
 * The trainer behind `port`; `kill` ends its thread. A thread that dies fails what it was doing with `worker`. The kernel,
 * where this thread has compiled it, goes with each job.
 */
export function connectTrainer(port: Port, kill: () => void, kernel?: () => Kernel | undefined): Trainer {
  const { call, hint, end } = connectCalls(port, contract)

  function run<N extends 'filter' | 'personalise'>(
    name: N,
    job: Job<N>,
    watch: Watch = {},
  ): Promise<Result<N>> {
    return call(
      name,
      { ...job, kernel: job.kernel ?? kernel?.() },
      {
        signal: watch.signal,
        onNews(news) {
          if (news.type === 'progress') watch.onProgress?.(news.fraction)
          else if (news.type === 'kept') watch.onCheckpoint?.(news.checkpoint)
        },
      },
    )
  }

  const runTask: Trainer['run'] = (job, watch = {}) =>
    call(
      'run',
      { ...job, kernel: job.kernel ?? kernel?.() },
      {
        signal: watch.signal,
        onNews(news) {
          if (news.type === 'progress') watch.onProgress?.(news.fraction)
          else if (news.type === 'checkpoint') {
            const { type: _, ...kept } = news
            watch.onCheckpoint?.(kept)
          }
        },
      },
    )

  return {
    filter: (job, watch) => run('filter', job, watch),
    personalise: (job, watch) => run('personalise', job, watch),
    run: runTask,
    pause: () => hint('pause'),
    resume: () => hint('resume'),
    terminate() {
      kill()
      end(new AppError('cancelled', 'The trainer was ended.'))
    },
  }
}
