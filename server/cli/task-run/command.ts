/** `kindred task run`: a task's folder, tried here on someone of real data before anybody else gets it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { AppError } from '../../../shared/failure.ts'
import { type Cloud, openCloud } from '../../cloud/cloud.ts'
import { isSourceName, sourceNames } from '../../sources/index.ts'
import { wholeNumber, withReport } from '../common.ts'
import type { Report } from '../report.ts'
import { ready } from '../start.ts'
import { type Folder, runFolder, settle, type Wish } from './run.ts'
import { type Someone, someoneOf } from './someone.ts'
import { linesOf, outcomeOf } from './tell.ts'

interface Options {
  data: string
  json: boolean
  seed: number
  user?: number
  trigger?: string
  input?: string
}

/** The tasks that ship with Kindred. */
const SHIPPED = new URL('../../../dist/tasks/', import.meta.url)

export function taskRunCommand(task: Command): void {
  task
    .command('run')
    .description('try a task’s folder on someone of real data: what it does is told, and nothing is kept')
    .argument('<folder>', 'task.json, script.js, model.safetensors')
    .option(
      '-d, --data <what>',
      `demo, movielens:FOLDER or another source and its files, kept in kindred-data-<source>; or a data folder`,
      'demo',
    )
    .option('--user <n>', 'whose device it is; default the first who has clicked enough', wholeNumber(0))
    .option('--trigger <what>', 'what makes it run: batch, samples, …, call:NAME; default its first')
    .option('--input <json>', 'what a call is given')
    .option('--seed <n>', 'other numbers drawn by lot', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--json', 'print one JSON object on standard output, prose on standard error', false)
    .action((folder: string, options: Options) =>
      withReport(options, async (report) => {
        // What is wrong with it is told before any data are looked at.
        const task = read(folder)
        await withData(options.data, report, async (cloud) => {
          const someone = await someoneOf(cloud, options.user)
          await tell(report, options, cloud, someone, task)
        })
      }),
    )
}

async function tell(report: Report, options: Options, cloud: Cloud, someone: Someone, task: Folder) {
  if (readsFiltered(task)) await settle(someone, shipped('filter'), options.seed)
  const wish: Wish = { seed: options.seed, trigger: options.trigger, input: inputIn(options) }
  const outcome = outcomeOf(await runFolder(someone, task, wish), someone.data.catalogue)
  const whose = { data: cloud.sourceName(), user: someone.user }
  report.say(`${outcome.task}, by ${outcome.trigger}, as user ${whose.user} of ${whose.data}:`)
  for (const line of linesOf(outcome)) report.say(line)
  if (options.json) process.stdout.write(`${JSON.stringify({ ...whose, ...outcome })}\n`)
}

/** Filtered samples come of filtering: for a task that does not do that itself, the one that ships does. */
function readsFiltered({ draft }: Folder): boolean {
  const { samples = [] } = JSON.parse(new TextDecoder().decode(draft)) as { samples?: string[] }
  return samples.includes('filtered') && !samples.includes('matched')
}

function inputIn({ input }: Options): unknown {
  if (input === undefined) return undefined
  try {
    return JSON.parse(input)
  } catch (cause) {
    throw new AppError('bad-input', `--input is not JSON: ${(cause as Error).message}.`, { cause })
  }
}

function read(folder: string): Folder {
  const file = (name: string) => {
    const path = join(folder, name)
    if (!existsSync(path)) throw new AppError('bad-input', `There is no ${path}.`)
    return Uint8Array.from(readFileSync(path))
  }
  const model = existsSync(join(folder, 'model.safetensors')) ? { model: file('model.safetensors') } : {}
  return { draft: file('task.json'), script: file('script.js'), ...model }
}

function shipped(name: string): Folder {
  const file = (path: string) => Uint8Array.from(readFileSync(new URL(`${name}/${path}`, SHIPPED)))
  return { draft: file('task.json'), script: file('script.js') }
}

/** Opens, and makes if need be, the data that `what` names. */
async function withData(what: string, report: Report, work: (cloud: Cloud) => Promise<void>): Promise<void> {
  const [, source = what, path] = /^([a-z]+):(.+)$/.exec(what) ?? []
  if (!isSourceName(source) && !existsSync(what))
    throw new AppError(
      'bad-input',
      `${what} is neither a data folder nor a source: ${sourceNames.join(', ')}, with a colon and where its files are.`,
    )
  const cloud = await openCloud({ dataDir: isSourceName(source) ? `kindred-data-${source}` : what })
  try {
    await ready(cloud, report, isSourceName(source) ? [source, ...(path ? [path] : [])] : [])
    await work(cloud)
  } finally {
    await cloud.close()
  }
}
