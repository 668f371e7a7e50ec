import { once } from 'node:events'
import { hostname } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { Cloud } from '../cloud/cloud.ts'
import { createApp } from '../http/app.ts'
import { type Listening, listen } from '../http/listen.ts'
import { createLog } from '../http/log.ts'
import { createMetrics, metricsApp } from '../http/metrics.ts'
import { ship } from '../tasks/shipped.ts'
import { followTasks } from '../tasks/upkeep.ts'
import { type CommonOptions, withCloud, withCommonOptions } from './common.ts'
import { type Config, configOf } from './config.ts'
import { fail, type Report } from './report.ts'
import { type Given, refuseUnknown, summary, withSettings } from './settings.ts'
import { webApp } from './webapp.ts'

export type ServeOptions = CommonOptions & Given

export const withServeOptions = (command: Command): Command => withSettings(withCommonOptions(command))

/** Runs `work` with an open cloud and what the settings say; they are looked at before anything is opened. */
export async function withServer(
  options: ServeOptions,
  command: Command,
  work: (cloud: Cloud, report: Report, config: Config) => Promise<void>,
): Promise<void> {
  let config: Config
  try {
    refuseUnknown(process.env)
    config = configOf(options)
  } catch (error) {
    return fail(error)
  }
  await withCloud(options, (cloud, report) => {
    report.say(summary(command))
    return work(cloud, report, config)
  })
}

/**
 * Serves app, API and artifacts on one port until the process is told to stop (SIGINT, SIGTERM); prints `ready` and the
 * address. Then it takes nothing new, and ends what is under way. Told twice, it ends at once.
 */
export async function serve(
  cloud: Cloud,
  report: Report,
  config: Config,
  built: typeof webApp = webApp,
): Promise<void> {
  const log = createLog(config.logLevel)
  const dist = await built(() => report.say('Building the web app …'))
  // Counting costs time: where nobody can ask, nothing is counted.
  const metrics = config.metrics && createMetrics(cloud.status)
  let closing = false
  const tasks = await ship(await cloud.tasks(), { tell: report.say })
  const app = createApp({
    ...config.app,
    cloud,
    log,
    dist,
    tasks,
    ...(metrics && { metrics }),
    isClosing: () => closing,
  })
  const opened: { close(): Promise<void> }[] = []
  const open = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const one = await opening
    opened.push(one)
    return one
  }
  try {
    const server = await open(listen(app, config.where))
    const inner = metrics && (await open(listen(metricsApp(metrics.registry), config.metrics!)))
    if (config.lan) await open(inLan(app, config.lan, report, log))
    const stops = [
      cloud.followDays(),
      cloud.followFresh(),
      followTasks(tasks, { tell: (text) => log.warn(text) }),
    ]
    const reload = () => renew(server, log)
    process.on('SIGHUP', reload)
    if (inner) report.say(`metrics ${inner.url}/metrics`)
    report.ready(server.url)
    await toldToStop()
    for (const signal of STOP) process.once(signal, giveUp)
    closing = true
    await wait(config.drainMs)
    for (const stop of stops) stop()
    process.off('SIGHUP', reload)
  } finally {
    await Promise.all(opened.map((one) => one.close()))
    for (const signal of STOP) process.off(signal, giveUp)
  }
}

/** What it takes is loaded only where it is wanted. */
async function inLan(
  app: Parameters<typeof listen>[0],
  lan: NonNullable<Config['lan']>,
  report: Report,
  log: Logger,
) {
  const [{ openLan }, { localName }, { invitation }] = await Promise.all([
    import('../lan/lan.ts'),
    import('../lan/authority.ts'),
    import('../lan/invitation.ts'),
  ])
  const colours = process.stdout.isTTY === true && !process.env.NO_COLOR
  return openLan({
    ...lan,
    app,
    name: localName(hostname()),
    onServed: ({ authority, places }) =>
      report.say(invitation({ authority, colours, guides: places.map(({ guide }) => guide) })),
    onTrouble: (err) => log.error({ err }, 'the local network cannot be followed'),
  })
}

const STOP = ['SIGINT', 'SIGTERM'] as const

async function toldToStop(): Promise<void> {
  const told = new AbortController()
  await Promise.race(STOP.map((signal) => once(process, signal, told)))
  told.abort()
}

const giveUp = () => process.exit(130)

function renew(server: Listening, log: Logger): void {
  try {
    server.reload()
    log.info('the certificate was read again')
  } catch (error) {
    log.error({ err: error }, 'the certificate stays as it was')
  }
}

export function serveCommand(program: Command): void {
  withServeOptions(
    program
      .command('serve')
      .description('serve the app, the API and the artifacts of a prepared data folder'),
  ).action((options: ServeOptions, command: Command) =>
    withServer(options, command, (cloud, report, config) => serve(cloud, report, config)),
  )
}
