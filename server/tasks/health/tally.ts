/** How one version of a task did, as sums over everybody's runs: what is kept of what devices report. */
import * as z from 'zod'
import { parse } from '../../../shared/failure.ts'
import type { Report, RunOutcome, RunReport } from '../../../shared/tasks/report.ts'
import { emptySketch, joinSketch, sketch, sketchSchema } from './sketch.ts'
import { joined, spreadOf, spreadSchema } from './spread.ts'

/** Names of values that are kept of a version and day: devices could make up any number. */
export const MAX_NAMES = 128
/** Outcomes that are a fault of the task, or of what it ran on. */
const FAILED: readonly RunOutcome[] = ['refused', 'failed', 'late']
/** What a device says that it is may be anything. */
export const PLATFORMS = ['android', 'ios', 'windows', 'macos', 'linux', 'chromeos'] as const

const count = z.int().min(0)
/** By name: runs, but for those that were stopped, and how many of them failed. */
const shareSchema = z.strictObject({ runs: count, failed: count })
const tallySchema = z.strictObject({
  outcomes: z.record(z.string(), count),
  failures: z.record(z.string(), count),
  engine: z.record(z.string(), shareSchema),
  platform: z.record(z.string(), shareSchema),
  trigger: z.record(z.string(), shareSchema),
  /** Of runs that ended well. */
  ms: sketchSchema,
  bytes: sketchSchema,
  values: z.record(z.string(), spreadSchema),
})
export type Tally = z.infer<typeof tallySchema>
export type Share = z.infer<typeof shareSchema>

/** The parts that runs are counted by. */
export const PARTS = ['engine', 'platform', 'trigger'] as const

export const emptyTally = (): Tally => ({
  outcomes: {},
  failures: {},
  engine: {},
  platform: {},
  trigger: {},
  ms: emptySketch(),
  bytes: emptySketch(),
  values: {},
})

/** What was kept, to be added to; empty for undefined. */
export const tallyFrom = (stored: unknown): Tally =>
  stored === undefined ? emptyTally() : parse(tallySchema, stored, 'The sums of a task’s runs')

/**
 * Adds a report. `platform` is what its device says that it is; `mayName` says whether that may bring in the name of a value that is
 * not there yet: what is one too many is left out.
 */
export function tally(
  into: Tally,
  report: Report,
  platform: string | undefined,
  mayName: () => boolean,
): void {
  if (report.type === 'run') {
    addRun(into, report, platformOf(platform))
    return
  }
  for (const [key, value] of Object.entries(report.values)) {
    const name = `${report.name} ${key}`
    if (name in into.values || mayName()) addValue(into, name, spreadOf(value))
  }
}

function addRun(into: Tally, run: RunReport, platform: string): void {
  const { outcome, failure, engine, trigger } = run
  raise(into.outcomes, outcome)
  if (outcome === 'stopped') return
  const failed = FAILED.includes(outcome)
  // A failure that came without its kind is one of its outcome.
  if (failed) raise(into.failures, outcome === 'late' ? outcome : (failure ?? outcome))
  const parts = { engine: engine ?? 'none', platform, trigger }
  for (const part of PARTS) join(into[part], parts[part], { runs: 1, failed: failed ? 1 : 0 })
  if (failed) return
  sketch(into.ms, run.ms)
  if (run.bytes !== undefined) sketch(into.bytes, run.bytes)
}

export function joinTally(into: Tally, other: Tally): void {
  for (const [name, n] of Object.entries(other.outcomes)) raise(into.outcomes, name, n)
  for (const [name, n] of Object.entries(other.failures)) raise(into.failures, name, n)
  for (const part of PARTS)
    for (const [name, share] of Object.entries(other[part])) join(into[part], name, share)
  joinSketch(into.ms, other.ms)
  joinSketch(into.bytes, other.bytes)
  for (const [name, spread] of Object.entries(other.values)) addValue(into, name, spread)
}

/** Of a version: its runs, but for those that were stopped, and those of them that failed. */
export function sharesOf({ outcomes }: Tally): Share {
  const of = (names: readonly string[]) => names.reduce((sum, name) => sum + (outcomes[name] ?? 0), 0)
  const failed = of(FAILED)
  return { runs: of(['done']) + failed, failed }
}

function addValue({ values }: Tally, name: string, spread: Tally['values'][string]): void {
  const before = values[name]
  if (before) values[name] = joined(before, spread)
  else if (Object.keys(values).length < MAX_NAMES) values[name] = spread
}

function raise(counts: Record<string, number>, name: string, n = 1): void {
  counts[name] = (counts[name] ?? 0) + n
}

function join(shares: Record<string, Share>, name: string, { runs, failed }: Share): void {
  const before = shares[name] ?? { runs: 0, failed: 0 }
  shares[name] = { runs: before.runs + runs, failed: before.failed + failed }
}

const platformOf = (said: string | undefined): string =>
  PLATFORMS.find((known) => known === said) ?? (said === undefined ? 'unknown' : 'other')
