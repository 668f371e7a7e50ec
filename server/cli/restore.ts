import { resolve } from 'node:path'
import type { Command } from 'commander'
import { restore } from '../cloud/backup.ts'
import { type CopyOptions, metricOf, withCopyOptions } from './backup.ts'
import { withReport } from './common.ts'

export function restoreCommand(program: Command): void {
  withCopyOptions(
    program
      .command('restore')
      .description('make a data folder from a backup, whose every byte is checked')
      .argument('<folder>', 'the backup'),
  ).action((from: string, options: CopyOptions) =>
    withReport(options, async (report) => {
      const start = performance.now()
      const { at, ...copied } = await restore(resolve(from), resolve(options.data))
      report.say(`${options.data} is as it was on ${new Date(at).toISOString()}.`)
      report.metric(metricOf('restore.bytes', copied, (performance.now() - start) / 1000))
    }),
  )
}
