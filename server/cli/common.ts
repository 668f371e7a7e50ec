/** What every command shares: its options, an open cloud, and one way to fail. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Cloud, openCloud } from '../cloud/cloud.ts'
import { createReport, type Report } from './report.ts'

export interface CommonOptions {
  data: string
  json: boolean
}

export function withCommonOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-d, --data <folder>', 'where everything is kept').default('kindred-data').env('KINDRED_DATA'),
    )
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)
}

/** Runs `work` with an open cloud, closes it whatever happens, and turns a failure into a sentence and status 1. */
export async function withCloud(
  { data, json }: CommonOptions,
  work: (cloud: Cloud, report: Report) => Promise<void>,
): Promise<void> {
  const report = createReport({ json })
  let cloud: Cloud | undefined
  try {
    cloud = await openCloud({ dataDir: data })
    await work(cloud, report)
  } catch (error) {
    report.fail(error)
  } finally {
    report.done()
    await cloud?.close()
  }
}

/** Parses a whole number of at least `min`. */
export const wholeNumber =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`It must be a whole number from ${min}${max < 1e15 ? ` to ${max}` : ''}.`)
    return value
  }
