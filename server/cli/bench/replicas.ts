/** The contender of `kindred bench train` that computes in several threads, as `kindred train` does. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { createTeam, type TeamPlace } from '../../cloud/training/team.ts'
import type { Task } from './pytorch.ts'

/** What each thread is told. */
export interface Seat {
  readonly task: Task
  readonly team: TeamPlace
  readonly index: number
}

export interface Replicas {
  /** The losses of so many steps. */
  run(steps: number): Promise<number[]>
  close(): Promise<void>
}

export async function startReplicas(task: Task, threads: number): Promise<Replicas> {
  const team = createTeam(task.spec, threads, task.batches[0]!.size)
  const workers = Array.from({ length: threads }, (_, index) => {
    const boot = new URL('./replica-boot.js', import.meta.url)
    return new Worker(boot, { workerData: { task, team, index } satisfies Seat, execArgv: [] })
  })
  /** What each says next. */
  const heard = () =>
    Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as number[]))
  await heard()
  return {
    async run(steps) {
      const answers = heard()
      for (const worker of workers) worker.postMessage(steps)
      return (await answers)[0]!
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}
