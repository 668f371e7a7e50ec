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

/** A tab that is killed closes nothing that it holds: a thread is ended after so many seeds, and its memory with it. */
const SEEDS_PER_THREAD = 50

/** Done when every seed has run; what a thread throws is thrown here. */
export async function tortureSeeds({ first, seeds, threads, onOutcome }: PoolOptions): Promise<void> {
  let next = first
  const left = () => next < first + seeds

  const thread = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./boot.js', import.meta.url), { execArgv: [] })
      let room = SEEDS_PER_THREAD
      worker.on('message', (outcome: Outcome | 'ready') => {
        if (outcome !== 'ready') onOutcome(outcome)
        if (left() && room-- > 0) worker.postMessage(next++)
        else void worker.terminate().then(() => resolve(), reject)
      })
      worker.on('error', reject)
    })
  const lane = async () => {
    while (left()) await thread()
  }
  await Promise.all(Array.from({ length: Math.min(threads, seeds) }, lane))
}
