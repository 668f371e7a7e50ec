import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { crashMetrics } from '../crash/metrics.ts'
import { PLANTED as PLANTED_IN_SERVER } from '../crash/planted.ts'
import { crash } from '../crash/run.ts'
import type { Fault } from '../torture/faults.ts'
import { INVARIANTS } from '../torture/invariants.ts'
import { PLANTED } from '../torture/planted.ts'
import { tortureSeeds } from '../torture/pool.ts'
import { createReleases } from '../torture/server.ts'
import { type Outcome, torture, type Violation } from '../torture/torture.ts'
import { wholeNumber, withReport } from './common.ts'
import type { Report } from './report.ts'

interface TortureOptions {
  json: boolean
  server: boolean
  kills: number
  seeds: number
  first: number
  threads: number
  seed?: number
  trace: boolean
  planted: boolean
}

const HOUR = 3_600_000

async function runAll(report: Report, { seeds, first, threads }: TortureOptions): Promise<void> {
  const started = performance.now()
  const stage = 'Torturing devices'
  const outcomes: Outcome[] = []
  report.progress({ stage, done: 0, total: seeds })
  await tortureSeeds({
    first,
    seeds,
    threads,
    onOutcome(outcome) {
      outcomes.push(outcome)
      if (outcome.violation) tell(report, outcome.violation)
      report.progress({ stage, done: outcomes.length, total: seeds })
    },
  })
  reportOutcomes(report, outcomes, { seconds: (performance.now() - started) / 1000, threads, first })
}

function reportOutcomes(
  report: Report,
  outcomes: readonly Outcome[],
  { seconds, threads, first }: { seconds: number; threads: number; first: number },
): void {
  const sum = (pick: (outcome: Outcome) => number) =>
    outcomes.reduce((total, outcome) => total + pick(outcome), 0)
  const hours = sum(({ virtualMs }) => virtualMs) / HOUR
  report.metric({
    metric: 'torture.seeds',
    value: outcomes.length,
    unit: 'seeds',
    detail: {
      first,
      simulatedHours: hours,
      simulatedHoursPerSecond: hours / seconds,
      steps: sum(({ steps }) => steps),
      seconds,
      threads,
    },
  })
  const faults: Partial<Record<Fault, number>> = {}
  for (const outcome of outcomes)
    for (const [fault, times] of outcome.faults) faults[fault] = (faults[fault] ?? 0) + times
  const total = Object.values(faults).reduce((all, times) => all + times, 0)
  report.metric({ metric: 'torture.faults', value: total, unit: 'faults', detail: faults })
  const violations = outcomes.flatMap(({ violation }) => violation ?? []).sort((a, b) => a.seed - b.seed)
  report.metric({
    metric: 'torture.violations',
    value: violations.length,
    unit: 'violations',
    target: '0',
    detail: {
      invariants: Object.values(INVARIANTS),
      found: violations.map(({ seed, invariant, message }) => ({ seed, invariant, message })),
    },
  })
  if (violations.length > 0) process.exitCode = 1
}

const tell = (report: Report, { seed, invariant, message }: Violation) =>
  report.say(
    `Seed ${seed}: ${INVARIANTS[invariant]}, but ${message.split('\n')[0]}. See: kindred torture --seed ${seed} --trace`,
  )

async function runOne(report: Report, seed: number, trace: boolean): Promise<void> {
  const started = performance.now()
  const releases = await createReleases()
  const watch = trace ? { watch: (line: string) => report.say(line) } : {}
  const outcome = await torture({ seed, releases, ...watch })
  const seconds = (performance.now() - started) / 1000
  report.say(`Seed ${seed} is run ${outcome.digest}.`)
  if (outcome.violation) tell(report, outcome.violation)
  reportOutcomes(report, [outcome], { seconds, threads: 1, first: seed })
}

/** How many seeds it takes to find each of the bugs that are planted on purpose. */
async function runPlanted(report: Report, seeds: number): Promise<void> {
  const releases = await createReleases()
  const found: Record<string, number | null> = {}
  for (const { bug, plant } of PLANTED) {
    found[bug] = null
    for (let seed = 1; seed <= seeds && found[bug] === null; seed++) {
      report.progress({ stage: `Looking for: ${bug}`, done: seed, total: 0 })
      if ((await torture({ seed, releases, plant })).violation) found[bug] = seed
    }
  }
  reportPlanted(report, 'torture.planted_bug_seeds', 'seeds', 200, found)
}

function reportPlanted(
  report: Report,
  metric: string,
  unit: string,
  enough: number,
  found: Record<string, number | null>,
): void {
  const missed = Object.keys(found).filter((bug) => found[bug] === null)
  report.metric({
    metric,
    value: missed.length > 0 ? null : Math.max(...(Object.values(found) as number[])),
    unit,
    target: `<=${enough}`,
    detail: { ...(missed.length > 0 && { why: `not found: ${missed.join('; ')}` }), found },
  })
  if (missed.length > 0) process.exitCode = 1
}

/** Kills the real server, in processes of its own, while devices are at it. */
async function runCrash(report: Report, { kills, seed = 1 }: TortureOptions): Promise<void> {
  const stage = 'Killing servers'
  report.progress({ stage, done: 0, total: kills })
  const found = await crash({
    kills,
    seed,
    say: (text) => report.say(text),
    onKill: (done) => report.progress({ stage, done, total: kills }),
  })
  for (const [metric, { value, detail }] of Object.entries(crashMetrics(found)))
    report.metric({ metric, value, unit: 'breaches', target: '0', detail })
  if (found.breaches.length > 0) process.exitCode = 1
}

/** After how many kills each of the bugs that are planted in the server is found. */
async function runCrashPlanted(report: Report, { kills, seed = 1 }: TortureOptions): Promise<void> {
  const found: Record<string, number | null> = {}
  for (const bug of Object.keys(PLANTED_IN_SERVER)) {
    report.progress({ stage: `Looking for: ${bug}`, done: 0, total: 0 })
    const { breaches, kills: times } = await crash({ kills, seed, bug })
    const all = Object.values(times).reduce((sum, n) => sum + n)
    found[bug] = breaches.length > 0 ? Math.max(1, all) : null
  }
  reportPlanted(report, 'cloud.crash.planted_bug_kills', 'kills', kills, found)
}

export function tortureCommand(program: Command): void {
  program
    .command('torture')
    .description(
      'many simulated devices and the server, with everything going wrong that can: does what is promised hold?',
    )
    .option('-n, --seeds <n>', 'how many runs', wholeNumber(1, 10_000_000), 1000)
    .option('--first <seed>', 'the first of their seeds', wholeNumber(0), 1)
    .option('--threads <n>', 'runs at the same time', wholeNumber(1, 256), availableParallelism())
    .option('--seed <seed>', 'only this run, here; with --server: its seed', wholeNumber(0))
    .option('--trace', 'with --seed: say everything that happens', false)
    .option('--planted', 'look for the bugs that are planted on purpose instead', false)
    .option('--server', 'kill the real server instead, again and again, under load', false)
    .option('--kills <n>', 'with --server: how often', wholeNumber(1, 100_000), 100)
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)
    .action((options: TortureOptions) =>
      withReport(options, async (report) => {
        const { seed, trace, planted, seeds, server } = options
        if (server) return planted ? runCrashPlanted(report, options) : runCrash(report, options)
        if (planted) return runPlanted(report, seeds)
        if (seed !== undefined) return runOne(report, seed, trace)
        await runAll(report, options)
      }),
    )
}
