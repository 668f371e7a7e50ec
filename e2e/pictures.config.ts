/** `npx playwright test -c e2e/pictures.config.ts` takes the README's pictures anew. */
import { defineConfig } from 'playwright/test'
import { launch } from './launch.ts'

export default defineConfig({
  testDir: '.',
  testMatch: 'pictures.spec.ts',
  globalSetup: './host.ts',
  outputDir: '../test-results',
  timeout: 180_000,
  reporter: 'list',
  use: {
    launchOptions: launch(),
    viewport: { width: 390, height: 780 },
    deviceScaleFactor: 1.5,
    isMobile: true,
    hasTouch: true,
    locale: 'en-GB',
    contextOptions: { reducedMotion: 'reduce' },
  },
})
