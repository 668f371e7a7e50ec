/** A Chromium with the page that measures, served on loopback and isolated, so that clocks are fine and memory is told. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import * as z from 'zod'
import { AppError } from '../../../shared/failure.ts'
import { type Findings, findingsSchema } from '../../../worker/bench/measure.ts'
import type { Bench, PageBench } from './node.ts'

const ROOT = resolve(import.meta.dirname, '../../..')

const memorySchema = z.strictObject({
  before: z.number(),
  held: z.record(z.string(), z.strictObject({ heap: z.number(), linear: z.number() })),
  round: z.strictObject({ kept: z.int(), stepsKept: z.int() }),
})
export type Memory = z.infer<typeof memorySchema>

export interface Browser {
  readonly version: string
  run(name: PageBench, bench: Bench): Promise<Findings>
  /** Bytes in use before a trainer is started and at the points of its round where it holds the most. */
  memory(): Promise<Memory>
  close(): Promise<void>
}

/** The Chromium that the browser tests would run in, or undefined. */
export async function findChromium(): Promise<string | undefined> {
  const script = resolve(ROOT, 'e2e/browser.js')
  const { stdout } = await promisify(execFile)(process.execPath, [script, 'chromium', '--dry-run']).catch(
    (cause) => {
      throw new AppError('not-ready', String(cause.stderr || cause.message).trim(), { cause })
    },
  )
  return /.*\(((?:\/|[A-Z]:\\).+), from /.exec(stdout)?.[1]
}

/** Starts `executablePath`, or the Chromium that is here; undefined where there is none. */
export async function openChromium(executablePath?: string): Promise<Browser | undefined> {
  const path = executablePath ?? (await findChromium())
  if (path === undefined) return undefined
  const { chromium } = await import('playwright').catch((cause) => {
    throw new AppError('not-ready', 'Measuring in Chromium needs playwright: run npm ci.', { cause })
  })
  const page = await servePage()
  try {
    const browser = await chromium.launch({
      executablePath: path,
      // Memory is told at once, not at some later garbage collection.
      args: ['--no-sandbox', '--no-first-run', '--enable-blink-features=ForceEagerMeasureMemory'],
    })
    /** A fresh page for each, so that none finds another's garbage. */
    const onPage = async <T>(work: (tab: Awaited<ReturnType<typeof browser.newPage>>) => Promise<T>) => {
      const tab = await browser.newPage()
      try {
        return await work(tab)
      } finally {
        await tab.close()
      }
    }
    return {
      version: `Chromium ${browser.version()}`,
      run: (name, { quick, progress }) =>
        onPage(async (tab) => {
          await tab.exposeFunction('onBenchProgress', progress)
          await tab.goto(page.url)
          const findings = await tab.evaluate(
            ([name, quick]) => (globalThis as unknown as Page).runBench(name, quick),
            [name, quick] as const,
          )
          return findingsSchema.parse(findings)
        }),
      memory: () =>
        onPage(async (tab) => {
          await tab.goto(page.url)
          return memorySchema.parse(await tab.evaluate(() => (globalThis as unknown as Page).measureMemory()))
        }),
      async close() {
        await browser.close()
        await page.close()
      },
    }
  } catch (error) {
    await page.close()
    throw error
  }
}

/** What worker/bench/page.ts puts there. */
interface Page {
  runBench(name: string, quick: boolean): Promise<unknown>
  measureMemory(): Promise<unknown>
}

/** worker/bench/index.html, bundled as the app's own workers are. */
async function servePage(): Promise<{ url: string; close(): Promise<void> }> {
  const { build, preview } = await import('vite')
  const folder = await mkdtemp(join(tmpdir(), 'kindred-bench-page-'))
  const common = {
    configFile: false as const,
    root: resolve(ROOT, 'worker/bench'),
    logLevel: 'error' as const,
    build: {
      outDir: folder,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 4000,
      target: 'es2022',
    },
    worker: { format: 'es' as const },
  }
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await build(common)
    const headers = {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    }
    const server = await preview({ ...common, preview: { port: 0, host: '127.0.0.1', headers } })
    const close = async () => {
      await server.close()
      await remove()
    }
    return { url: server.resolvedUrls!.local[0]!, close }
  } catch (error) {
    await remove()
    throw error
  }
}
