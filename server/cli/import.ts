import type { Command } from 'commander'
import { systemClock } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import type { Cloud } from '../cloud/cloud.ts'
import { isSourceName, sourceNames, sources } from '../sources/index.ts'
import { type CommonOptions, withCloud, withCommonOptions } from './common.ts'
import type { Report } from './report.ts'

/** Reads a source into the event log; the same road that live events take. */
export async function importFrom(cloud: Cloud, report: Report, name: string, path?: string): Promise<void> {
  if (!isSourceName(name))
    throw new AppError('bad-input', `There is no source ${name}: the sources are ${sourceNames.join(', ')}.`)
  const source = await sources[name](path, { clock: systemClock })
  const { users, events } = await cloud.importSource(source, report.progress)
  report.metric({ metric: 'import.events', value: events, unit: 'events', detail: { source: name, users } })
}

export function importCommand(program: Command): void {
  withCommonOptions(
    program
      .command('import')
      .description('read events and a catalogue into an empty data folder')
      .argument('<source>', `one of ${sourceNames.join(', ')}`)
      .argument('[path]', 'the folder that holds its files, or its one file (demo needs none)'),
  ).action((name: string, path: string | undefined, options: CommonOptions) =>
    withCloud(options, (cloud, report) => importFrom(cloud, report, name, path)),
  )
}
