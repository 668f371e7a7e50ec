/**
 * npm run build:tasks: makes of each task here what its author submits, in dist/tasks/<name>: the manifest's draft, and its script as
 * one module that imports nothing; and in dist/task the types for authors. The same sources give the same bytes; what is up to date is
 * left alone.
 */
// biome-ignore-all lint/style/noRestrictedImports: runs at build time only; nothing imports it
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { register } from 'tsx/esm/api'

register()
const { bundle } = await import('../../server/tasks/bundle.ts')

const here = new URL('.', import.meta.url)
const root = new URL('../../', import.meta.url)
// The names of the sources, which stand in the bundle, are told from here.
process.chdir(fileURLToPath(root))
const names = readdirSync(here).filter((name) => existsSync(new URL(`${name}/task.json`, here)))

await Promise.all(
  names.map(async (name) => {
    const script = await bundle(fileURLToPath(new URL(`${name}/script.ts`, here)), fileURLToPath(root))
    write(`dist/tasks/${name}/script.js`, script)
    write(`dist/tasks/${name}/task.json`, readFileSync(new URL(`${name}/task.json`, here), 'utf8'))
  }),
)
write('dist/task/index.d.ts', readFileSync(new URL('shared/tasks/author.ts', root), 'utf8'))

/** At once: others may be reading. */
function write(path, text) {
  const file = new URL(path, root)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  mkdirSync(new URL('.', file), { recursive: true })
  const beside = new URL(`${file}.${process.pid}`)
  writeFileSync(beside, text)
  renameSync(beside, file)
}
