/** The two ends of a trainer in a worker of its own: `serveTrainer(port, trainer)` and `connectTrainer(port, kill)`. */
import * as z from 'zod'
import { type Answering, connectCalls, type Port, serveCalls } from '../../shared/calls.ts'
import type { Kernel } from '../../shared/engine/fused/kernel.ts'
import { AppError } from '../../shared/failure.ts'
import { PROTOCOL_VERSION } from '../../shared/version.ts'
import { jobs, newsSchema, type Trainer } from './job.ts'

const contract = {
  server: 'trainer',
  version: PROTOCOL_VERSION,
  calls: jobs,
  news: newsSchema,
  hints: z.enum(['pause', 'resume']),
}

/** Does the jobs that arrive at `port`. */
export function serveTrainer(port: Port, trainer: Trainer): void {
  const answers: Answering<typeof contract> = {
    run: (job, { signal, tell }) =>
      trainer.run(job, {
        signal,
        onProgress: (fraction) => tell({ type: 'progress', fraction }),
        onCheckpoint: (kept) => tell({ type: 'checkpoint', ...kept }),
      }),
  }
  serveCalls(port, contract, answers, { fallback: 'engine', onHint: (hint) => trainer[hint]() })
}

/**
 * The trainer behind `port`; `kill` ends its thread. A thread that dies fails what it was doing with `worker`. The kernel,
 * where this thread has compiled it, goes with each job.
 */
export function connectTrainer(port: Port, kill: () => void, kernel?: () => Kernel | undefined): Trainer {
  const { call, hint, end } = connectCalls(port, contract)
  return {
    run: (job, { signal, onProgress, onCheckpoint } = {}) =>
      call(
        'run',
        { ...job, kernel: job.kernel ?? kernel?.() },
        {
          signal,
          onNews(news) {
            if (news.type === 'progress') return onProgress?.(news.fraction)
            const { type: _, ...kept } = news
            onCheckpoint?.(kept)
          },
        },
      ),
    pause: () => hint('pause'),
    resume: () => hint('resume'),
    terminate() {
      kill()
      end(new AppError('cancelled', 'The trainer was ended.'))
    },
  }
}
