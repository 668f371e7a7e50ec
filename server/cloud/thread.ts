/** Work that would hold up the event loop runs here: a worker thread with the store open, its progress and its failures passed on. */
import { Worker } from 'node:worker_threads'
import { AppError, type Failure } from '../../shared/failure.ts'
import type { JobName, Jobs } from './jobs.ts'
import type { Progress } from './progress.ts'
import type { Room } from './room.ts'

/** A room without the store, which each thread opens for itself, and without a voice. */
export type Place = Omit<Room, 'store' | 'tell'>

export type ToThread =
  | { type: 'run'; id: number; name: JobName; input: unknown }
  | { type: 'stop'; id: number }
  | { type: 'close' }
export type FromThread =
  | { type: 'progress'; id: number; progress: Parameters<Progress>[0] }
  | { type: 'tell'; message: string; detail?: Readonly<Record<string, unknown>> | undefined }
  | { type: 'done'; id: number; output: unknown }
  | { type: 'failed'; id: number; failure: Failure; stack: string | undefined }

export interface RunOptions {
  readonly progress?: Progress | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Thread {
  run<N extends JobName>(
    name: N,
    input: Parameters<Jobs[N]>[0],
    options?: RunOptions,
  ): Promise<Awaited<ReturnType<Jobs[N]>>>
  /** Stops what runs, which then fails with `cancelled`, and ends the thread. */
  close(): Promise<void>
}

interface Open extends RunOptions {
  resolve(output: unknown): void
  reject(error: Error): void
}

/** A thread that starts when it is first needed, and again after it died; `brief` ones end when nothing is left to do. */
export function createThread(
  place: Place,
  { brief = false, tell = () => {} }: { brief?: boolean; tell?: Room['tell'] } = {},
): Thread {
  const open = new Map<number, Open>()
  const pending = new Set<Promise<unknown>>()
  let worker: Worker | undefined
  /** When those that were told to end have ended. */
  let ended: Promise<unknown> = Promise.resolve()
  let lastId = 0
  let closed = false

  function settle(id: number): Open | undefined {
    const call = open.get(id)
    open.delete(id)
    return call
  }

  function hear(message: FromThread): void {
    switch (message.type) {
      case 'progress':
        open.get(message.id)?.progress?.(message.progress)
        return
      case 'tell':
        tell(message.message, message.detail)
        return
      case 'done':
        settle(message.id)?.resolve(message.output)
        break
      case 'failed': {
        const { code, message: text } = message.failure
        settle(message.id)?.reject(new AppError(code, text, { cause: message.stack }))
        break
      }
      default:
        message satisfies never
    }
    if (brief && open.size === 0) void end()
  }

  function start(): Worker {
    const started = new Worker(new URL('./thread-boot.js', import.meta.url), {
      workerData: place,
      execArgv: [],
    })
    const die = (error: Error) => {
      if (worker !== started) return
      worker = undefined
      for (const id of [...open.keys()]) settle(id)?.reject(error)
    }
    started.on('message', hear)
    started.on('error', (cause) => die(new AppError('worker', 'A thread of the server stopped.', { cause })))
    started.on('exit', () => die(new AppError('worker', 'A thread of the server ended.')))
    return started
  }

  /** By message: ended from outside, it could hold the store's lock for ever. */
  async function end(): Promise<void> {
    const ending = worker
    worker = undefined
    if (ending) {
      const exited = new Promise((resolve) => ending.once('exit', resolve))
      ended = Promise.all([ended, exited])
      ending.postMessage({ type: 'close' } satisfies ToThread)
    }
    await ended
  }

  return {
    run(name, input, { progress, signal } = {}) {
      const result = new Promise<Awaited<ReturnType<Jobs[typeof name]>>>((resolve, reject) => {
        if (closed) return reject(new AppError('cancelled', 'The cloud is closed.'))
        if (signal?.aborted) return reject(new AppError('cancelled', 'Stopped.'))
        worker ??= start()
        const id = ++lastId
        const using = worker
        open.set(id, { resolve: resolve as (output: unknown) => void, reject, progress, signal })
        signal?.addEventListener('abort', () => using.postMessage({ type: 'stop', id } satisfies ToThread), {
          once: true,
        })
        using.postMessage({ type: 'run', id, name, input } satisfies ToThread)
      })
      pending.add(result)
      const forget = () => pending.delete(result)
      result.then(forget, forget)
      return result
    },
    async close() {
      closed = true
      for (const id of open.keys()) worker?.postMessage({ type: 'stop', id } satisfies ToThread)
      await Promise.allSettled(pending)
      await end()
    },
  }
}
