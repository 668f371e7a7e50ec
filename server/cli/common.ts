/** What every command shares: its options, an open cloud, and one way to fail. */
import { type Command, InvalidArgumentError } from 'commander'
import { parse } from '../../shared/failure.ts'
import { type Cloud, openCloud } from '../cloud/cloud.ts'
import { type Privacy, privacySchema } from '../cloud/privacy/settings.ts'
import { jsonIn } from './files.ts'
import { createReport, type Report } from './report.ts'
import { optionFor } from './settings.ts'

export interface CommonOptions {
  data: string
  json: boolean
  privacyFile?: string | undefined
}

export function withCommonOptions(command: Command): Command {
  return command
    .addOption(optionFor('data'))
    .addOption(optionFor('privacyFile'))
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)
}

/** Runs `work`; turns a failure into a sentence and status 1. */
export async function withReport(
  { json }: Pick<CommonOptions, 'json'>,
  work: (report: Report) => Promise<void>,
): Promise<void> {
  const report = createReport({ json })
  try {
    await work(report)
    report.done()
  } catch (error) {
    report.fail(error)
  }
}

/** `withReport` with an open cloud, which is closed whatever happens. */
export const withCloud = (
  options: CommonOptions,
  work: (cloud: Cloud, report: Report) => Promise<void>,
): Promise<void> =>
  withReport(options, async (report) => {
    const cloud = await openCloud({ dataDir: options.data, ...privacyIn(options) })
    try {
      await work(cloud, report)
    } finally {
      await cloud.close()
    }
  })

function privacyIn({ privacyFile }: CommonOptions): { privacy?: Privacy } {
  return privacyFile === undefined
    ? {}
    : { privacy: parse(privacySchema, jsonIn(privacyFile), `The settings in ${privacyFile}`) }
}

/** Parses a whole number of at least `min`. */
export const wholeNumber =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(
        `It must be a whole number from ${min}${max < 1e15 ? ` to ${max}` : ''}.`,
      )
    return value
  }
