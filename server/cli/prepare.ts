import type { Command } from 'commander'
import type { Cloud } from '../cloud/cloud.ts'
import { type CommonOptions, withCloud, withCommonOptions } from './common.ts'
import type { Report } from './report.ts'

/** The cloud's part of a day: samples, user vectors, neighbours, batches. */
export async function prepare(cloud: Cloud, report: Report): Promise<void> {
  const { day, users, samples, mapped } = await cloud.prepare({ progress: report.progress, everyone: true })
  report.metric({
    metric: 'prepare.samples',
    value: samples,
    unit: 'samples',
    detail: { day, users, mapped },
  })
}

export function prepareCommand(program: Command): void {
  withCommonOptions(
    program.command('prepare').description('make samples, user vectors, matches and batches for today'),
  ).action((options: CommonOptions) => withCloud(options, prepare))
}
