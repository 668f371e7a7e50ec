/** The engines that only a browser has, or has otherwise than Node, held against the contract that holds in Node. */
import { expect, type Page, test } from 'playwright/test'
import type { Harness } from './harness/engines.ts'
import { shared } from './host.ts'

let pages: { url: string }
test.beforeAll(async () => {
  pages = await shared('pages')
})

/** Calls the page's function of that name. */
async function ask<Name extends keyof Harness>(
  page: Page,
  name: Name,
  ...args: Parameters<Harness[Name]>
): Promise<Awaited<ReturnType<Harness[Name]>>> {
  await page.goto(`${pages.url}engines.html`)
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

/** Without checks of many steps: one of tfjs takes 70 ms here, and webgpu.spec.ts has it train for a whole round. */
const SHORT =
  '^(?!.*(learns a|several tables|the weights back|step of|steps leave|same steps|follow each step|one piece))'

for (const { name, matching, checks, ...options } of [
  { name: 'fused-webgpu', examples: 12, steps: 500, checks: 100 },
  { name: 'fused-webgpu, row by row', examples: 6, matching: SHORT, checks: 60 },
  { name: 'tfjs-webgpu', examples: 1, reproducible: false, matching: SHORT, checks: 50 },
  { name: 'fused-wasm', examples: 24, checks: 100 },
] as const)
  test(`${name}: the engine contract in Chromium`, async ({ page }) => {
    const outcomes = await ask(page, 'runContract', name, options, matching)
    expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([])
    const passed = outcomes.filter(({ state }) => state === 'pass').length
    console.log(`  ${name}: ${passed} checks passed, ${outcomes.length - passed} left out`)
    expect(passed).toBeGreaterThanOrEqual(checks)
  })

for (const [name, matching] of [
  ['fused-webgpu', undefined],
  ['fused-webgpu, row by row', 'lazy'],
] as const)
  test(`${name}: embedding rows, lazy and not`, async ({ page }) => {
    const outcomes = await ask(page, 'runEmbeddings', name, matching)
    expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([])
    expect(outcomes.filter(({ state }) => state === 'pass').length).toBeGreaterThanOrEqual(6)
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
  const [short, long] = ['history 50, 8 dimensions', 'history 512, 3 dimensions'] as const
  for (const [name, shape, times] of [
    ['fused-webgpu', short, 9],
    ['fused-webgpu', long, 9],
    ['tfjs-webgpu', short, 1],
  ] as const) {
    const { ms, dispatches, submissions } = await ask(page, 'timeSteps', name, shape, times)
    console.log(
      `  ${shape}: ${name} ${ms.toFixed(1)} ms, ${dispatches} dispatches, ${submissions} submissions`,
    )
    if (name === 'fused-webgpu')
      expect({ dispatches, submissions }).toEqual({ dispatches: 3, submissions: 1 })
    else expect(dispatches).toBeGreaterThan(100)
  }
})
