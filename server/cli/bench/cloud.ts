/** `kindred bench cloud`: what the server's side costs, each figure next to its rivals', measured in the same run. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { AppError } from '../../../shared/failure.ts'
import { withReport } from '../common.ts'
import type { Metric, Report } from '../report.ts'
import { type CloudBench, type Findings, notMeasured, type Part } from './cloud/part.ts'
import { load, thisMachine } from './machine.ts'

/** Where the clicks lie beside a checkout, as for the tests. */
const GLOBO = resolve(import.meta.dirname, '../../../../shared/data/globo-news')

interface Measured {
  readonly part: () => Promise<Part>
  readonly figures: Readonly<Record<string, Pick<Metric, 'unit' | 'target' | 'rival'>>>
}

/** In the order in which they run: those that look at the shared folder after the one that fills it. */
const PARTS = {
  globo: {
    part: async () => (await import('./cloud/globo.ts')).globo,
    figures: {
      'cloud.globo.minutes': { unit: 'min', target: '<=20' },
      'cloud.globo.rss_gb': { unit: 'GB', target: '<=4' },
    },
  },
  knn: {
    part: async () => (await import('./cloud/knn.ts')).knn,
    figures: {
      'cloud.knn.recall100': { unit: 'of the exact 100', target: '>=0.99', rival: 'exact search' },
      'cloud.knn.vs_faiss': { unit: 'x', target: '>=1', rival: 'the fastest index of faiss at this recall' },
    },
  },
  incremental: {
    part: async () => (await import('./cloud/incremental.ts')).incremental,
    figures: { 'cloud.incremental_fraction': { unit: 'of the full time', target: '<=0.15' } },
  },
  storage: {
    part: async () => (await import('./cloud/storage.ts')).storage,
    figures: {
      'cloud.storage_ratio': {
        unit: 'x the samples’ bytes',
        target: '<=1.5',
        rival: 'each user’s matches stored whole',
      },
    },
  },
  bytes: {
    part: async () => (await import('./cloud/bytes.ts')).bytes,
    figures: {
      'cloud.bytes.vs_paper': { unit: 'x', target: '<=0.65', rival: 'JSON + zlib + BASE64, a batch' },
    },
  },
  batch: {
    part: async () => (await import('./cloud/batch.ts')).batch,
    figures: {
      'cloud.batch.vs_empty_route': {
        unit: 'of its req/s',
        target: '>=0.3',
        rival: 'an empty Hono route in the same process',
      },
      'cloud.batch.p99_ms': { unit: 'ms', target: '<=10' },
    },
  },
  ingest: {
    part: async () => (await import('./cloud/ingest.ts')).ingest,
    figures: { 'cloud.ingest_eps': { unit: 'events/s', target: '>=20000' } },
  },
  fresh: {
    part: async () => (await import('./cloud/fresh.ts')).fresh,
    figures: { 'cloud.fresh_p95_s': { unit: 's', target: '<=60' } },
  },
  outage: {
    part: async () => (await import('./cloud/outage.ts')).outage,
    figures: {
      'cloud.outage.failures': { unit: 'devices', target: '0' },
      'cloud.outage.events_lost': { unit: 'events', target: '0' },
      'cloud.outage.seconds': { unit: 's' },
      'cloud.outage.rss_mb': { unit: 'MB', target: '<=1000' },
    },
  },
  crash: {
    part: async () => (await import('./cloud/crash.ts')).crash,
    figures: {
      'cloud.crash.lost': { unit: 'breaches', target: '0' },
      'cloud.crash.doubled': { unit: 'breaches', target: '0' },
      'cloud.crash.broken': { unit: 'breaches', target: '0' },
    },
  },
} satisfies Record<string, Measured>
type PartName = keyof typeof PARTS
const NAMES = Object.keys(PARTS) as PartName[]

interface CloudBenchOptions {
  json: boolean
  quick: boolean
  only: PartName[]
  data?: string
  globo?: string
}

export function cloudBenchCommand(bench: Command): void {
  bench
    .command('cloud')
    .description('what the server’s side costs; with the Globo.com clicks it takes about an hour')
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)
    .option('--quick', 'a short run, to see that it works: its figures are rough', false)
    .addOption(
      new Option('--only <parts>', `some of ${NAMES.join(', ')}`)
        .default(NAMES, 'all of them')
        .argParser(partsIn),
    )
    .option(
      '-d, --data <folder>',
      'keep the prepared data here, for another run; else they go away at the end',
    )
    .addOption(
      new Option('--globo <path>', 'the Globo.com clicks; without them a population is generated').env(
        'KINDRED_GLOBO',
      ),
    )
    .action((own: CloudBenchOptions) => {
      // Wherever they stand, options that the parent has too are taken for the parent's.
      const above = bench.opts<Pick<CloudBenchOptions, 'json' | 'quick'>>()
      const options = { ...own, json: own.json || above.json, quick: own.quick || above.quick }
      return withReport(options, (report) => benchCloud(options, report))
    })
}

function partsIn(text: string): PartName[] {
  const asked = text.split(',').map((name) => {
    const part = NAMES.find((part) => part === name.trim())
    if (!part) throw new AppError('bad-input', `There is no part ${name}: it is one of ${NAMES.join(', ')}.`)
    return part
  })
  return NAMES.filter((name) => asked.includes(name))
}

async function benchCloud({ quick, only, data, globo }: CloudBenchOptions, report: Report): Promise<void> {
  const rooms = mkdtempSync(join(tmpdir(), 'kindred-bench-'))
  const here = globo ?? (existsSync(GLOBO) ? GLOBO : undefined)
  if (here === undefined)
    report.say('The Globo.com clicks are not here (--globo): a population is generated.')
  const bench: CloudBench = {
    quick,
    globo: here,
    dir: data ?? join(rooms, 'shared'),
    scratch: (name) => mkdtempSync(join(rooms, `${name}-`)),
    progress: (stage, done, total) => report.progress({ stage, done, total }),
  }
  let failed: unknown
  try {
    for (const name of only) {
      const { part, figures }: Measured = PARTS[name]
      const before = load()
      const found = await measured(await part(), bench, Object.keys(figures)).catch((error) => {
        failed = error
        const why = error instanceof Error ? error.message : String(error)
        return notMeasured(Object.keys(figures), why)
      })
      const around = {
        machine: { ...thisMachine(), ...(quick && { quick }) },
        load: { before, after: load() },
      }
      for (const [metric, { value, detail }] of Object.entries(found))
        report.metric({ metric, value, ...figures[metric]!, detail: { ...around, ...detail } })
    }
  } finally {
    rmSync(rooms, { recursive: true, force: true })
  }
  if (failed !== undefined) throw failed
}

/** A part measures the figures that are promised for it, and no others. */
async function measured(part: Part, bench: CloudBench, promised: readonly string[]): Promise<Findings> {
  const found = await part(bench)
  const names = Object.keys(found)
  if (names.length !== promised.length || promised.some((name) => !names.includes(name)))
    throw new RangeError(`${promised.join(', ')} were promised; ${names.join(', ')} were measured`)
  return found
}
