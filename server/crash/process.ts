/** A server in a process of its own, that can be killed. */
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Mortal {
  /** Where it listens; rejects if it ends before it does. */
  readonly ready: Promise<string>
  /** Has it import the data set number `n`; done when a part of that is there. */
  import(n: number): Promise<unknown>
  /** SIGKILL; done when it is gone. */
  kill(): Promise<void>
  /** Asks it to stop, and waits; throws if it ended in another way. */
  stop(): Promise<void>
}

export interface MortalOptions {
  readonly dir: string
  readonly epoch: number
  readonly bug?: string | undefined
  /** Hears whatever it says, but for where it listens. */
  readonly hear: (line: string) => void
}

export function startMortal({ dir, epoch, bug = '', hear }: MortalOptions): Mortal {
  const args = ['--import', 'tsx', join(import.meta.dirname, 'child.ts'), dir, `${epoch}`, bug]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const halfway = new EventEmitter()
  child.stdin.on('error', () => {}) // it was killed while it was being told something
  const ready = new Promise<string>((found, failed) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('ready ')) found(line.slice('ready '.length))
      else if (line === 'importing') halfway.emit(line)
      else hear(line)
    })
    void exited.then(([code, signal]) =>
      failed(new Error(`it ended (${code ?? signal}) before it was ready`)),
    )
  })
  ready.catch(() => {})
  return {
    ready,
    import(n) {
      child.stdin.write(`import ${n}\n`)
      return once(halfway, 'importing')
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async stop() {
      child.stdin.write('stop\n')
      const [code, signal] = await exited
      if (code !== 0) throw new Error(`the server ended with ${code ?? signal} when it was to stop`)
    },
  }
}
