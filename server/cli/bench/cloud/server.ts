/** A Kindred server in a process of its own, as the parts of the benchmark that speak HTTP need it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { AppError, type Failure } from '../../../../shared/failure.ts'
import type { Call, CallName, Calls } from './server-main.ts'

export interface BenchServer {
  readonly host: '127.0.0.1'
  readonly port: number
  /** Where the same process serves a Hono app with one empty route. */
  readonly empty: number
  ask<N extends CallName>(name: N, ...input: Parameters<Calls[N]>): Promise<Awaited<ReturnType<Calls[N]>>>
  close(): Promise<void>
}

/**
 * Starts a server over the folder `dir`, which is filled with `people` generated ones if it is empty. Where it is
 * `limited`, its limits are those of `kindred serve`; else it has none.
 */
export async function startServer(
  dir: string,
  people: number,
  { limited = false } = {},
): Promise<BenchServer> {
  const child = fork(new URL('./server-boot.js', import.meta.url), { serialization: 'advanced' })
  const open = new Map<number, { resolve(output: unknown): void; reject(error: Error): void }>()
  let last = 0
  child.on('message', ({ id, output, failure, stack }: Said) => {
    const asked = open.get(id)
    open.delete(id)
    if (failure) asked?.reject(new AppError(failure.code, failure.message, { cause: stack }))
    else asked?.resolve(output)
  })
  child.on('exit', (code) => {
    for (const { reject } of open.values()) reject(new AppError('worker', `The server ended with ${code}.`))
    open.clear()
  })
  const ask: BenchServer['ask'] = (name, input?: unknown) =>
    new Promise((resolve, reject) => {
      if (child.exitCode !== null) return reject(new AppError('worker', 'The server has ended.'))
      const id = ++last
      open.set(id, { resolve: resolve as (output: unknown) => void, reject })
      child.send({ id, name, input } satisfies Call)
    })
  const close = async () => {
    const exited = once(child, 'exit')
    await ask('close')
    child.disconnect()
    await exited
  }
  try {
    return { host: '127.0.0.1', ...(await ask('open', { dir, people, limited })), ask, close }
  } catch (error) {
    child.disconnect()
    throw error
  }
}

interface Said {
  readonly id: number
  readonly output?: unknown
  readonly failure?: Failure
  readonly stack?: string
}
