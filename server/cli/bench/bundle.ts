/** What the fused engine costs a page that embeds it. */
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Findings } from './node.ts'

const ENGINE = resolve(import.meta.dirname, '../../../shared/engine/fused/engine.ts')

/**
 * The gzip bytes of all that `createFusedEngine` needs in a browser, kernel included, minified. zod is left out: a page
 * with Kindred has it already, for the schemas at its boundaries.
 */
export async function bundleSize(): Promise<Findings> {
  const { build } = await import('vite')
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      minify: true,
      lib: { entry: ENGINE, formats: ['es'], fileName: 'engine' },
      rolldownOptions: { external: ['zod'] },
    },
  })
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
    'output' in one ? one.output : [],
  )
  const sizes = outputs.flatMap((file) =>
    file.type === 'chunk'
      ? [{ file: file.fileName, bytes: file.code.length, gzip: gzipSync(file.code).length }]
      : [],
  )
  const gzip = sizes.reduce((sum, { gzip }) => sum + gzip, 0)
  return {
    'engine.bundle_kb': {
      value: Math.round(gzip / 10) / 100,
      detail: { counted: 'all chunks of createFusedEngine, kernel included; zod is external', chunks: sizes },
    },
  }
}
