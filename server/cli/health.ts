/** `kindred health`: how the versions of tasks do on devices. */
import type { Command } from 'commander'
import { type RunHealth, runHealthSchema } from '../../shared/admin.ts'
import { wholeNumber } from './common.ts'
import { type OperatorOptions, withOperator, withOperatorOptions } from './operator.ts'

interface HealthOptions extends OperatorOptions {
  task?: string
  days: number
}

type Runs = RunHealth['versions'][number]
type Part = Runs['by'][string]

const grouped = (value: number): string => value.toLocaleString('en-GB', { maximumFractionDigits: 0 })
const rounded = (value: number): string => String(Number(value.toPrecision(3)))
const percent = (share: number): string => rounded(100 * share)
const named = ({ task, version }: { task: string; version: number }): string => `${task} v${version}`
const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${grouped(count)}`)
    .join(', ')

export function healthCommand(program: Command): void {
  withOperatorOptions(
    program
      .command('health')
      .description('how the versions of tasks do on devices: runs, failures, time, bytes; see docs/tasks.md')
      .option('--task <name>', 'of one task')
      .option('--days <count>', 'the last so many days', wholeNumber(1), 14),
  ).action((options: HealthOptions) =>
    withOperator(options, async (ask, tell) => {
      const { task, days } = options
      const of = task === undefined ? '' : `&task=${encodeURIComponent(task)}`
      const found = await ask(runHealthSchema, `/health?days=${days}${of}`)
      for (const one of found.versions) tell(one, ...linesOf(one))
      for (const one of found.alarms)
        tell(
          { alarm: one },
          `${named(one)} fails more often than v${one.against}: ${percent(one.failed.share)} % against ${percent(one.before.share)} %, ${percent(one.difference.value)} points more [${one.difference.ci95.map(percent).join(', ')}].`,
        )
      if (found.versions.length === 0)
        tell({ versions: 0 }, `No device has told of a run in these ${days} days.`)
    }),
  )
}

/** What a version did, and below it what is not as it should be, and what its script logged. */
function linesOf(one: Runs): string[] {
  const { runs, outcomes, failures, ms, bytes, by, values } = one
  const failed = runs - outcomes.done
  const share = failed === 0 ? 'none failed' : `${percent(failed / runs)} % failed (${listed(failures)})`
  const stopped = outcomes.stopped > 0 ? [`${grouped(outcomes.stopped)} stopped`] : []
  const time = ms ? [`median ${grouped(ms.median)} ms, 95 % within ${grouped(ms.p95)} ms`] : []
  const size = bytes ? [`median ${grouped(bytes.median)} bytes, 95 % within ${grouped(bytes.p95)}`] : []
  return [
    [`${named(one)}  ${grouped(runs)} runs`, ...(runs > 0 ? [share] : []), ...stopped, ...time, ...size].join(
      '  ',
    ),
    ...Object.entries(by).flatMap(([part, counts]) => failing(part, counts)),
    ...values.map(
      ({ name, count, mean, deviation, min, max }) =>
        `  ${name}: ${rounded(mean)}${deviation === null ? '' : ` ± ${rounded(deviation)}`}, from ${rounded(min)} to ${rounded(max)}, told ${grouped(count)} times`,
    ),
  ]
}

/** Where it failed, if it did anywhere. */
function failing(part: string, counts: Part): string[] {
  const some = Object.entries(counts).filter(([, { failed }]) => failed > 0)
  if (some.length === 0) return []
  const told = some.map(([name, { runs, failed }]) => `${name} ${grouped(failed)} of ${grouped(runs)}`)
  return [`  failed by ${part}: ${told.join(', ')}`]
}
