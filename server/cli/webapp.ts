/** The built web app: made on the first start, and again when its sources have changed. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '../../shared/failure.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const DIST = join(ROOT, 'dist/web')
const SOURCES = ['web', 'worker', 'shared', 'vite.config.ts', 'package-lock.json']

/** The newest modification below `path`, ms. */
async function newest(path: string): Promise<number> {
  const info = await stat(path)
  if (!info.isDirectory()) return info.mtimeMs
  const names = (await readdir(path)).filter((name) => !name.includes('.test.'))
  return Math.max(info.mtimeMs, ...(await Promise.all(names.map((name) => newest(join(path, name))))))
}

/** The folder of the built app; `onBuild` is told when a build begins. */
export async function webApp(onBuild: () => void): Promise<string> {
  const page = join(DIST, 'index.html')
  // What is shipped built has no sources.
  if (existsSync(page) && !existsSync(join(ROOT, 'web'))) return DIST
  const sources = SOURCES.map((name) => join(ROOT, name)).filter((path) => existsSync(path))
  const changed = Math.max(...(await Promise.all(sources.map(newest))))
  if (existsSync(page) && (await stat(page)).mtimeMs >= changed) return DIST
  onBuild()
  await build()
  return DIST
}

/** In a process of its own: a build takes memory that the server need not keep, and says more than anyone asked. */
async function build(): Promise<void> {
  const vite = createRequire(import.meta.url)
    .resolve('vite/package.json')
    .replace('package.json', 'bin/vite.js')
  try {
    await promisify(execFile)(process.execPath, [vite, 'build', '--logLevel', 'error'], { cwd: ROOT })
  } catch (cause) {
    const { stderr = '', stdout = '' } = cause as { stderr?: string; stdout?: string }
    const why = `${stderr}\n${stdout}`.split('\n').find((line) => /error/i.test(line)) ?? 'vite says nothing'
    throw new AppError('bad-input', `The web app could not be built: ${why.trim()}`, { cause })
  }
}
