/** `kindred task run`: a task's folder, tried here on someone of real data before anybody else gets it. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { AppError, toFailure } from '../../../shared/failure.ts'
import { type Cloud, openCloud } from '../../cloud/cloud.ts'
import { isSourceName, sourceNames } from '../../sources/index.ts'
import { scriptIn } from '../../tasks/bundle.ts'
import { wholeNumber, withReport } from '../common.ts'
import type { Report } from '../report.ts'
import { ready } from '../start.ts'
import { webApp } from '../webapp.ts'
import { openBrowser } from './browser.ts'
import { type Folder, runFolder } from './run.ts'
import { type Someone, someoneOf } from './someone.ts'
import { linesOf, outcomeOf } from './tell.ts'

interface Options {
  data: string
  json: boolean
  browser: boolean
  seed: number
  user?: number
  trigger: string[]
  input?: string
}

/** What ships with Kindred, built. */
const FILTER = resolve(import.meta.dirname, '../../../dist/tasks/filter')

export function taskRunCommand(task: Command): void {
  task
    .command('run')
    .description('try a task’s folder on someone of real data: what it does is told, and nothing is kept')
    .argument('<folder>', 'task.json, script.js or script.ts, model.safetensors')
    .option(
      '-d, --data <what>',
      `demo, movielens:FOLDER or another source and its files, kept in kindred-data-<source>; or a data folder`,
      'demo',
    )
    .option('--user <n>', 'whose device it is; default the first who has clicked enough', wholeNumber(0))
    .option(
      '--trigger <what...>',
      'what makes it run: batch, samples, …, call:NAME, one after the other; default its first',
      [],
    )
    .option('--input <json>', 'what a call is given')
    .option('--seed <n>', 'other numbers drawn by lot', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--browser', 'run it in a browser: a page on loopback that somebody opens', false)
    .option('--json', 'print one JSON object a run on standard output, prose on standard error', false)
    .action((folder: string, options: Options) =>
      withReport(options, async (report) => {
        // What is wrong with it is told before any data are looked at.
        const task = await read(folder)
        await withData(options.data, report, async (cloud) => {
          const someone = await someoneOf(cloud, options.user)
          await tell(report, options, cloud, someone, task)
        })
      }),
    )
}

async function tell(report: Report, options: Options, cloud: Cloud, someone: Someone, task: Folder) {
  const { seed, trigger: triggers } = options
  if (readsFiltered(task))
    for await (const _ of runFolder(someone, await read(FILTER), { seed, triggers: [] }));
  const browser = options.browser ? await openBrowser(await webApp(() => report.say(BUILDING))) : undefined
  if (browser) report.say(`Open ${browser.url} in a browser of this machine.`)
  const whose = { data: cloud.sourceName(), user: someone.user }
  const wish = { seed, triggers, input: inputIn(options), ...(browser && { spawn: browser.spawn }) }
  try {
    for await (const ran of runFolder(someone, task, wish)) {
      const outcome = outcomeOf(ran, someone.data.catalogue)
      const title = `${outcome.task}, by ${outcome.trigger}, as user ${whose.user} of ${whose.data}:`
      const lines = [title, ...linesOf(outcome)]
      for (const line of lines) report.say(line)
      if (options.json) process.stdout.write(`${JSON.stringify({ ...whose, ...outcome })}\n`)
      browser?.show(lines)
    }
  } catch (error) {
    browser?.show([toFailure(error).message])
    throw error
  } finally {
    await browser?.close()
  }
}
const BUILDING = 'Building the app, for its trainer …'

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

async function read(folder: string): Promise<Folder> {
  const file = (name: string) => {
    const path = join(folder, name)
    return existsSync(path) ? Uint8Array.from(readFileSync(path)) : undefined
  }
  const [draft, model] = [file('task.json'), file('model.safetensors')]
  if (!draft) throw new AppError('bad-input', `There is no task.json in ${folder}.`)
  return { draft, script: new TextEncoder().encode(await scriptIn(folder)), ...(model && { model }) }
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
