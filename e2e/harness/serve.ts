/** Builds the pages of this folder and serves them on loopback. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build, type Plugin, preview } from 'vite'

export interface Pages {
  /** Ends in a slash. */
  readonly url: string
  close(): Promise<void>
}

/** In these pages' bundles the parts of Node's tests that stand in for a browser's are the browser's own. */
const browsersOwn: Plugin = {
  name: 'the browser’s own',
  enforce: 'pre',
  async resolveId(source, importer) {
    if (source === 'vitest') return resolve(import.meta.dirname, 'vitest.ts')
    if (source === 'fake-indexeddb') return resolve(import.meta.dirname, 'indexeddb.ts')
    const own = resolve(import.meta.dirname, 'locks.ts')
    if (!/\/locks\.ts$/.test(source) || importer === own) return null
    const found = await this.resolve(source, importer, { skipSelf: true })
    return found?.id === resolve(import.meta.dirname, '../../worker/locks.ts') ? own : found
  },
}

export async function servePages(...pages: readonly string[]): Promise<Pages> {
  const folder = await mkdtemp(join(tmpdir(), 'kindred-pages-'))
  const root = import.meta.dirname
  const common = { configFile: false as const, root, logLevel: 'error' as const }
  const output = { outDir: folder, emptyOutDir: true }
  await build({
    ...common,
    plugins: [browsersOwn],
    worker: { format: 'es' },
    build: {
      ...output,
      target: 'es2022',
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 2000,
      rolldownOptions: { input: pages.map((page) => resolve(root, page)) },
    },
  })
  const server = await preview({ ...common, build: output, preview: { port: 0, host: '127.0.0.1' } })
  return {
    url: server.resolvedUrls!.local[0]!,
    async close() {
      await server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
