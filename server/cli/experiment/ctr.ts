import type { Command } from 'commander'
import { ctr } from '../../experiment/ctr.ts'
import { provenance } from '../../experiment/report/provenance.ts'
import type { Group } from '../../experiment/split.ts'
import { ctrFindings } from '../../experiment/statistics/ctr.ts'
import { wholeNumber } from '../common.ts'
import { ctrMetrics } from './ctr-metrics.ts'
import { ctrTable } from './ctr-table.ts'
import {
  type ExperimentOptions,
  groupOption,
  seedsOf,
  sourceFor,
  withExperiment,
  withExperimentOptions,
  writeReport,
} from './options.ts'

const REFERENCE = 'cloud'
/** A user's future has some twenty exposures in five days: of more than two of a day's nothing would be left to choose. */
const TOP = 2
const ARMS = ['cloud', 'local', 'local-pull', 'coda', 'random', 'kindred']

const run = (options: ExperimentOptions & { group: Group; patience?: number }): Promise<void> =>
  withExperiment(options, async (report, dir, signal) => {
    const { data, group, patience, population, users = Number.POSITIVE_INFINITY } = options
    const seeds = seedsOf(options)
    const arms = [REFERENCE, ...options.arms.filter((arm) => arm !== REFERENCE)]
    const source = await sourceFor(data)
    const outcome = await ctr({
      ...options,
      dir,
      source,
      users,
      arms,
      seeds,
      training: patience === undefined ? {} : { patience },
      progress: report.progress,
      signal,
    })
    const { rows, models, minutes } = outcome
    const settings = { reference: REFERENCE, top: TOP }
    const findings = ctrFindings(rows, settings)
    const metrics = ctrMetrics(outcome, findings, { threads: options.threads })
    report.done()
    for (const line of ctrTable(findings, TOP)) report.say(line)
    for (const metric of metrics) report.metric(metric)
    if (options.report === undefined) return
    const judged = findings[0]!
    const notes = [
      ...models.map(
        ({ seed, auc, passes, converged, seconds }) =>
          `Global model, seed ${seed}: AUC ${auc?.toFixed(4) ?? 'unknown'} on what training held out, ${passes} passes in ${Math.round(seconds)} s${converged ? '' : ', not converged'}.`,
      ),
      'Times are virtual: everybody’s past spans what is left of seven days and ends an hour before the one now of the server; the future is replayed in five days of equal parts.',
    ]
    const page = await writeReport(options.report, {
      what: 'ctr',
      ...settings,
      arms: findings,
      metrics,
      notes,
      provenance: provenance({
        data: `${data}${population === undefined ? '' : `, its first ${population} users`}`,
        who: `${judged.users} ${group === 'all' ? '' : `${group} `}users, each judged on the last fifth of what they were shown.`,
        seeds,
        minutes: minutes.cloud + minutes.training + minutes.arms,
      }),
    })
    report.say(`The report is ${page}.`)
  })

export function ctrCommand(experiment: Command): void {
  withExperimentOptions(
    experiment
      .command('ctr')
      .description(
        'who clicks on what comes next: per-user AUC of each arm’s model on what it was not told of',
      )
      .requiredOption('--data <source>', 'movielens:FOLDER, or demo')
      .addOption(groupOption())
      .option(
        '--patience <n>',
        'passes in a row of the global training that may be no better than the best before it ends (default: 0)',
        wholeNumber(0, 100),
      ),
    ARMS,
  ).action(run)
}
