/** What the experiments have in common on the command line. */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { AppError } from '../../../shared/failure.ts'
import { NOW } from '../../experiment/ctr.ts'
import type { Findings } from '../../experiment/report/findings.ts'
import { GROUPS } from '../../experiment/split.ts'
import { isSourceName, sourceNames, sources } from '../../sources/index.ts'
import type { Source } from '../../sources/source.ts'
import { wholeNumber, withReport } from '../common.ts'
import type { Report } from '../report.ts'

export interface RunOptions {
  /** As `movielens:DIR`. */
  data: string
  arms: string[]
  seed: number
  threads: number
  keep?: string
  report?: string
  json: boolean
}
export interface ExperimentOptions extends RunOptions {
  users?: number
  population?: number
  seeds: number
}

/** Names between commas, each once. */
const armList = (text: string): string[] => [...new Set(text.split(',').filter((one) => one !== ''))]

/** What all experiments have, but for `--data`, whose sources differ; `kept` tells what the folder is good for. */
export const withRunOptions = (command: Command, arms: readonly string[], kept = ''): Command =>
  command
    .option('--arms <names>', 'what is compared; a number is changed by @, as in coda@sigma=0.4', armList, [
      ...arms,
    ])
    .option('--seed <n>', 'other luck; of several seeds the first', wholeNumber(0), 1)
    .option('--threads <n>', 'people at the same time', wholeNumber(1, 256), availableParallelism())
    .option('--keep <folder>', `where everything is kept${kept}`)
    .option('--report <folder>', 'writes a page with plots, and all figures as JSON')
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)

/** Of experiments that judge each user once. */
export const withExperimentOptions = (command: Command, arms: readonly string[]): Command =>
  withRunOptions(
    command
      .option('--users <n>', 'how many users are judged (default: all)', wholeNumber(1))
      .option(
        '--population <n>',
        'how many users there are: the first so many (default: all)',
        wholeNumber(2),
      )
      .option(
        '--seeds <n>',
        'how many global models, each with people of its own luck',
        wholeNumber(1, 100),
        5,
      ),
    arms,
    ': a run that was cut off goes on, arms and seeds can be added',
  )

/** Of experiments that judge some users and not others. */
export const groupOption = (): Option =>
  new Option('--group <name>', 'test: every third user; validation: the others')
    .choices(GROUPS)
    .default('test')

/** The source that `text` names, as `movielens:DIR` or `demo`. Throws `bad-input` for another. */
export async function sourceFor(text: string, how: { users?: number } = {}): Promise<Source> {
  const [name = '', path] = text.split(/:(.*)/s)
  if (!isSourceName(name))
    throw new AppError('bad-input', `There is no source ${name}: the sources are ${sourceNames.join(', ')}.`)
  return sources[name](path, { clock: { now: () => NOW }, ...how })
}

export const seedsOf = ({ seed, seeds }: Pick<ExperimentOptions, 'seed' | 'seeds'>): number[] =>
  Array.from({ length: seeds }, (_, i) => seed + i)

/** Runs `work` in the folder of `--keep`, or in one that is gone after; an interrupt stops it between two rows. */
export const withExperiment = (
  options: Pick<ExperimentOptions, 'keep' | 'json'>,
  work: (report: Report, dir: string, signal: AbortSignal) => Promise<void>,
): Promise<void> =>
  withReport(options, async (report) => {
    const dir = options.keep ?? mkdtempSync(join(tmpdir(), 'kindred-experiment-'))
    const stop = new AbortController()
    const interrupt = () => stop.abort()
    process.once('SIGINT', interrupt)
    try {
      await work(report, dir, stop.signal)
    } finally {
      process.off('SIGINT', interrupt)
      if (options.keep === undefined) rmSync(dir, { recursive: true, force: true })
    }
  })

/** Loaded where it is wanted: what draws its plots would take as long as all other commands together to load. */
export async function writeReport(folder: string, findings: Findings): Promise<string> {
  const { writeReport } = await import('../../experiment/report/write.ts')
  return writeReport(folder, findings)
}
