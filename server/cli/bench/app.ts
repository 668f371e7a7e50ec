/** `kindred bench app`: what the built app is like on a phone, from the real server on demo data. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { AppError } from '../../../shared/failure.ts'
import type { Findings } from '../../../worker/bench/measure.ts'
import { withReport } from '../common.ts'
import type { Metric, Report } from '../report.ts'
import { serveApp } from './app/served.ts'
import { findChromium } from './chromium.ts'
import { load, thisMachine } from './machine.ts'

const FIGURES: Record<string, Pick<Metric, 'unit' | 'target'>> = {
  'app.lighthouse.performance': { unit: 'of 100', target: '>=95' },
  'app.lighthouse.accessibility': { unit: 'of 100', target: '>=100' },
  'app.lighthouse.best_practices': { unit: 'of 100', target: '>=100' },
  'app.main_js_kb': { unit: 'KB gzip', target: '<=60' },
  'app.cls': { unit: '', target: '<0.02' },
  'app.ranked_s': { unit: 's', target: '<=2.5' },
  'app.ranked_offline_s': { unit: 's', target: '<=1' },
  'app.inp_ms': { unit: 'ms', target: '<=100' },
}
const PARTS = ['lighthouse', 'load', 'interaction'] as const
type PartName = (typeof PARTS)[number]
const OF: Record<PartName, readonly string[]> = {
  lighthouse: Object.keys(FIGURES).filter((name) => name.startsWith('app.lighthouse.')),
  load: ['app.main_js_kb', 'app.cls', 'app.ranked_s', 'app.ranked_offline_s'],
  interaction: ['app.inp_ms'],
}

interface AppBenchOptions {
  json: boolean
  quick: boolean
  only: PartName[]
  data?: string
  browser?: string
}

export function appBenchCommand(bench: Command): void {
  bench
    .command('app')
    .description('the built app on a phone: Lighthouse, load over slow 4G and offline, taps while it trains')
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)
    .option('--quick', 'each once, to see that it works: its figures are rough', false)
    .option('--only <parts>', `some of ${PARTS.join(', ')}`, partsIn, [...PARTS])
    .option(
      '-d, --data <folder>',
      'the prepared demo data, kept for another run; else they go away at the end',
    )
    .option('--browser <path>', 'a Chromium other than the one that the browser tests find')
    .action((own: AppBenchOptions) => {
      // Wherever they stand, options that the parent has too are taken for the parent's.
      const above = bench.opts<Pick<AppBenchOptions, 'json' | 'quick' | 'browser'>>()
      const options = { ...above, ...own, json: own.json || above.json, quick: own.quick || above.quick }
      return withReport(options, (report) => benchApp(options, report))
    })
}

function partsIn(text: string): PartName[] {
  return text.split(',').map((name) => {
    const part = PARTS.find((part) => part === name.trim())
    if (!part) throw new AppError('bad-input', `There is no part ${name}: it is one of ${PARTS.join(', ')}.`)
    return part
  })
}

async function benchApp(
  { quick, only, data, browser: given }: AppBenchOptions,
  report: Report,
): Promise<void> {
  const path = given ?? (await findChromium())
  if (path === undefined || !existsSync(path)) {
    const why = 'No Chromium is here: npm run test:browser would install one.'
    for (const name of only) tell(report, name, nothing(name, why), {})
    return
  }
  const dir = data ?? mkdtempSync(join(tmpdir(), 'kindred-bench-app-'))
  const served = await serveApp(dir, report.say)
  let failed: unknown
  try {
    for (const name of PARTS.filter((name) => only.includes(name))) {
      const before = load()
      const found = await measure(name, path, served.url, quick, report).catch((error: unknown) => {
        failed = error
        return nothing(name, error instanceof Error ? error.message : String(error))
      })
      tell(report, name, found, {
        machine: { ...thisMachine(), ...(quick && { quick }) },
        load: { before, after: load() },
      })
    }
  } finally {
    await served.close()
    if (data === undefined) rmSync(dir, { recursive: true, force: true })
  }
  if (failed !== undefined) throw failed
}

const nothing = (name: PartName, why: string): Findings =>
  Object.fromEntries(OF[name].map((metric) => [metric, { value: null, detail: { why } }]))

function tell(report: Report, name: PartName, found: Findings, around: object): void {
  for (const metric of OF[name]) {
    const { value, detail } = found[metric]!
    report.metric({ metric, value, ...FIGURES[metric]!, detail: { ...around, ...detail } })
  }
}

/** A browser for each part, so that none finds what another has left. */
async function measure(
  name: PartName,
  executablePath: string,
  url: string,
  quick: boolean,
  report: Report,
): Promise<Findings> {
  const { chromium } = await import('playwright').catch((cause) => {
    throw new AppError('not-ready', 'Measuring in Chromium needs playwright: run npm ci.', { cause })
  })
  const port = await freePort()
  const args = ['--no-first-run', '--disable-background-networking', `--remote-debugging-port=${port}`]
  const browser = await chromium.launch({
    executablePath,
    args: process.getuid?.() === 0 ? [...args, '--no-sandbox'] : args,
  })
  const progress = (stage: string, done: number, total: number) => report.progress({ stage, done, total })
  const chromiumVersion = browser.version()
  try {
    const bench = { browser, url: url.replace('127.0.0.1', 'localhost'), port, quick, progress }
    const found = await parts[name](bench)
    return Object.fromEntries(
      Object.entries(found).map(([metric, { value, detail }]) => [
        metric,
        { value, detail: { chromium: chromiumVersion, ...detail } },
      ]),
    )
  } finally {
    await browser.close()
  }
}

type Given = import('./app/part.ts').AppBench & { readonly port: number }
const parts: Record<PartName, (bench: Given) => Promise<Findings>> = {
  lighthouse: async (bench) => (await import('./app/lighthouse.ts')).benchLighthouse(bench),
  load: async (bench) => (await import('./app/load.ts')).benchLoad(bench),
  interaction: async (bench) => (await import('./app/interact.ts')).benchInteraction(bench),
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
