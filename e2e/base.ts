/** What both runs of browser tests have in common. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { devices, type PlaywrightTestConfig } from 'playwright/test'
import { CHROMIUM_ARGS } from './browsers/chromium.ts'
import { find } from './browsers/find.js'

/** A profile without its browser: iPhone profiles too run on Chromium here (other engines: see ARCHITECTURE.md). */
export function profile(name: string) {
  const { defaultBrowserType: _, ...device } = devices[name]!
  return device
}

/** How Chromium is launched; with more flags where a project needs them. */
export function launch(...more: string[]) {
  const executablePath = find('chromium')?.executablePath
  return { args: [...CHROMIUM_ARGS, ...more], ...(executablePath ? { executablePath } : {}) }
}

/** A phone with a GPU, be it one in software: Chromium hides such a one unless told. */
export const withGpu = () => ({ ...profile('Pixel 7'), launchOptions: launch('--enable-unsafe-webgpu') })

export const base = (outputs: string): PlaywrightTestConfig => ({
  testDir: '.',
  outputDir: join(tmpdir(), outputs),
  retries: 0,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: 'list',
  use: { launchOptions: launch(), serviceWorkers: 'allow', trace: 'off' },
})
