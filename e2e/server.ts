/** The real server, in a process of its own on a free port of the loopback. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { type Program, start } from './browsers/program.ts'

const here = resolve(import.meta.dirname, '..')

export interface Server {
  readonly url: string
  /** Its data folder, which nobody else may open while it runs. */
  readonly data: string
  /** Ends the server; done when its data folder is free. */
  stop(): Promise<void>
  /** Stops, and removes the data. */
  remove(): Promise<void>
}

/**
 * Starts one on the demo population, on what the command lines of `before` leave in its data folder, or on a copy of the
 * prepared data folder `like`; it builds the app if that has changed. `from` are more arguments of `kindred start`; `root` is
 * where Kindred lies: this repository, or an installed package.
 */
export async function startServer({
  before = [],
  from = [],
  like,
  root = here,
  say = (text: string) => console.log(text),
}: {
  before?: readonly (readonly string[])[]
  from?: readonly string[]
  like?: string
  root?: string
  say?: (text: string) => void
} = {}): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), 'kindred-e2e-data-'))
  if (like !== undefined) await cp(like, data, { recursive: true })
  const kindred = (...args: readonly string[]) =>
    start(process.execPath, ['server/bin.js', ...args, '--data', data], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  for (const args of before) {
    const { child, ended } = kindred(...args)
    linesOf(child, say)
    await ended
    if (child.exitCode === 0) continue
    await rm(data, { recursive: true, force: true })
    throw new Error(`kindred ${args.join(' ')} ended with ${child.exitCode}.`)
  }
  const { child, ended } = kindred('start', '--port', '0', ...from)
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  const remove = async () => {
    await stop()
    await rm(data, { recursive: true, force: true })
  }
  try {
    const url = await new Promise<string>((found, failed) => {
      let output = ''
      linesOf(child, (line) => {
        say(line)
        output += `${line}\n`
        const ready = /^ready (http:\S+)$/.exec(line)
        if (ready) found(ready[1]!)
      })
      void ended.then(() =>
        failed(new Error(`The server ended with ${child.exitCode} before it was ready:\n${output}`)),
      )
    })
    return { url, data, stop, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Whole lines: a pipe hands them on in pieces. */
function linesOf({ stdout }: Program['child'], hear: (line: string) => void): void {
  createInterface({ input: stdout! }).on('line', (line) => hear(line.trimEnd()))
}
