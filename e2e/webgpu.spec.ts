import { expect, test } from 'playwright/test'
import { shared } from './host.ts'

/** Largest difference between a loss or score on WebGPU and on the cpu engine; both compute in float32. */
const TOLERANCE = 1e-4

interface Round {
  engine: string
  scores: number[]
  losses: number[]
  before: number
  after: number
  stepsKept: number
}

interface Cut {
  filtered: object
  trained: Pick<Round, 'losses' | 'before' | 'after'> & { choice: object; steps: number; model: boolean }
}

let pages: { url: string }
test.beforeAll(async () => {
  pages = await shared('pages')
})

test('the same round on WebGPU and on the cpu engine has the same losses and scores', async ({ page }) => {
  await page.goto(pages.url)
  expect(await page.evaluate(async () => (await navigator.gpu?.requestAdapter()) != null), 'an adapter').toBe(
    true,
  )

  const run = (engine: string): Promise<Round> =>
    page.evaluate(
      (engine) => (window as unknown as { runRound(engine: string): Promise<Round> }).runRound(engine),
      engine,
    )
  const gpu = await run('tfjs-webgpu')
  const cpu = await run('tfjs-cpu')
  expect([gpu.engine, cpu.engine]).toEqual(['tfjs-webgpu', 'tfjs-cpu'])
  for (const curve of ['scores', 'losses'] as const) {
    expect(gpu[curve].length).toBe(cpu[curve].length)
    const apart = Math.max(...gpu[curve].map((value, i) => Math.abs(value - cpu[curve][i]!)))
    console.log(`  ${curve}: ${gpu[curve].length} values, at most ${apart.toExponential(1)} apart`)
    expect(apart, curve).toBeLessThan(TOLERANCE)
  }
  expect(gpu.stepsKept).toBe(cpu.stepsKept)
  expect(gpu.after).toBeGreaterThan(gpu.before)
})

for (const engine of ['fused-webgpu', 'tfjs-webgpu'])
  test(`a round that loses the GPU of ${engine} goes on in WebAssembly from its last checkpoint`, async ({
    page,
  }) => {
    await page.goto(pages.url)
    const { filtered, trained } = await page.evaluate(
      (engine) => (window as unknown as { loseGpu(engine: string): Promise<Cut> }).loseGpu(engine),
      engine,
    )
    expect(filtered).toEqual({ engine, timed: false, lost: [] })
    expect(trained.choice).toEqual({
      engine: 'fused-wasm',
      timed: true,
      lost: [{ name: engine, reason: expect.stringMatching(/GPU is gone/) }],
    })
    expect(trained.losses).toHaveLength(trained.steps)
    expect(trained.losses.every(Number.isFinite)).toBe(true)
    expect(trained.after).toBeGreaterThan(trained.before)
    expect(trained.model).toBe(true)
  })
