/** The far side of threads.ts. */
import { parentPort } from 'node:worker_threads'
import { toFailure } from '../../shared/failure.ts'
import type { Done, FromThread, Job, ToThread } from './threads.ts'

const port = parentPort!
const say = (message: FromThread) => port.postMessage(message)
let done: Done<unknown, unknown> | undefined

async function handle(message: ToThread): Promise<void> {
  try {
    if (message.type === 'open') {
      const job = (await import(message.module)) as Job<unknown, unknown, unknown>
      done = await job.open(message.common)
    } else await done!(message.task, (finding) => say({ type: 'finding', finding }))
    say({ type: 'ready' })
  } catch (error) {
    const { stack } = error instanceof Error ? error : {}
    say({ type: 'failed', failure: toFailure(error), stack })
  }
}

port.on('message', (message: ToThread) => void handle(message))
