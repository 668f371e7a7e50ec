/** A trainer in a thread of this process: whatever a script does there, ending the thread ends it. */
import { Worker } from 'node:worker_threads'
import type { Port } from '../../../shared/calls.ts'
import { AppError } from '../../../shared/failure.ts'
import type { Trainer } from '../../../worker/trainer/job.ts'
import { connectTrainer } from '../../../worker/trainer/port.ts'

/** What the thread tells of the script, besides what it does. */
export type Clocked = { readonly type: 'begun' } | { readonly type: 'ended'; readonly ms: number }

export interface Spawned {
  readonly trainer: Trainer
  /** Rejects if the thread ends by itself. */
  readonly died: Promise<never>
  /** When engine and script are there and it begins; and how long it took, once it has ended well. */
  readonly spent: { readonly begun: Promise<void>; readonly ms: Promise<number> }
}

export function spawnTrainer(): Spawned {
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(new URL('./thread-boot.js', import.meta.url), {
    execArgv: [],
    workerData: { port: port2 },
    transferList: [port2 as never],
  })
  const died = new Promise<never>((_, reject) => {
    worker.on('error', ({ message }) => reject(new AppError('worker', `The thread died: ${message}.`)))
    worker.on('exit', () => reject(new AppError('worker', 'The thread ended.')))
  })
  died.catch(() => {})
  const heard = <T extends Clocked['type']>(type: T) =>
    new Promise<Clocked & { type: T }>((resolve) => {
      worker.on('message', (message: Clocked) => {
        if (message.type === type) resolve(message as Clocked & { type: T })
      })
    })
  const spent = { begun: heard('begun').then(() => {}), ms: heard('ended').then(({ ms }) => ms) }
  const trainer = connectTrainer(port1 as unknown as Port, () => {
    port1.close()
    void worker.terminate()
  })
  return { trainer, died, spent }
}
