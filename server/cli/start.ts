import type { Command } from 'commander'
import { AppError } from '../../shared/failure.ts'
import type { Cloud } from '../cloud/cloud.ts'
import { importFrom } from './import.ts'
import { prepare } from './prepare.ts'
import type { Report } from './report.ts'
import { type ServeOptions, serve, withServeOptions, withServer } from './serve.ts'
import { train } from './train.ts'

/** Brings a data folder, however empty, to where it can serve; what is done already is not done again. */
export async function ready(cloud: Cloud, report: Report, from: readonly string[] = []): Promise<void> {
  const [source = 'demo', path] = from
  if (await cloud.isEmpty()) await importFrom(cloud, report, source, path)
  else if (from.length > 0) {
    const held = cloud.sourceName()
    if (held !== source)
      throw new AppError(
        'bad-input',
        `The data folder holds ${held} already: choose another with --data to import ${source}.`,
      )
  }
  await prepare(cloud, report)
  if (!(await cloud.manifest())) await train(cloud, report)
}

export function startCommand(program: Command): void {
  withServeOptions(
    program
      .command('start')
      .description('everything at once: import what is missing, prepare, train, build the app, serve')
      .option(
        '--import <source...>',
        'a source and its folder or file, as for `import`, kept in <data>-<source> unless --data says otherwise; without it the demo population',
      ),
  ).action((given: ServeOptions & { import?: string[] }, command: Command) => {
    const options = { ...given, data: folderOf(given, command) }
    return withServer(options, command, async (cloud, report, config) => {
      await ready(cloud, report, options.import)
      await serve(cloud, report, config)
    })
  })
}

/** Each source has a folder of its own where none is named, so that one can be looked at after the other. */
function folderOf(
  { data, import: [source] = [] }: { data: string; import?: string[] },
  command: Command,
): string {
  return source !== undefined && command.getOptionValueSource('data') === 'default'
    ? `${data}-${source}`
    : data
}
