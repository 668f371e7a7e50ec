import { defineConfig } from 'vite'

export default defineConfig({
  base: './',
  // Kindred's workers load only what they need: as modules.
  worker: { format: 'es' },
  // While developing: its workers are found beside it.
  optimizeDeps: { exclude: ['kindred'] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'react' } },
})
