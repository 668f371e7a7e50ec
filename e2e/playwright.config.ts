/** All that needs a browser: the built app against the real server on many devices, engines and storage in three browsers. */
import {
  defineConfig,
  type PlaywrightTestOptions,
  type PlaywrightWorkerOptions,
  type Project,
} from 'playwright/test'
import { launch, withGpu } from './launch.ts'
import { type ProfileName, profile, profileNames } from './profiles.ts'
import type { Everywhere } from './test.ts'

/** On real data, alone on the machine, because there they are timed. */
const TIMED: readonly ProfileName[] = ['pixel', 'iphone', 'desktop']
const others = profileNames.filter((name) => !TIMED.includes(name))

const together: Project<PlaywrightTestOptions, PlaywrightWorkerOptions & Everywhere>[] = [
  // A GPU in software takes all cores: not two at a time.
  { name: 'webgpu', testMatch: ['engines.spec.ts', 'webgpu.spec.ts'], workers: 1, use: withGpu() },
  { name: 'films', testMatch: 'films.setup.ts' },
  { name: 'browsers', testMatch: 'browsers.spec.ts', fullyParallel: true },
  { name: 'elsewhere', testMatch: 'elsewhere.spec.ts', fullyParallel: true },
  { name: 'kills', testMatch: 'kills.spec.ts' },
  ...others.map((name) => ({ name, testMatch: 'cycle.spec.ts', use: profile(name) })),
  {
    name: 'app',
    testMatch: [
      'app.spec.ts',
      'update.spec.ts',
      'sync.spec.ts',
      'examples.spec.ts',
      'static.spec.ts',
      'attacks.spec.ts',
      'story.spec.ts',
    ],
    use: profile('desktop'),
  },
  { name: 'console', testMatch: 'console.spec.ts' },
  { name: 'lan', testMatch: 'lan.spec.ts', use: profile('pixel') },
  {
    name: 'looks',
    testMatch: 'looks.spec.ts',
    fullyParallel: true,
    use: { serviceWorkers: 'block', bypassCSP: true },
  },
  { name: 'gpu', testMatch: 'gpu.spec.ts', use: withGpu() },
]

/** Beside nothing else, one after the other. */
const alone: Project<PlaywrightTestOptions, PlaywrightWorkerOptions & Everywhere>[] = [
  ...TIMED.map((name) => ({ name, testMatch: 'cycle.spec.ts', use: { ...profile(name), site: 'films' } })),
  { name: 'tabs', testMatch: 'tabs.spec.ts', use: profile('desktop') },
]

export default defineConfig<PlaywrightTestOptions, PlaywrightWorkerOptions & Everywhere>({
  testDir: '.',
  globalSetup: './host.ts',
  outputDir: '../test-results',
  retries: 0,
  timeout: 180_000,
  expect: {
    timeout: 20_000,
    // Edges of letters and curves may differ by a shade from machine to machine.
    toHaveScreenshot: { maxDiffPixelRatio: 0.01, animations: 'disabled', scale: 'css' },
  },
  snapshotPathTemplate: '{testDir}/looks/{arg}{ext}',
  forbidOnly: Boolean(process.env.CI),
  reporter: [
    ['list'],
    ['json', { outputFile: '../test-results/report.json' }],
    ['html', { outputFolder: '../playwright-report', open: 'never' }],
  ],
  // Two cores; those that wait for the disk or for a person leave them to the others.
  workers: 3,
  use: { launchOptions: launch(), serviceWorkers: 'allow', trace: 'off' },
  projects: [
    ...together,
    ...alone.map((project, i) => ({
      ...project,
      use: { ...project.use, quiet: true },
      workers: 1,
      dependencies: i === 0 ? together.map(({ name }) => name!) : [alone[i - 1]!.name!],
    })),
  ],
})
