import { availableParallelism } from 'node:os'
import { type Command, Option } from 'commander'
import type { Catalogue, Item } from '../../shared/catalogue.ts'
import { ENGINE_NAMES, type EngineName } from '../../shared/engine/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { auc } from '../../shared/metrics.ts'
import type { Round, Status } from '../../shared/protocol.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { createHeadlessDevice } from '../../worker/headless.ts'
import type { Cloud } from '../cloud/cloud.ts'
import { createApp } from '../http/app.ts'
import { NO_LIMITS } from '../http/limits.ts'
import { listen } from '../http/listen.ts'
import { createLog } from '../http/log.ts'
import { ship } from '../tasks/shipped.ts'
import { type CommonOptions, wholeNumber, withCloud, withCommonOptions, withReport } from './common.ts'
import type { Report } from './report.ts'
import { ready } from './start.ts'
import { JUDGED, reportVisits, type Visit } from './visits.ts'

interface SimulateOptions extends CommonOptions {
  devices: number
  clicks: number
  server?: string
  engine?: EngineName
  atOnce: number
  seed: number
}

/** Cards of one simulated feed, and the longest that one device may take. */
const FEED = 40
const PATIENCE_MS = 120_000

/** Somebody with two or three favourite categories, who opens those far more often than others. */
function createVisitor({ categories }: Catalogue, random: Random) {
  const all = random.shuffle(Array.from({ length: categories.length }, (_, i) => i))
  const favourites = new Set(all.slice(0, 2 + random.below(2)))
  const likes = (item: Item) => item.categories.some((category) => favourites.has(category))
  return { likes, opens: (item: Item) => random.next() < (likes(item) ? 0.6 : 0.06) }
}

/** One new visitor on one headless device: looks through ranked feeds, clicks, and waits for the first model. */
async function visit(options: SimulateOptions & { server: string }, number: number): Promise<Visit> {
  const random = seeded(options.seed * 7919 + number)
  const device = createHeadlessDevice({
    server: options.server,
    seed: options.seed * 7919 + number,
    ...(options.engine && { engine: options.engine }),
  })
  const late = new AbortController()
  // A timer that keeps the process alive, which a device's own do not.
  const patience = setTimeout(
    () => late.abort(new AppError('worker', `A device had no model after ${PATIENCE_MS / 1000} s.`)),
    PATIENCE_MS,
  )
  try {
    await device.start()
    const catalogue = await device.catalogue(null, late.signal)
    const items = new Map(catalogue.items.map((item) => [item.key, item]))
    const visitor = createVisitor(catalogue, random)
    const drawn = (count: number) => [
      ...new Set(
        Array.from({ length: count }, () => catalogue.items[random.below(catalogue.items.length)]!.key),
      ),
    ]
    let clicks = 0
    /** A visitor who clicks rarely fills the device with what they passed over, and it lets old clicks go. */
    const wantsMore = async () => (await device.status(null)).waitingFor.reason === 'clicks'
    while (clicks < options.clicks || (await wantsMore())) {
      const { ranked } = await device.rank({ items: drawn(FEED) })
      for (const { item } of ranked) {
        if (clicks >= options.clicks && !(await wantsMore())) break
        await device.track({ events: [{ type: 'exposure', item }] })
        if (!visitor.opens(items.get(item)!)) continue
        await device.track({ events: [{ type: 'click', item }] })
        clicks++
      }
    }
    const clicked = performance.now()
    const others = drawn(JUDGED)
    const taste = async () => {
      const { ranked } = await device.rank({ items: others })
      return auc(
        ranked.map(({ score }) => score),
        ranked.map(({ item }) => (visitor.likes(items.get(item)!) ? 1 : 0)),
      )
    }
    const before = await taste()
    const round = await firstRound(device.onStatus, late.signal)
    const ms = performance.now() - clicked
    const after = await taste()
    // As a page does that is left: the operator hears how the round went.
    await device.flush(null)
    return { ms, round, taste: { before, after } }
  } finally {
    clearTimeout(patience)
    await device.stop()
  }
}

/** The first round that trained a model or failed; or the last of the day, where the filter left nothing to train on. */
function firstRound(
  onStatus: (listener: (status: Status) => void) => () => void,
  late: AbortSignal,
): Promise<Round> {
  const { promise, resolve, reject } = deferred<Round>()
  let last = 'it said nothing'
  const stop = onStatus(({ rounds, waitingFor, run, failure }) => {
    last = `it is ${run.phase} and waits for ${waitingFor.reason}; ${failure?.message ?? 'no failure'}`
    const round = rounds.find(({ outcome }) => outcome !== 'filtered') ?? rounds[0]
    const over = run.phase === 'idle' && waitingFor.reason === 'tomorrow'
    if (round && (round.outcome !== 'filtered' || over)) resolve(round)
    else if (failure?.code === 'refused') reject(new AppError(failure.code, failure.message))
  })
  late.addEventListener(
    'abort',
    () => reject(new AppError('worker', `${(late.reason as AppError).message.slice(0, -1)}: ${last}.`)),
    { once: true },
  )
  return promise.finally(stop)
}

function deferred<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((done, failed) => {
    resolve = done
    reject = failed
  })
  return { promise, resolve, reject }
}

/** Runs every visitor, `atOnce` at a time, and reports. */
export async function simulate(report: Report, options: SimulateOptions & { server: string }): Promise<void> {
  await mustAnswer(options.server)
  const visits: Visit[] = []
  let next = 0
  const stage = 'Simulating visitors'
  report.progress({ stage, done: 0, total: options.devices })
  const lane = async () => {
    while (next < options.devices) {
      visits.push(await visit(options, next++))
      report.progress({ stage, done: visits.length, total: options.devices })
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.atOnce, options.devices) }, lane))
  reportVisits(report, options, visits)
}

/** Throws `offline` unless a Kindred server answers at `url`. */
async function mustAnswer(url: string): Promise<void> {
  const answer = await fetch(new URL('/healthz', url)).catch(() => undefined)
  if (!answer?.ok) throw new AppError('offline', `No Kindred server answers at ${url}.`)
}

/** Serves the data folder on a free port for as long as `work` runs. */
async function withServer(cloud: Cloud, work: (server: string) => Promise<void>): Promise<void> {
  const tasks = await ship(await cloud.tasks())
  const app = createApp({ cloud, log: createLog(), limits: NO_LIMITS, tasks })
  const server = await listen(app, { port: 0, host: '127.0.0.1' })
  try {
    await work(server.url)
  } finally {
    await server.close()
  }
}

export function simulateCommand(program: Command): void {
  withCommonOptions(
    program
      .command('simulate')
      .description('new visitors on headless devices: how long until each has a model of its own')
      .option('-n, --devices <n>', 'how many visitors', wholeNumber(1, 100_000), 20)
      .option('--clicks <n>', 'how many items each opens', wholeNumber(1, 1000), 10)
      .option('--server <url>', 'a running server; without it the data folder is served for the occasion')
      .addOption(new Option('--engine <name>', 'train on this engine').choices(ENGINE_NAMES))
      .option('--at-once <n>', 'visitors at the same time', wholeNumber(1, 1000), availableParallelism())
      .option('--seed <n>', 'another crowd', wholeNumber(0), 1),
  ).action(async (options: SimulateOptions) => {
    const { server } = options
    if (server !== undefined) return withReport(options, (report) => simulate(report, { ...options, server }))
    await withCloud(options, async (cloud, report) => {
      await ready(cloud, report)
      await withServer(cloud, (server) => simulate(report, { ...options, server }))
    })
  })
}
