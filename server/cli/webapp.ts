/** The built web app: made on the first start, and again when its sources have changed. */
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { AppError } from '../../shared/failure.ts'

export const ROOT = resolve(import.meta.dirname, '../..')
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
  const sources = SOURCES.map((name) => join(ROOT, name)).filter((path) => existsSync(path))
  const changed = Math.max(...(await Promise.all(sources.map(newest))))
  if (existsSync(page) && (await stat(page)).mtimeMs >= changed) return DIST
  onBuild()
  try {
    const { build } = await import('vite')
    await build({ configFile: join(ROOT, 'vite.config.ts'), logLevel: 'error' })
  } catch (cause) {
    throw new AppError('bad-input', `The web app could not be built: ${(cause as Error).message}`, { cause })
  }
  return DIST
}
