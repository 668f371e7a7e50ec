/**
 * npm run build:tasks: makes of each task here what its author submits, in dist/tasks/<name>: the manifest's draft, and its script as
 * one module that imports nothing. The same sources give the same bytes; what is up to date is left alone.
 */
// biome-ignore-all lint/style/noRestrictedImports: runs at build time only; nothing imports it
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const here = new URL('.', import.meta.url)
const root = new URL('../../', import.meta.url)
// The names of the sources, which stand in the bundle, are told from here.
process.chdir(fileURLToPath(root))
const names = readdirSync(here).filter((name) => existsSync(new URL(`${name}/task.json`, here)))

await Promise.all(
  names.map(async (name) => {
    const to = new URL(`dist/tasks/${name}/`, root)
    mkdirSync(to, { recursive: true })
    write(new URL('script.js', to), await bundled(fileURLToPath(new URL(`${name}/script.ts`, here))))
    write(new URL('task.json', to), readFileSync(new URL(`${name}/task.json`, here), 'utf8'))
  }),
)

/** The module at `path` with all that it imports. */
async function bundled(path) {
  const [{ output }] = await build({
    configFile: false,
    root: fileURLToPath(root),
    logLevel: 'warn',
    build: {
      write: false,
      // Who approves it is to read it.
      minify: false,
      target: 'es2022',
      lib: { entry: path, formats: ['es'], fileName: 'script' },
      rolldownOptions: { treeshake: { moduleSideEffects: false } },
    },
  })
  if (output.length !== 1) throw new Error(`${path} gives ${output.length} files, where one is due.`)
  const [{ code, imports }] = output
  if (imports.length > 0) throw new Error(`${path} still imports ${imports}.`)
  return code
}

/** At once: others may be reading. */
function write(file, text) {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  const beside = new URL(`${file}.${process.pid}`)
  writeFileSync(beside, text)
  renameSync(beside, file)
}
