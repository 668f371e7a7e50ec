/** From what an author writes to what is submitted: one module that imports nothing. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../shared/error.ts'

/**
 * The module at `path`, TypeScript or not, with all that it imports; types are not looked at. It is not minified, because who approves
 * it is to read it. The same sources give the same text. Throws `bad-input` for sources that cannot be put together.
 */
export async function bundle(path: string, root: string): Promise<string> {
  const { build } = await import('vite')
  const done = await build({
    configFile: false,
    root,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      target: 'es2022',
      lib: { entry: path, formats: ['es'], fileName: 'script' },
      rolldownOptions: { treeshake: { moduleSideEffects: false } },
    },
  }).catch((cause: Error) => {
    throw new AppError('bad-input', `${path} cannot be put together: ${cause.message.trim()}`, { cause })
  })
  const [first] = [done].flat()
  const [chunk, ...others] = first && 'output' in first ? first.output : []
  if (chunk?.type !== 'chunk' || others.length > 0 || chunk.imports.length > 0)
    throw new AppError('bad-input', `${path} is not one module by itself.`)
  return chunk.code
}

/** The script in an author's folder: `script.js` as it is, else `script.ts` put together. Throws `bad-input` where there is neither. */
export async function scriptIn(folder: string): Promise<string> {
  const written = join(folder, 'script.js')
  if (existsSync(written)) return readFileSync(written, 'utf8')
  const source = join(folder, 'script.ts')
  if (existsSync(source)) return bundle(source, folder)
  throw new AppError('bad-input', `There is neither script.js nor script.ts in ${folder}.`)
}
