/** The built app against the real server, on several device profiles. */
import { defineConfig } from 'playwright/test'
import { base, profile, withGpu } from './base.ts'

export default defineConfig({
  ...base('kindred-e2e'),
  globalSetup: './server.ts',
  // Two cores: browsers that train side by side would only slow each other down.
  workers: 1,
  projects: [
    { name: 'pixel', testMatch: 'cycle.spec.ts', use: profile('Pixel 7') },
    { name: 'iphone', testMatch: 'cycle.spec.ts', use: profile('iPhone 15') },
    {
      name: 'desktop',
      testMatch: ['cycle.spec.ts', 'app.spec.ts', 'tabs.spec.ts'],
      use: { viewport: { width: 1280, height: 800 } },
    },
    { name: 'gpu', testMatch: 'gpu.spec.ts', use: withGpu() },
    { name: 'kills', testMatch: 'kills.spec.ts' },
  ],
})
