import { defineConfig } from 'vite'

export default defineConfig({
  base: './',
  // Kindred's workers load only what they need: as modules.
  worker: { format: 'es' },
  oxc: { jsx: { runtime: 'automatic', importSource: 'react' } },
})
