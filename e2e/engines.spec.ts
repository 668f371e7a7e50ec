/** The engines that only a browser has, or has otherwise than Node, held against the contract that holds in Node. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, type Page, test } from 'playwright/test'
import { build, type PreviewServer, preview } from 'vite'
import type { Harness } from './harness/engines.ts'

let folder: string
let server: PreviewServer

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kindred-engines-'))
  const root = resolve(import.meta.dirname, 'harness')
  const common = { configFile: false as const, root, logLevel: 'error' as const }
  const output = { outDir: folder, emptyOutDir: true }
  await build({
    ...common,
    resolve: { alias: { vitest: resolve(root, 'vitest.ts') } },
    build: {
      ...output,
      target: 'es2022',
      chunkSizeWarningLimit: 2000,
      rolldownOptions: { input: resolve(root, 'engines.html') },
    },
  })
  server = await preview({ ...common, build: output, preview: { port: 0, host: '127.0.0.1' } })
})

test.afterAll(async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true })
})

/** Calls the page's function of that name. */
async function ask<Name extends keyof Harness>(
  page: Page,
  name: Name,
  ...args: Parameters<Harness[Name]>
): Promise<Awaited<ReturnType<Harness[Name]>>> {
  await page.goto(`${server.resolvedUrls!.local[0]!}engines.html`)
  expect(await page.evaluate(async () => (await navigator.gpu?.requestAdapter()) != null), 'an adapter').toBe(
    true,
  )
  return page.evaluate(
    ([name, args]) => {
      const functions = window as unknown as Record<string, (...args: unknown[]) => Promise<never>>
      return functions[name]!(...args)
    },
    [name, args] as const,
  )
}

/** Checks of hundreds of steps: a step of tfjs takes 70 ms here, and webgpu.spec.ts has it train for a whole round. */
const SHORT = '^(?!.*(300 steps|learns a|several tables|the weights back|step of|same steps))'

for (const { name, matching, checks, ...options } of [
  { name: 'fused-webgpu', examples: 24, checks: 100 },
  { name: 'fused-webgpu, row by row', examples: 6, matching: SHORT, checks: 35 },
  { name: 'tfjs-webgpu', examples: 3, reproducible: false, matching: SHORT, checks: 30 },
  { name: 'fused-wasm', examples: 24, checks: 100 },
] as const)
  test(`${name}: the engine contract in Chromium`, async ({ page }) => {
    const outcomes = await ask(page, 'runContract', name, options, matching)
    expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([])
    const passed = outcomes.filter(({ state }) => state === 'pass').length
    console.log(`  ${name}: ${passed} checks passed, ${outcomes.length - passed} left out`)
    expect(passed).toBeGreaterThanOrEqual(checks)
  })

test('fused WGSL: 2,000 steps make no buffer and leave none', async ({ page }) => {
  const { before, after, made, left } = await ask(page, 'trainLong')
  expect({ after, made, left }).toEqual({ after: before, made: 0, left: 0 })
})

test('fused WGSL: a GPU that is taken away fails what runs and all that comes after', async ({ page }) => {
  const { lost, failures, held } = await ask(page, 'loseGpu')
  expect(lost).toMatchObject({ code: 'engine', message: expect.stringMatching(/gone/) })
  expect(failures.map((failure) => failure?.code)).toEqual(Array(5).fill('engine'))
  expect(held).toBe(0)
})

test('fused WGSL: a model larger than the GPU’s buffers is refused and leaves nothing', async ({ page }) => {
  const { failure, held } = await ask(page, 'loadTooMuch')
  expect(failure).toMatchObject({ code: 'engine' })
  expect(held).toBe(0)
})

test('fused WGSL: a step is one submission of three dispatches, where tfjs needs hundreds', async ({
  page,
}) => {
  for (const shape of ['history 50, 8 dimensions', 'history 512, 3 dimensions']) {
    const fused = await ask(page, 'timeSteps', 'fused-webgpu', shape, 9)
    const tfjs = await ask(page, 'timeSteps', 'tfjs-webgpu', shape, 2)
    for (const [name, { ms, dispatches, submissions }] of Object.entries({ fused, tfjs }))
      console.log(
        `  ${shape}: ${name} ${ms.toFixed(1)} ms, ${dispatches} dispatches, ${submissions} submissions`,
      )
    expect(fused).toMatchObject({ dispatches: 3, submissions: 1 })
    expect(tfjs.dispatches).toBeGreaterThan(100)
  }
})
