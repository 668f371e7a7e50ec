/** The command line `kindred`: one file a command, one line here to add one. */
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { backupCommand } from './backup.ts'
import { benchCommand } from './bench.ts'
import { experimentCommand } from './experiment.ts'
import { healthCommand } from './health.ts'
import { importCommand } from './import.ts'
import { prepareCommand } from './prepare.ts'
import { publishCommand } from './publish.ts'
import { releaseCommand } from './release.ts'
import { restoreCommand } from './restore.ts'
import { serveCommand } from './serve.ts'
import { simulateCommand } from './simulate.ts'
import { startCommand } from './start.ts'
import { taskCommand } from './task.ts'
import { tortureCommand } from './torture.ts'
import { trainCommand } from './train.ts'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

/** Runs one command line; ends the process with status 1 and one clear sentence when it fails. */
export async function main(argv: string[]): Promise<void> {
  const program = new Command('kindred')
    .description('Every user gets a ranking model trained on their own device.')
    .version(version)
    .showHelpAfterError('(run with --help to see what is possible)')
  for (const add of [
    startCommand,
    serveCommand,
    importCommand,
    prepareCommand,
    trainCommand,
    simulateCommand,
    backupCommand,
    restoreCommand,
    benchCommand,
    experimentCommand,
    taskCommand,
    releaseCommand,
    healthCommand,
    publishCommand,
    tortureCommand,
  ])
    add(program)
  await program.parseAsync(argv)
}
