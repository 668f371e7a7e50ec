/** Engines and storage in real browsers, on pages of their own: they need no server, and nothing in them is timed. */
import { defineConfig } from 'playwright/test'
import { base, withGpu } from './base.ts'

export default defineConfig({
  ...base('kindred-engines'),
  workers: 2,
  projects: [
    { name: 'browsers', testMatch: 'browsers.spec.ts' },
    { name: 'webgpu', testMatch: ['webgpu.spec.ts', 'engines.spec.ts'], use: withGpu() },
  ],
})
