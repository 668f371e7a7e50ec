/**
 * `kindred bench`: what training in the browser costs, each figure next to its rivals', measured in the same run. What the
 * server's side costs takes far longer, and is a command of its own: `kindred bench cloud`. So is the app: `kindred bench app`.
 */
import { type Command, Option } from 'commander'
import { AppError } from '../../shared/failure.ts'
import { appBenchCommand } from './bench/app.ts'
import { type Browser, openChromium } from './bench/chromium.ts'
import { cloudBenchCommand } from './bench/cloud.ts'
import { thisMachine } from './bench/machine.ts'
import { type Bench, type Findings, inNode, type PageBench } from './bench/node.ts'
import { withReport } from './common.ts'
import type { Metric, Report } from './report.ts'

const BENCHES = ['engine', 'round', 'rank', 'train'] as const
type BenchName = (typeof BENCHES)[number]
const PLACES = ['node', 'chromium'] as const
type Place = (typeof PLACES)[number]

interface BenchOptions {
  json: boolean
  quick: boolean
  where: Place[]
  browser?: string
}

/** Unit, target and rival of each figure. */
const FIGURES: Record<string, Pick<Metric, 'unit' | 'target' | 'rival'>> = {
  'engine.step.vs_tfjs_wasm': {
    unit: 'x',
    target: '>=30',
    rival: 'tfjs wasm, patched, an expert’s autodiff',
  },
  'engine.step.paper_shape.vs_tfjs_wasm': {
    unit: 'x',
    target: '>=20',
    rival: 'tfjs wasm, patched, an expert’s autodiff',
  },
  'engine.step.vs_layers_fit': { unit: 'x', target: '>=50', rival: 'tfjs LayersModel.fit, its best backend' },
  'engine.peak_fraction': { unit: 'of peak', target: '>=0.4', rival: 'a v128 multiply-add loop' },
  'engine.bundle_kb': { unit: 'KB gzip', target: '<=30' },
  'round.ms': { unit: 'ms' },
  'round.vs_tfjs_wasm': { unit: 'x', target: '>=25', rival: 'the same round on our tfjs-wasm engine' },
  'round.memory_mb': { unit: 'MB', target: '<=16', rival: '120 MB (the paper)' },
  'rank100.p99_ms': { unit: 'ms', target: '<=5' },
  'rank100.vs_tfjs_wasm': { unit: 'x', target: '>=10', rival: 'our tfjs-wasm engine' },
  'train.samples_per_s': { unit: 'samples/s' },
  'train.vs_one_thread': { unit: 'x', target: '>=1.6', rival: 'ourselves on one thread' },
  'train.vs_pytorch': { unit: 'x', target: '>=3', rival: 'PyTorch on the CPU' },
}

export function benchCommand(program: Command): void {
  const bench = program
    .command('bench')
    .description(
      'how fast training is here, next to what else could do it; `bench cloud`: the server’s side, `bench app`: the app',
    )
    .argument('[what...]', `${BENCHES.join(', ')}; all of them if none is named`, collect)
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)
    .addOption(
      new Option(
        '--where <places>',
        'node, chromium or both; a figure is Chromium’s if it was measured there',
      )
        .default([...PLACES], PLACES.join(','))
        .argParser(placesIn),
    )
    .option('--quick', 'a short run, to see that it works: its figures are rough', false)
    .option('--browser <path>', 'a Chromium other than the one that the browser tests find')
    .action((what: BenchName[], options: BenchOptions) =>
      withReport(options, (report) => benchAll(what.length > 0 ? what : [...BENCHES], options, report)),
    )
  cloudBenchCommand(bench)
  appBenchCommand(bench)
}

function collect(name: string, before: BenchName[] = []): BenchName[] {
  const known = BENCHES.find((bench) => bench === name)
  if (!known)
    throw new AppError(
      'bad-input',
      `There is no benchmark ${name}: it is one of ${BENCHES.join(', ')}; or cloud or app, by itself.`,
    )
  return [...before, known]
}

function placesIn(text: string): Place[] {
  return text.split(',').map((name) => {
    const place = PLACES.find((place) => place === name.trim())
    if (!place) throw new AppError('bad-input', `${name} is no place to measure in: node or chromium.`)
    return place
  })
}

async function benchAll(
  what: readonly BenchName[],
  { quick, where, browser: path }: BenchOptions,
  report: Report,
): Promise<void> {
  const browser =
    where.includes('chromium') && what.some((name) => name !== 'train') ? await open(path, report) : undefined
  const machine = { ...thisMachine(), ...(browser && { browser: browser.version }), ...(quick && { quick }) }
  const bench = (place: string): Bench => ({
    quick,
    progress: (stage, done, total) => report.progress({ stage: `${stage} (${place})`, done, total }),
  })
  try {
    for (const name of what) {
      const found = await measure(name, where, browser, bench)
      for (const [metric, { value, detail }] of Object.entries(found))
        report.metric({ metric, value, ...FIGURES[metric]!, detail: { machine, ...detail } })
    }
  } finally {
    await browser?.close()
  }
}

async function open(path: string | undefined, report: Report): Promise<Browser | undefined> {
  report.progress({ stage: 'Starting Chromium', done: 0, total: 1 })
  const browser = await openChromium(path)
  report.progress({ stage: 'Starting Chromium', done: 1, total: 1 })
  if (!browser) report.say('No Chromium is here: npm run test:browser would install one.')
  return browser
}

async function measure(
  name: BenchName,
  where: readonly Place[],
  browser: Browser | undefined,
  bench: (place: string) => Bench,
): Promise<Findings> {
  if (name === 'train') return (await import('./bench/train.ts')).benchTrain(bench('Node'))
  const places: [Place, Findings][] = []
  if (browser) places.push(['chromium', await browser.run(name, bench('Chromium'))])
  if (where.includes('node')) places.push(['node', await inNode(name, bench('Node'))])
  return { ...joined(places), ...(await apart(name, browser)) }
}

/** One finding a figure: the first place's, with what the other found in its detail. */
function joined(places: readonly [Place, Findings][]): Findings {
  const [first, second] = places
  if (!first)
    throw new AppError(
      'not-ready',
      'There is nowhere to measure: no Chromium is here, and --where leaves Node out.',
    )
  return Object.fromEntries(
    Object.entries(first[1]).map(([metric, { value, detail }]) => {
      const other = second && { [second[0]]: second[1][metric] }
      return [metric, { value, detail: { where: first[0], ...detail, ...other } }]
    }),
  )
}

/** What has no two places. */
async function apart(name: PageBench, browser: Browser | undefined): Promise<Findings> {
  if (name === 'engine') return (await import('./bench/bundle.ts')).bundleSize()
  return name === 'round' ? roundMemory(browser) : {}
}

async function roundMemory(browser: Browser | undefined): Promise<Findings> {
  if (!browser)
    return { 'round.memory_mb': { value: null, detail: { why: 'It is measured in Chromium only.' } } }
  const { before, held, round } = await browser.memory()
  const megabytes = (bytes: number) => Number((bytes / 1e6).toFixed(2))
  const extra = Object.entries(held).map(([at, { heap, linear }]) => ({
    at,
    mb: megabytes(heap - before + linear),
    ofWhichLinear: megabytes(linear),
  }))
  return {
    'round.memory_mb': {
      value: Math.max(...extra.map(({ mb }) => mb)),
      detail: {
        where: 'chromium',
        counted:
          'at the points where a round holds the most: measureUserAgentSpecificMemory (heap and buffers of page and ' +
          'worker, code and samples included, garbage not) less what it was before the worker was started, and every ' +
          'WebAssembly memory made in the round, let go or not',
        held: extra,
        round,
      },
    },
  }
}
