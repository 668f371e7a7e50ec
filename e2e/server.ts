/**
 * Starts the real server once for all browser tests: on MovieLens-1M where its folder lies beside the repository,
 * else on the demo population. It listens on a free port of the loopback and ends with the tests.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const movielens = resolve(root, '../shared/data/ml-1m')

export default async function startServer(): Promise<() => Promise<void>> {
  const data = await mkdtemp(join(tmpdir(), 'kindred-e2e-data-'))
  const real = existsSync(movielens)
  if (!real) console.log('No ../shared/data/ml-1m here: the browser tests run on the demo population.')
  const from = real ? ['--import', 'movielens', movielens] : []
  const child = spawn(process.execPath, ['server/bin.js', 'start', '--port', '0', '--data', data, ...from], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((done) => child.once('exit', done))
  process.env.KINDRED_URL = await new Promise<string>((found, failed) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk)
      output += chunk
      const ready = /^ready (http:\S+)$/m.exec(output)
      if (ready) found(ready[1]!)
    })
    void ended.then((code) =>
      failed(new Error(`The server ended with ${code} before it was ready:\n${output}`)),
    )
  })
  return async () => {
    child.kill('SIGTERM')
    await ended
    await rm(data, { recursive: true, force: true })
  }
}
