import { once } from 'node:events'
import type { Command } from 'commander'
import type { Cloud } from '../cloud/cloud.ts'
import { createApp } from '../http/app.ts'
import { listen } from '../http/listen.ts'
import { createLog } from '../http/log.ts'
import { type CommonOptions, wholeNumber, withCloud, withCommonOptions } from './common.ts'
import type { Report } from './report.ts'
import { webApp } from './webapp.ts'

export interface ServeOptions extends CommonOptions {
  port: number
  host: string
}

export function withServeOptions(command: Command): Command {
  return withCommonOptions(command)
    .option('-p, --port <n>', 'port to listen on; 0 takes any free one', wholeNumber(0, 65_535), 8787)
    .option('--host <name>', 'address to listen on', 'localhost')
}

/** Serves app, API and artifacts on one port until the process is told to stop; prints `ready` and the address. */
export async function serve(cloud: Cloud, report: Report, { port, host }: ServeOptions): Promise<void> {
  const dist = await webApp(() => report.say('Building the web app …'))
  const server = await listen(createApp({ cloud, log: createLog(), dist }), { port, host })
  const stopDays = cloud.followDays()
  report.ready(server.url)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  stopDays()
  await server.close()
}

export function serveCommand(program: Command): void {
  withServeOptions(
    program
      .command('serve')
      .description('serve the app, the API and the artifacts of a prepared data folder'),
  ).action((options: ServeOptions) => withCloud(options, (cloud, report) => serve(cloud, report, options)))
}
