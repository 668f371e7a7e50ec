import { type Command, Option } from 'commander'
import { JUDGES, type Judge } from '../../experiment/loo/leave-one-out.ts'
import { loo } from '../../experiment/loo/loo.ts'
import { AMONG, type Among, type LooRow } from '../../experiment/loo/results.ts'
import type { LooReport } from '../../experiment/report/findings.ts'
import { provenance } from '../../experiment/report/provenance.ts'
import { MOVIELENS_UNIFORM_100 } from '../../experiment/report/published.ts'
import { type RankedFindings, rankedFindings } from '../../experiment/statistics/ranked.ts'
import { looMetrics, looTable } from './loo-metrics.ts'
import {
  type ExperimentOptions,
  seedsOf,
  sourceFor,
  withExperiment,
  withExperimentOptions,
  writeReport,
} from './options.ts'

const REFERENCE = 'cloud'
const ARMS = ['cloud', 'local', 'local-pull', 'coda', 'kindred']
const TITLES: Record<Among, string> = {
  uniform: '100 uniform negatives',
  popular: '100 negatives by popularity',
  full: 'Full ranking',
}
/** The catalogue whose figures others have published. */
const MOVIELENS = 'ml-1m'

type LooOptions = ExperimentOptions & { judge: Judge }

const run = (options: LooOptions): Promise<void> =>
  withExperiment(options, async (report, dir, signal) => {
    const { data, judge, population, users = Number.POSITIVE_INFINITY } = options
    const seeds = seedsOf(options)
    const arms = [REFERENCE, ...options.arms.filter((arm) => arm !== REFERENCE)]
    const source = await sourceFor(data)
    const { progress } = report
    const outcome = await loo({ ...options, dir, source, users, arms, seeds, progress, signal })
    const { rows, models, negatives, minutes } = outcome
    const findings = { uniform: of(rows, 'uniform'), popular: of(rows, 'popular'), full: of(rows, 'full') }
    const metrics = looMetrics(findings, { judge, negatives, models })
    report.done()
    for (const among of AMONG) for (const line of looTable(TITLES[among], findings[among])) report.say(line)
    for (const metric of metrics) report.metric(metric)
    if (options.report === undefined) return
    const click = judge === 'test' ? 'last' : 'last but one'
    const notes = [
      ...models.map(
        ({ seed, auc, passes, seconds }) =>
          `Global model, seed ${seed}: AUC ${auc?.toFixed(4) ?? 'unknown'} on what training held out, ${passes} passes in ${Math.round(seconds)} s.`,
      ),
      'The cloud knows all but the last two clicks of everybody. Where the last is judged, a device knows the one before it, and may learn from it.',
      ...(['uniform', 'popular'] as const).map(
        (kind) =>
          `${TITLES[kind]}: drawn as server/experiment/loo/negatives.ts defines; the SHA-256 of their list is ${negatives[kind]}.`,
      ),
    ]
    const protocols: LooReport['protocols'] = AMONG.map((among) => ({
      title: TITLES[among],
      arms: findings[among],
      published: among === 'uniform' && source.catalogue.name === MOVIELENS ? MOVIELENS_UNIFORM_100 : [],
    }))
    const page = await writeReport(options.report, {
      what: 'loo',
      reference: REFERENCE,
      protocols,
      metrics,
      notes,
      provenance: provenance({
        data: `${data}${population === undefined ? '' : `, its first ${population} users`}`,
        who: `${findings.uniform[0]!.users} users, each judged on the ${click} item that they clicked.`,
        seeds,
        minutes,
      }),
    })
    report.say(`The report is ${page}.`)
  })

const of = (rows: readonly LooRow[], among: Among): RankedFindings[] =>
  rankedFindings(
    rows.map(({ arm, seed, user, [among]: place }) => ({ arm, seed, user, ...place })),
    { reference: REFERENCE },
  )

export function looCommand(experiment: Command): void {
  withExperimentOptions(
    experiment
      .command('loo')
      .description('leave one out: where each arm’s model ranks the last thing that a user clicked')
      .requiredOption('--data <source>', 'sequences:FILE, as SASRec publishes its data')
      .addOption(
        new Option('--judge <click>', 'test: the last click; validation: the last but one')
          .choices(JUDGES)
          .default('test'),
      ),
    ARMS,
  ).action(run)
}
