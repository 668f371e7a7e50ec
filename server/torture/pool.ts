/** Many seeds on several threads: each thread runs one after the other, with globals of its own. */
import { Worker } from 'node:worker_threads'
import type { Outcome } from './torture.ts'

export interface PoolOptions {
  /** Seeds `first`, `first` + 1, … */
  readonly first: number
  readonly seeds: number
  readonly threads: number
  readonly onOutcome: (outcome: Outcome) => void
}

/** Done when every seed has run; what a thread throws is thrown here. */
export async function tortureSeeds({ first, seeds, threads, onOutcome }: PoolOptions): Promise<void> {
  let next = first
  const lane = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./boot.js', import.meta.url), { execArgv: [] })
      const give = () => {
        if (next < first + seeds) return worker.postMessage(next++)
        resolve()
        void worker.terminate()
      }
      worker.on('message', (outcome: Outcome | 'ready') => {
        if (outcome !== 'ready') onOutcome(outcome)
        give()
      })
      worker.on('error', reject)
    })
  await Promise.all(Array.from({ length: Math.min(threads, seeds) }, lane))
}
