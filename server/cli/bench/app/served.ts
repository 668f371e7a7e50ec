/** The app as its users get it: built, on demo data, from the real server in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { AppError } from '../../../../shared/failure.ts'

const BIN = resolve(import.meta.dirname, '../../../bin.js')

export interface Served {
  readonly url: string
  close(): Promise<void>
}

/** `kindred start` over the folder `dir`: what is there already is not made again. `say` hears what it says. */
export async function serveApp(dir: string, say: (line: string) => void): Promise<Served> {
  const args = [BIN, 'start', '--port', '0', '--data', dir]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  let last = ''
  child.stderr.on('data', (text) => {
    last = String(text).trim() || last
  })
  const url = new Promise<string>((found) => {
    createInterface(child.stdout).on('line', (line) => {
      const ready = /^ready (http:\S+)$/.exec(line)
      if (ready) found(ready[1]!)
      else say(line)
    })
  })
  const failed = ended.then(() => {
    throw new AppError('not-ready', `The server ended before it was ready: ${last}`)
  })
  return {
    url: await Promise.race([url, failed]),
    async close() {
      failed.catch(() => {})
      child.kill('SIGTERM')
      await ended
    },
  }
}
