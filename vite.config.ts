/** Page, workers, service worker and unit tests, configured once. */
import { defineConfig } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'
// For the type of `test` alone: the app is also built where there are no tests.
import type {} from 'vitest/config'
import { compressed } from './web/build/compressed.ts'
import { consoleApart } from './web/build/console.ts'
import { workerEarly } from './web/build/early.ts'
import { createLicences } from './web/build/licences.ts'
import { manifest } from './web/build/manifest.ts'

/** The chunks of TensorFlow.js lie apart: who does not choose it never gets them. */
const chunkName = ({ moduleIds }: { moduleIds: readonly string[] }) =>
  `assets/${moduleIds.some((id) => /@tensorflow|\/engine\/tfjs\//.test(id)) ? 'tfjs/' : ''}[name]-[hash].js`

const licences = createLicences('licences.txt')

export default defineConfig({
  root: 'web',
  publicDir: 'public',
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    // What is to be inside a script says so (worker/trainer/tfjs-wasm.ts).
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
  },
  worker: {
    format: 'es',
    plugins: () => [licences.within()],
    rolldownOptions: {
      output: {
        // `device` and `trainer`, by their folders: each begins in a file named index.
        entryFileNames: ({ facadeModuleId }) =>
          `assets/${facadeModuleId?.split('/').at(-2) ?? 'worker'}-[hash].js`,
        chunkFileNames: chunkName,
      },
    },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { proxy: { '/api': 'http://localhost:8787', '/artifacts': 'http://localhost:8787' } },
  plugins: [
    VitePWA({
      strategies: 'injectManifest',
      srcDir: '.',
      filename: 'sw.ts',
      // A new version waits until the user agrees: a reload must never cut a round.
      registerType: 'prompt',
      injectRegister: false,
      injectManifest: {
        globPatterns: ['**/*.{js,css,html,svg,png,txt,webmanifest}'],
        globIgnores: ['assets/tfjs/**', 'console.html', 'assets/console/**', 'screenshots/**', 'shortcut-*'],
        buildPlugins: { vite: [licences.within()] },
      },
      manifest,
    }),
    workerEarly(),
    consoleApart(licences.within),
    licences.within(),
    licences.written,
    compressed(),
  ],
  test: {
    root: '.',
    include: ['{shared,worker,server,web,e2e}/**/*.test.{ts,tsx}'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores: more processes than that only wait for each other.
    maxWorkers: 2,
  },
})
