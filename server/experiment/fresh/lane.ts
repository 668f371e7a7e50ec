/** A thread whose tasks come one after the other as time goes by; what it holds in memory stays between them. */
import { deferred } from '../../../worker/turns.ts'
import { overThreads } from '../threads.ts'

export interface Lane<Task> {
  /** Resolves when it is done; throws what ended the thread. */
  do(task: Task): Promise<void>
  /** Ends the thread. */
  end(): Promise<void>
}

/** `module` is one for `overThreads`. */
export function createLane<Common, Task, Finding>(
  module: URL,
  common: Common,
  onFinding: (finding: Finding) => void,
): Lane<Task> {
  let given = deferred<Task | undefined>()
  let done = deferred<void>()
  async function* tasks(): AsyncGenerator<Task> {
    for (let task = await given.promise; task !== undefined; task = await given.promise) {
      given = deferred()
      yield task
    }
  }
  const running = overThreads({
    module,
    common,
    tasks: tasks(),
    threads: 1,
    onFinding,
    onTask: () => done.resolve(),
  })
  running.catch(() => {})
  return {
    async do(task) {
      done = deferred()
      given.resolve(task)
      await Promise.race([done.promise, running])
    },
    async end() {
      given.resolve(undefined)
      await running
    },
  }
}
