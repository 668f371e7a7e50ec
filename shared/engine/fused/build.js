/**
 * npm run build:kernel: compiles kernel/*.ts and writes it as a module, so that a bundle, a worker and Node all load it
 * by the same import, with no file to fetch. `npm ci`, start, dev, build and test run it too: a kernel of other sources
 * than the host's would read memory where there is something else. One that is up to date is left alone.
 */
// biome-ignore-all lint/style/noRestrictedImports: runs at build time only; nothing imports it
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const at = (path) => new URL(path, import.meta.url)

/** SHA-256 over the sources in the order of their names: what fused.test.ts finds a stale kernel by. */
function hashOfSources() {
  const hash = createHash('sha256')
  const names = readdirSync(at('kernel')).filter((name) => name.endsWith('.ts'))
  for (const name of names.sort()) hash.update(readFileSync(at(`kernel/${name}`)))
  return hash.digest('hex')
}

const hash = hashOfSources()
const made = at('kernel.generated.ts')
if (existsSync(made) && readFileSync(made, 'utf8').includes(`SOURCES = '${hash}'`)) process.exit(0)

const asc = await import('assemblyscript/asc').catch(() => {
  console.error('The kernel needs assemblyscript, which is not installed: run npm ci.')
  process.exit(1)
})
let binary
const { error, stderr } = await asc.main(
  [
    'index.ts',
    ...['-O3', '--noAssert', '--enable', 'simd', '--runtime', 'stub', '--importMemory'],
    ...['--disableWarning', '112'], // v128 between functions of the kernel, none of which is exported
    ...['--outFile', 'kernel.wasm'],
  ],
  {
    readFile: (name) => {
      try {
        return readFileSync(at(`kernel/${name}`), 'utf8')
      } catch {
        return null
      }
    },
    writeFile: (_, data) => {
      binary = Buffer.from(data)
    },
    listFiles: () => [],
  },
)
if (error) {
  console.error(stderr.toString())
  process.exit(1)
}
writeFileSync(
  made,
  `/** Made by npm run build:kernel. */
export const SOURCES = '${hash}'
export const KERNEL =
  '${binary.toString('base64')}'
`,
)
console.error(`The kernel: ${binary.length} bytes, ${gzipSync(binary).length} compressed.`)
