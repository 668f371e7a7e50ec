/**
 * The package's part for other sites: `dist/client`, with the two workers as files beside `index.js`. Other bundlers are to
 * find them, and theirs to build them again, so their addresses are written as all bundlers read them.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vite'
import { createLicences } from './web/build/licences.ts'

const FILES = { embedded: 'device.js', trainer: 'trainer.js' } as const

/** An address beside the file, however it is quoted, and whether Vite hides it from those that build after it or not. */
const BESIDE =
  /new URL\(\s*(?:\/\*[^*]*\*\/\s*)?(["'`])(?:\.\/)?([\w.-]+)\1\s*,\s*(?:(["'`])\3\s*\+\s*)?import\.meta\.url\s*\)/g

/** What says that a worker is a module: Vite reads it only in plain quotes. */
const OF_MODULES = /(import\.meta\.url\)),\s*\{\s*type:\s*(["'`])module\2/g

/** Writes each as `new Worker(new URL('./device.js', import.meta.url), { type: 'module' …`. */
function openly(): Plugin {
  return {
    name: 'kindred:openly',
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue
        const addresses = file.code.split('import.meta.url').length - 1
        let known = 0
        file.code = file.code.replace(BESIDE, (_, __, name: string) => {
          known++
          return `new URL('./${name}', import.meta.url)`
        })
        file.code = file.code.replace(OF_MODULES, "$1, { type: 'module'")
        if (known !== addresses) this.error(`${file.fileName} has an address that other bundlers do not see.`)
      }
    },
  }
}

/** Their types: what `api.ts` declares, as it stands. */
function declared(): Plugin {
  return {
    name: 'kindred:declared',
    async generateBundle() {
      const source = await readFile(join(import.meta.dirname, 'web/client/api.ts'), 'utf8')
      if (/^\s*import |from '/m.test(source))
        this.error('web/client/api.ts is published as it stands: it imports nothing.')
      this.emitFile({ type: 'asset', fileName: 'index.d.ts', source })
    },
  }
}

const licences = createLicences('licences.txt')

export default defineConfig({
  base: './',
  publicDir: false,
  // What is asked for at run time lies beside what asks.
  experimental: {
    renderBuiltUrl: (name, { type }) =>
      type === 'asset' && name.endsWith('.js') ? `./${name}` : { relative: true },
  },
  build: {
    outDir: 'dist/client',
    target: 'es2022',
    assetsInlineLimit: 0,
    assetsDir: '.',
    modulePreload: false,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      input: 'web/client/index.ts',
      preserveEntrySignatures: 'strict',
      checks: { pluginTimings: false },
      output: { entryFileNames: 'index.js', assetFileNames: '[name][extname]' },
    },
  },
  worker: {
    format: 'es',
    plugins: () => [openly(), licences.within()],
    rolldownOptions: {
      checks: { pluginTimings: false },
      output: {
        entryFileNames: ({ facadeModuleId }) =>
          facadeModuleId?.includes('/trainer/') ? FILES.trainer : FILES.embedded,
        chunkFileNames: '[name]-[hash].js',
        assetFileNames: '[name][extname]',
      },
    },
  },
  plugins: [openly(), declared(), licences.within(), licences.written],
})
