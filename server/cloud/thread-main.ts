/** The far side of thread.ts. */
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { toFailure } from '../../shared/failure.ts'
import { openStore } from '../store/lmdb.ts'
import { createJobs } from './jobs.ts'
import type { FromThread, Place, ToThread } from './thread.ts'

const place = workerData as Place
const port = parentPort!
const store = openStore(join(place.dir, 'store'))
const say = (message: FromThread) => port.postMessage(message)
const jobs = createJobs({
  ...place,
  store,
  tell: (message, detail) => say({ type: 'tell', message, detail }),
})
const running = new Map<number, AbortController>()

async function run({ id, name, input }: Extract<ToThread, { type: 'run' }>): Promise<void> {
  const abort = new AbortController()
  running.set(id, abort)
  try {
    const job = jobs[name] as (input: unknown, watch: unknown) => Promise<unknown>
    const progress = (progress: unknown) => say({ type: 'progress', id, progress } as FromThread)
    say({ type: 'done', id, output: await job(input, { progress: sparse(progress), signal: abort.signal }) })
  } catch (error) {
    const { stack } = error instanceof Error ? error : {}
    say({ type: 'failed', id, failure: toFailure(error), stack })
  } finally {
    running.delete(id)
  }
}

/** Ten messages a second are enough for a bar; the last of a stage always gets through. */
function sparse(tell: (progress: unknown) => void) {
  let last = 0
  return (progress: { done: number; total: number }) => {
    const now = performance.now()
    if (now - last < 100 && progress.done !== progress.total && progress.done !== 0) return
    last = now
    tell(progress)
  }
}

port.on('message', (message: ToThread) => {
  if (message.type === 'run') void run(message)
  else if (message.type === 'stop') running.get(message.id)?.abort()
  else void store.close().then(() => process.exit(0))
})
