/** What /api/admin says of tasks, releases and experiments: as the console takes it, and as the routes describe it. */
import * as z from 'zod'
import { entrySchema, stagesSchema } from './release/changes.ts'
import { ruleSchema } from './release/rules.ts'
import { RUN_OUTCOMES } from './tasks/report.ts'

const count = z.int().min(0)
const at = z.int().min(0)

/** One version of one task: what was done, by whom, when and why. */
export const taskVersionSchema = z.strictObject({
  name: z.string(),
  version: z.int(),
  /** SHA-1 in the repository. */
  commit: z.string(),
  ...{ who: z.string(), why: z.string() },
  /** ms */
  at: z.int(),
  /** The earlier version that it has the files of. */
  restores: z.int().optional(),
  /** Whether it may be released. */
  approved: z.boolean(),
})
export type TaskVersion = z.infer<typeof taskVersionSchema>

/** GET /tasks: the newest first. */
export const taskVersionsSchema = z.strictObject({
  versions: z.array(taskVersionSchema),
  /** When what is approved counts no more, unless it is approved once more, ms; null where nothing is. */
  approvedUntil: at.nullable(),
})

/** GET /tasks/{task}/{version}/from/{other}: values of the manifest by path, and lines of the script. */
export const taskDiffSchema = z.strictObject({
  manifest: z.array(
    z.strictObject({ path: z.string(), before: z.json().optional(), after: z.json().optional() }),
  ),
  script: z.array(z.strictObject({ change: z.enum(['same', 'added', 'removed']), text: z.string() })),
  model: z.enum(['same', 'added', 'removed', 'changed']),
})
export type TaskDiff = z.infer<typeof taskDiffSchema>

/** A release as it stands. */
export const shownReleaseSchema = z.strictObject({
  id: z.int(),
  task: z.string(),
  version: z.int(),
  manifest: z.string(),
  salt: z.string(),
  rule: ruleSchema,
  stages: stagesSchema,
  until: at.optional(),
  paused: at.optional(),
  revoked: at.optional(),
  /** What it has now. */
  percent: z.number(),
})
export type ShownRelease = z.infer<typeof shownReleaseSchema>

export const shownExperimentSchema = z.strictObject({
  id: z.int(),
  task: z.string(),
  rule: ruleSchema,
  seed: z.string(),
  from: at,
  until: at.optional(),
  ended: at.optional(),
  arms: z.array(
    z.strictObject({
      name: z.string(),
      task: z.strictObject({ version: z.int(), manifest: z.string() }).nullable(),
      from: z.number(),
      to: z.number(),
    }),
  ),
})
export type ShownExperiment = z.infer<typeof shownExperimentSchema>

/** GET /releases */
export const shownBoardSchema = z.strictObject({
  releases: z.array(shownReleaseSchema),
  experiments: z.array(shownExperimentSchema),
  killed: z.array(z.string()),
  entries: count,
  /** Of the last entry, ms. */
  at,
  /** Known ones. */
  devices: count,
})
export type ShownBoard = z.infer<typeof shownBoardSchema>

/** POST /releases/dry-run */
export const trialSchema = z.strictObject({
  /** Known devices. */
  devices: count,
  /** Of them, those that the rule hits. */
  hit: count,
  /** Those whose list would be another. */
  reaches: count,
  moves: z.array(
    z.strictObject({
      task: z.string(),
      from: z.int().nullable(),
      to: z.int().nullable(),
      devices: count,
    }),
  ),
  /** Of an experiment: how many would be in each. */
  arms: z.record(z.string(), count),
})
export type Trial = z.infer<typeof trialSchema>

/** GET /releases/reach */
export const reachSchema = z.strictObject({
  /** Known devices: those that have told of themselves. */
  devices: count,
  /** Of each release that is not revoked: how many devices its rule hits, and how many of them it reaches now. */
  releases: z.array(z.strictObject({ release: z.int(), hit: count, reaches: count })),
  /** By task and version: how many devices were given that one when they last asked. Null: they were given none. */
  given: z.array(z.strictObject({ task: z.string(), version: z.int().nullable(), devices: count })),
})
export type Reach = z.infer<typeof reachSchema>

/** GET /ledger/{from}: a hundred lines at most. */
export const ledgerSchema = z.strictObject({ entries: z.array(entrySchema) })

const estimate = z.strictObject({
  /** Null where there is nothing to divide by. */
  value: z.number().nullable(),
  /** Null where there are fewer than two users. */
  ci95: z.tuple([z.number(), z.number()]).nullable(),
})
export type Estimate = z.infer<typeof estimate>

/** clk PV / exp PV · clk PV / exp UV · clk UV / exp UV */
export const METRICS = ['ctr', 'clicksPerUser', 'clickerShare'] as const
export type Metric = (typeof METRICS)[number]

const figuresSchema = z.strictObject({
  users: count,
  exposures: count,
  clicks: count,
  clickers: count,
  ctr: estimate,
  clicksPerUser: estimate,
  clickerShare: estimate,
})
export type Figures = z.infer<typeof figuresSchema>
const comparison = z.strictObject({ difference: estimate, percent: estimate })

/** GET /experiments/{experiment} */
export const measuredSchema = z.strictObject({
  /** ms of a day: day n begins n times that after the epoch. */
  dayMs: z.int().min(1),
  days: z.array(z.strictObject({ day: count, arms: z.record(z.string(), figuresSchema) })),
  total: z.record(z.string(), figuresSchema),
  baseline: z.string(),
  /** Over all days, each arm against the baseline. */
  against: z.record(
    z.string(),
    z.strictObject({ ctr: comparison, clicksPerUser: comparison, clickerShare: comparison }),
  ),
  /** Users whose devices are in two arms. */
  mixed: count,
})
export type Measured = z.infer<typeof measuredSchema>

const spread = z.strictObject({ median: z.number(), p95: z.number() }).nullable()
const runsOf = {
  task: z.string(),
  version: z.int(),
  runs: count,
  outcomes: z.record(z.enum(RUN_OUTCOMES), count),
  /** Of runs that failed, by their code. */
  failures: z.record(z.string(), count),
  /** Of one run; null where no run told. */
  ms: spread,
  bytes: spread,
  /** By engine, platform and app version. */
  by: z.record(z.string(), z.record(z.string(), z.strictObject({ runs: count, failed: count }))),
  /** What scripts logged, by the name of the report and of the number in it. */
  values: z.array(
    z.strictObject({
      name: z.string(),
      count,
      ...{ mean: z.number(), deviation: z.number().nullable(), min: z.number(), max: z.number() },
    }),
  ),
}
const rate = z.strictObject({ share: z.number(), ci95: z.tuple([z.number(), z.number()]) })

/** GET /health */
export const runHealthSchema = z.strictObject({
  dayMs: z.int().min(1),
  /** The first day, and the last. */
  ...{ from: count, to: count },
  /** How far a median or p95 may be from the true one, as a share of it. */
  accuracy: z.number(),
  /** By the day on which the server heard of the runs. */
  rows: z.array(z.strictObject({ day: count, ...runsOf })),
  /** Over all these days. */
  versions: z.array(z.strictObject(runsOf)),
  /** Versions that fail more often than the one before, beyond chance. */
  alarms: z.array(
    z.strictObject({
      ...{ task: z.string(), version: z.int(), against: z.int() },
      ...{ failed: rate, before: rate },
      difference: z.strictObject({ value: z.number(), ci95: z.tuple([z.number(), z.number()]) }),
    }),
  ),
})
export type RunHealth = z.infer<typeof runHealthSchema>
