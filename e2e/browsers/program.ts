/** Programs that a test starts, each with all that it starts itself. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'

export interface Program {
  readonly child: ChildProcess
  /** Its exit, whoever brought it about. */
  readonly ended: Promise<void>
  /** Ends it and its children by SIGKILL; done when it is gone. */
  kill(): Promise<void>
}

/** What `look` finds, as soon as it finds it. Throws `failure` where the program ends before. */
export async function foundOf<T>(
  { ended }: Program,
  look: () => Promise<T | undefined>,
  failure: string,
): Promise<T> {
  let gone = false
  void ended.then(() => {
    gone = true
  })
  while (!gone) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error(failure)
}

const running = new Set<() => void>()
process.on('exit', () => {
  for (const end of running) end()
})

/** Starts a program in a process group of its own, which also ends where this process does. */
export function start(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; stdio?: StdioOptions } = {},
): Program {
  const child = spawn(command, args, { stdio: 'ignore', ...options, detached: true })
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The group is gone.
    }
  }
  running.add(end)
  const ended = new Promise<void>((done) => {
    child.once('exit', () => done())
    child.once('error', () => done())
  })
  void ended.then(() => running.delete(end))
  return {
    child,
    ended,
    async kill() {
      end()
      await ended
    },
  }
}
