import { resolve } from 'node:path'
import type { Command } from 'commander'
import { backup, type Copied } from '../cloud/backup.ts'
import { withReport } from './common.ts'
import { optionFor } from './settings.ts'

export interface CopyOptions {
  data: string
  json: boolean
}

export const withCopyOptions = (command: Command): Command =>
  command
    .addOption(optionFor('data'))
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)

export const metricOf = (name: string, { files, bytes }: Copied, seconds: number) => ({
  metric: name,
  value: bytes,
  unit: 'bytes',
  detail: { files, seconds: Math.round(seconds * 10) / 10 },
})

export function backupCommand(program: Command): void {
  withCopyOptions(
    program
      .command('backup')
      .description('copy the data folder into a new one, also while a server uses it')
      .argument('<folder>', 'where to: it must not be there yet'),
  ).action((to: string, options: CopyOptions) =>
    withReport(options, async (report) => {
      const start = performance.now()
      const copied = await backup(resolve(options.data), resolve(to))
      report.metric(metricOf('backup.bytes', copied, (performance.now() - start) / 1000))
    }),
  )
}
