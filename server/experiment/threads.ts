/**
 * Work for all cores: tasks that are read as they are wanted, each done by one thread, whose findings are heard as they come. A
 * thread loads a module that has `open`, given what all tasks have in common, and does one task after the other; what comes
 * of a task must follow from it alone, so that neither order nor number of threads changes anything.
 */
import { Worker } from 'node:worker_threads'
import { AppError, type Failure } from '../../shared/failure.ts'

/** What a module for threads exports. Everything that crosses is plain data. */
export interface Job<Common, Task, Finding> {
  open(common: Common): Promise<Done<Task, Finding>>
}
/** Does a task, and tells each finding as soon as it is there. */
export type Done<Task, Finding> = (task: Task, tell: (finding: Finding) => void) => Promise<void>

export type ToThread = { type: 'open'; module: string; common: unknown } | { type: 'task'; task: unknown }
export type FromThread =
  | { type: 'ready' }
  | { type: 'finding'; finding: unknown }
  | { type: 'failed'; failure: Failure; stack: string | undefined }

export interface ThreadsOptions<Common, Task, Finding> {
  /** URL of the module. */
  readonly module: URL
  readonly common: Common
  readonly tasks: AsyncIterable<Task> | Iterable<Task>
  readonly threads: number
  /** Called in the order in which findings come, which is any. */
  readonly onFinding: (finding: Finding) => void
  /** After each task. */
  readonly onTask?: (() => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Room for what lives for one task: with less, much of it is copied before it dies. */
const YOUNG_MB = 64

/** Done when all tasks are. The first failure of a thread, or of reading the tasks, ends all and is thrown; so does `signal`. */
export async function overThreads<Common, Task, Finding>({
  module,
  common,
  tasks,
  threads,
  onFinding,
  onTask = () => {},
  signal,
}: ThreadsOptions<Common, Task, Finding>): Promise<void> {
  const queue = inTurn(tasks)
  const workers = new Set<Worker>()
  const stop = new AbortController()

  const lane = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./thread-boot.js', import.meta.url), {
        execArgv: [],
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      })
      workers.add(worker)
      const say = (message: ToThread) => worker.postMessage(message)
      const feed = async () => {
        const next = stop.signal.aborted ? undefined : await queue()
        if (next) say({ type: 'task', task: next.task })
        else resolve()
      }
      let begun = false
      worker.on('message', (message: FromThread) => {
        if (stop.signal.aborted) return
        if (message.type === 'finding') onFinding(message.finding as Finding)
        else if (message.type === 'failed')
          reject(new AppError(message.failure.code, message.failure.message, { cause: message.stack }))
        else {
          if (begun) onTask()
          begun = true
          feed().catch(reject)
        }
      })
      worker.on('error', reject)
      worker.on('exit', () => reject(new AppError('worker', 'A thread of the experiment ended.')))
      const cancel = () => reject(new AppError('cancelled', 'Stopped.'))
      if (signal?.aborted) cancel()
      signal?.addEventListener('abort', cancel, { once: true })
      say({ type: 'open', module: module.href, common })
    })

  try {
    await Promise.all(Array.from({ length: threads }, lane))
  } finally {
    stop.abort()
    await Promise.all([...workers].map((worker) => worker.terminate()))
  }
}

/** The next task for whoever asks first; undefined when there are no more. */
function inTurn<Task>(
  tasks: AsyncIterable<Task> | Iterable<Task>,
): () => Promise<{ task: Task } | undefined> {
  const all = (async function* () {
    yield* tasks
  })()
  return async () => {
    const { done, value } = await all.next()
    return done ? undefined : { task: value as Task }
  }
}
