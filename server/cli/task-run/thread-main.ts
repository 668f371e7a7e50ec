/** The far side of thread.ts: a trainer as a device has it, for the script of one task. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Port } from '../../../shared/calls.ts'
import { chooseEngine } from '../../../shared/engine/choose.ts'
import type { Run } from '../../../shared/tasks/context.ts'
import { importScript, type Load } from '../../../worker/trainer/load.ts'
import { serveTrainer } from '../../../worker/trainer/port.ts'
import { createTrainer } from '../../../worker/trainer/trainer.ts'
import type { Clocked } from './thread.ts'

/** What a script finds nothing of in a browser, where more is missing yet. */
const OUTSIDE = [
  'fetch',
  'WebSocket',
  'EventSource',
  'BroadcastChannel',
  'Worker',
  'navigator',
  'crypto',
  'Buffer',
]
/** Where a script stands in the trace of what it threw. */
const AT = /data:text\/javascript[^)\s]*?:(\d+):\d+/

const load: Load = async (script) => {
  const run = await importScript(script)
  for (const name of [...OUTSIDE, 'process', 'require', 'global']) Reflect.deleteProperty(globalThis, name)
  return watched(run)
}

const tell = (message: Clocked) => parentPort!.postMessage(message)

/** What it throws says in which line; and it is timed. */
const watched =
  (run: Run): Run =>
  async (context) => {
    tell({ type: 'begun' })
    const from = performance.now()
    try {
      const result = await run(context)
      tell({ type: 'ended', ms: performance.now() - from })
      return result
    } catch (error) {
      const line = error instanceof Error ? AT.exec(error.stack ?? '')?.[1] : undefined
      if (line && error instanceof Error) {
        const message = `${error.message.replace(/\.$/, '')} (script.js, line ${line}).`
        Object.defineProperty(error, 'message', { value: message })
      }
      throw error
    }
  }

serveTrainer(
  (workerData as { port: unknown }).port as Port,
  createTrainer((wish) => chooseEngine({ preferred: 'fused-wasm', ...wish }), { load }),
)
