/** The two ends of a trainer in a worker of its own: `serveTrainer(port, trainer)` and `connectTrainer(port, kill)`. */
import type * as z from 'zod'
import type { Port } from '../../shared/boundary.ts'
import type { Kernel } from '../../shared/engine/fused/kernel.ts'
import { AppError, parse, toFailure } from '../../shared/failure.ts'
import {
  type Command,
  commandSchema,
  type Job,
  type JobName,
  jobs,
  type Message,
  messageSchema,
  type Result,
  type Trainer,
  type Watch,
} from './job.ts'

/** Does the jobs that arrive at `port`. */
export function serveTrainer(port: Port, trainer: Trainer): void {
  const send = (message: Message) => port.postMessage(message)
  const open = new Map<number, AbortController>()

  async function run({ id, name, job }: Extract<Command, { type: 'run' }>): Promise<void> {
    const abort = new AbortController()
    open.set(id, abort)
    const watch: Watch = {
      signal: abort.signal,
      onProgress: (fraction) => send({ type: 'progress', id, fraction }),
      onCheckpoint: (checkpoint) => send({ type: 'checkpoint', id, checkpoint }),
    }
    try {
      const work = trainer[name] as (job: unknown, watch: Watch) => Promise<unknown>
      const checked = parse(jobs[name].input as z.ZodType<unknown>, job, `Job ${name}`)
      send({ type: 'done', id, result: await work(checked, watch) })
    } catch (error) {
      send({ type: 'failed', id, failure: toFailure(error, 'engine') })
    } finally {
      open.delete(id)
    }
  }

  port.addEventListener('message', (event) => {
    const command = parse(commandSchema, (event as MessageEvent).data, 'Message to the trainer')
    switch (command.type) {
      case 'cancel':
        open.get(command.id)?.abort(new AppError('cancelled', 'Stopped.'))
        return
      case 'run':
        void run(command)
        return
      default:
        trainer[command.type]()
    }
  })
  send({ type: 'ready' })
}

/**
 * The trainer behind `port`; `kill` ends its thread. A thread that dies fails what it was doing with `worker`. The kernel,
 * where this thread has compiled it, goes with each job.
 */
export function connectTrainer(port: Port, kill: () => void, kernel?: () => Kernel | undefined): Trainer {
  type Open = {
    name: JobName
    resolve: (result: unknown) => void
    reject: (error: AppError) => void
    watch: Watch
  }
  const open = new Map<number, Open>()
  let lastId = 0
  let dead: AppError | undefined

  function die(error: AppError): void {
    dead ??= error
    for (const { reject } of open.values()) reject(dead)
    open.clear()
  }

  function hear(data: unknown): void {
    const message = parse(messageSchema, data, 'Message from the trainer')
    if (message.type === 'ready') return
    const job = open.get(message.id)
    if (!job) return // it was cancelled meanwhile
    switch (message.type) {
      case 'progress':
        job.watch.onProgress?.(message.fraction)
        return
      case 'checkpoint':
        job.watch.onCheckpoint?.(message.checkpoint)
        return
      case 'done':
        job.resolve(
          parse(jobs[job.name].output as z.ZodType<unknown>, message.result, `Result of ${job.name}`),
        )
        break
      case 'failed':
        job.reject(new AppError(message.failure.code, message.failure.message))
        break
      default:
        message satisfies never
    }
    open.delete(message.id)
  }

  port.addEventListener('message', (event) => {
    try {
      hear((event as MessageEvent).data)
    } catch (error) {
      die(error instanceof AppError ? error : new AppError('worker', String(error)))
    }
  })
  port.addEventListener('error', (event) => {
    const why = (event as ErrorEvent).message
    die(new AppError('worker', `The trainer stopped${why ? `: ${why}` : ''}.`))
  })
  port.addEventListener('messageerror', () =>
    die(new AppError('worker', 'A message of the trainer could not be read.')),
  )

  const send = (command: Command) => port.postMessage(command)

  function run<N extends JobName>(name: N, job: Job<N>, watch: Watch = {}): Promise<Result<N>> {
    const { signal } = watch
    return new Promise((resolve, reject) => {
      if (dead) return reject(dead)
      if (signal?.aborted) return reject(new AppError('cancelled', 'Stopped.'))
      const id = ++lastId
      open.set(id, { name, resolve: resolve as (result: unknown) => void, reject, watch })
      const cancel = () => send({ type: 'cancel', id })
      signal?.addEventListener('abort', cancel, { once: true })
      send({ type: 'run', id, name, job: { ...job, kernel: kernel?.() } })
    })
  }

  return {
    filter: (job, watch) => run('filter', job, watch),
    personalise: (job, watch) => run('personalise', job, watch),
    pause: () => send({ type: 'pause' }),
    resume: () => send({ type: 'resume' }),
    terminate() {
      kill()
      die(new AppError('cancelled', 'The trainer was ended.'))
    },
  }
}
