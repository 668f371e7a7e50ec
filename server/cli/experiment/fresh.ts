import type { Command } from 'commander'
import { AppError } from '../../../shared/failure.ts'
import { tablesOf } from '../../experiment/fresh/findings.ts'
import { type FreshOutcome, fresh } from '../../experiment/fresh/fresh.ts'
import { provenance } from '../../experiment/report/provenance.ts'
import { wholeNumber } from '../common.ts'
import { freshMetrics, freshTable } from './fresh-metrics.ts'
import { type RunOptions, withExperiment, withRunOptions, writeReport } from './options.ts'

const ARMS = ['cloud', 'cloud-hourly', 'local', 'coda', 'coda-random', 'kindred', 'kindred-hourly']

/** Others that a click is judged among, as others have it who use this log. */
const AMONG = 50

interface FreshOptions extends RunOptions {
  users: number
  readers: number
  days: number
}

const run = (options: FreshOptions): Promise<void> =>
  withExperiment(options, async (report, dir, signal) => {
    const [name, path] = options.data.split(/:(.*)/s)
    if (name !== 'globo' || !path)
      throw new AppError('bad-input', 'Times of clicks are needed, which only globo:DIR has.')
    const { progress } = report
    const outcome = await fresh({ ...options, among: AMONG, dir, path, progress, signal })
    const { rows } = outcome
    if (rows.length === 0) throw new AppError('not-ready', 'No click was judged: take more users or days.')
    const metrics = freshMetrics(outcome)
    report.done()
    for (const line of freshTable(rows)) report.say(line)
    for (const metric of metrics) report.metric(metric)
    if (options.report === undefined) return
    const { minutes } = outcome
    const page = await writeReport(options.report, {
      what: 'fresh',
      ...tablesOf(rows),
      metrics,
      notes: notesOf(outcome, options),
      provenance: provenance({
        data: options.data,
        who: `${new Set(rows.map(({ user }) => user)).size} users in ${options.arms.length} arms, each judged on every click of ${options.days} days.`,
        seeds: [options.seed],
        minutes: minutes.past + minutes.nights + minutes.hours + minutes.devices,
      }),
    })
    report.say(`The report is ${page}.`)
  })

const notesOf = ({ readers, nights }: FreshOutcome, { days }: FreshOptions): string[] => [
  `The world is ${Math.round(100 * readers.share)} % of the log's readers, drawn by a hash; how much an article is read, its age and what a click is judged among come from all of them.`,
  `What came before the last ${days} days was imported; after that every click came in at its hour. The global model was trained ${nights.length} times, each night on everything there was.`,
  `A click is judged before anybody learns of it, against ${AMONG} articles that were clicked by anyone in the hour before, drawn as often as they were read; the JSON also has the figures among distinct articles, each as likely as any other.`,
  'Every arm has users of its own. Each is compared with the global models on the clicks of its own users, which no bucket has to make equal; arms among each other by what they gain over the model of the night.',
]

export function freshCommand(experiment: Command): void {
  withRunOptions(
    experiment
      .command('fresh')
      .description('a news portal, day by day: what devices gain where most is newer than the model')
      .requiredOption('--data <source>', 'globo:DIR, the log of Globo.com')
      .option('--users <n>', 'how many are judged in each arm, at most', wholeNumber(1), 60)
      .option('--readers <n>', 'how many readers there are', wholeNumber(100), 20_000)
      .option('--days <n>', 'how many days are replayed: the last ones', wholeNumber(1, 60), 10),
    ARMS,
  ).action(run)
}
