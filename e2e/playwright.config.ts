/** The browser tests: the built app against the real server, on several device profiles. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig, devices } from 'playwright/test'
import { CHROMIUM_ARGS as args } from './browsers/chromium.ts'
import { find } from './browsers/find.js'

/** A profile without its browser: iPhone profiles too run on Chromium here (other engines: see ARCHITECTURE.md). */
function profile(name: string) {
  const { defaultBrowserType: _, ...device } = devices[name]!
  return device
}

const executablePath = find('chromium')?.executablePath
const launchOptions = { args, ...(executablePath ? { executablePath } : {}) }

export default defineConfig({
  testDir: '.',
  outputDir: join(tmpdir(), 'kindred-e2e'),
  globalSetup: './server.ts',
  // Two cores: browsers that train side by side would only slow each other down.
  workers: 1,
  retries: 0,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: 'list',
  use: { launchOptions, serviceWorkers: 'allow', trace: 'off' },
  projects: [
    { name: 'pixel', testMatch: 'cycle.spec.ts', use: profile('Pixel 7') },
    { name: 'iphone', testMatch: 'cycle.spec.ts', use: profile('iPhone 15') },
    {
      name: 'desktop',
      testMatch: ['cycle.spec.ts', 'app.spec.ts', 'tabs.spec.ts'],
      use: { viewport: { width: 1280, height: 800 } },
    },
    { name: 'kills', testMatch: 'kills.spec.ts' },
    { name: 'engines', testMatch: 'browsers.spec.ts' },
    {
      name: 'webgpu',
      testMatch: ['webgpu.spec.ts', 'engines.spec.ts'],
      use: {
        ...profile('Pixel 7'),
        launchOptions: { ...launchOptions, args: [...args, '--enable-unsafe-webgpu'] },
      },
    },
  ],
})
