/** The replicas of a training, each in a thread of its own. */
import { Worker } from 'node:worker_threads'
import { AppError, type Failure } from '../../../shared/failure.ts'
import type { Watch } from '../progress.ts'
import type { Learnt, Lesson } from './lesson.ts'
import { stopTeam } from './team.ts'

export interface Seat {
  readonly lesson: Lesson
  readonly index: number
}
export type FromReplica =
  | { type: 'progress'; progress: Parameters<Watch['progress']>[0] }
  | { type: 'done'; learnt: Learnt }
  | { type: 'failed'; failure: Failure; stack: string | undefined }

/** What the first replica has learnt. All threads have ended when it settles; the first that fails stops the others. */
export async function learnInThreads(lesson: Lesson, { progress, signal }: Watch): Promise<Learnt> {
  // One that came before there was anybody to stop is not told again.
  signal.throwIfAborted()
  let failure: Error | undefined
  const stop = () => stopTeam(lesson.team)
  const fail = (error: Error) => {
    failure ??= error
    stop()
  }
  signal.addEventListener('abort', stop, { once: true })
  const seats = Array.from({ length: lesson.team.size }, (_, index) =>
    take({ lesson, index }, progress, fail),
  )
  const [learnt] = await Promise.all(seats)
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  if (failure) throw failure
  return learnt!
}

/** Resolves when the thread has ended; without a result after `fail`. */
function take(
  seat: Seat,
  progress: Watch['progress'],
  fail: (error: Error) => void,
): Promise<Learnt | undefined> {
  return new Promise((resolve) => {
    let learnt: Learnt | undefined
    const boot = new URL('./replica-boot.js', import.meta.url)
    const worker = new Worker(boot, { workerData: seat, execArgv: [] })
    worker.on('message', (message: FromReplica) => {
      if (message.type === 'progress') progress(message.progress)
      else if (message.type === 'done') learnt = message.learnt
      else fail(new AppError(message.failure.code, message.failure.message, { cause: message.stack }))
    })
    worker.on('error', (cause) =>
      fail(new AppError('worker', 'A thread of the training stopped.', { cause })),
    )
    worker.on('exit', () => {
      if (!learnt) fail(new AppError('worker', 'A thread of the training ended.'))
      resolve(learnt)
    })
  })
}
