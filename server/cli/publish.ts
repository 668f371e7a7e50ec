/** `kindred publish DIR`: what a static host or a CDN serves; see docs/static.md. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { AppError } from '../../shared/failure.ts'
import { sha256 } from '../../shared/hash.ts'
import { openCloud } from '../cloud/cloud.ts'
import { publish, type Source } from '../tasks/publish.ts'
import { openReader } from '../tasks/reader.ts'
import { ship } from '../tasks/shipped.ts'
import { wholeNumber, withReport } from './common.ts'
import type { Report } from './report.ts'
import { optionFor } from './settings.ts'
import { webApp } from './webapp.ts'

interface PublishOptions {
  data: string
  json: boolean
  life: number
  app: boolean
  server?: string
  prune?: number
}

const UNITS = { h: 3_600_000, d: 86_400_000 } as const

/** `12h`, `7d` → ms. */
export function lifeIn(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,4})([hd])$/.exec(text) ?? []
  const ms = Number(count) * (UNITS[unit as keyof typeof UNITS] ?? 0)
  if (ms > 0 && ms <= 365 * UNITS.d) return ms
  throw new InvalidArgumentError('It must be hours or days, as 12h or 7d, and a year at most.')
}

function serverIn(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text).href
  throw new InvalidArgumentError('It must be an address that begins with https:// or http://.')
}

export function publishCommand(program: Command): void {
  program
    .command('publish')
    .description('write what a static host serves: data, tasks and who gets them, signed; the app, too')
    .argument('<folder>', 'where to; what is there from earlier stays')
    .addOption(optionFor('data'))
    .option('--life <time>', 'how long it counts: until then publish once more', lifeIn, lifeIn('7d'))
    .option('--app', 'write the app, too', false)
    .option('--server <url>', 'of the app: where its registration, events, batches and rows go', serverIn)
    .option('--prune <n>', 'remove what none of the last n publications has', wholeNumber(1, 1000))
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)
    .action((folder: string, options: PublishOptions) =>
      withReport(options, async (report) => {
        const dir = resolve(options.data)
        await make(dir, report)
        const source = await openReader(dir)
        try {
          const app = options.app ? await appOf(source, report, options) : undefined
          const { life: lifeMs, prune: keep } = options
          const done = await publish(source, resolve(folder), {
            lifeMs,
            ...(app && { app }),
            ...(keep !== undefined && { keep }),
          })
          const until = new Date(done.expires).toISOString().slice(0, 16).replace('T', ' ')
          report.say(
            `${done.files} files are in ${folder}, of which ${done.written} are new; ${done.removed} are gone. It counts until ${until} (UTC).`,
          )
          report.metric({ metric: 'publish.bytes', value: done.bytes, unit: 'bytes', detail: { ...done } })
        } finally {
          await source.close()
        }
      }),
    )
}

/** In a folder on which no server has run yet, as one would: the tasks that ship with Kindred are released. */
async function make(dir: string, report: Report): Promise<void> {
  if (existsSync(join(dir, 'tasks', 'keys'))) return
  if (!existsSync(join(dir, 'store'))) throw new AppError('bad-input', `${dir} is no data folder.`)
  const cloud = await openCloud({ dataDir: dir })
  try {
    await ship(await cloud.tasks(), { tell: report.say })
  } finally {
    await cloud.close()
  }
}

async function appOf({ tasks }: Source, report: Report, { server }: PublishOptions) {
  const dist = await webApp(() => report.say('Building the app …'))
  const first = await tasks.root(1)
  return { dist, root: await sha256(first!), ...(server !== undefined && { server }) }
}
