/** How commands speak: results on standard output, progress and failures on standard error. */
import { type Options, SingleBar } from 'cli-progress'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'

/** How far a stage is; `total` 0 where nobody knows. Stages are named for people: “Reading ratings”. */
export interface Progress {
  readonly stage: string
  readonly done: number
  readonly total: number
  /** What else is known, such as the time left. */
  readonly note?: string
}

/** Something measured. */
export interface Metric {
  /** Dotted name, as `cloud.knn.recall100`. */
  readonly metric: string
  /** null where it could not be measured; `detail` then says why. Nothing is estimated. */
  readonly value: number | null
  readonly unit: string
  /** What it should be, as “>=30”. */
  readonly target?: string
  /** What it is compared with. */
  readonly rival?: string
  /** Raw medians, counts and shapes. */
  readonly detail?: Readonly<Record<string, unknown>>
}

/** Its methods may be passed on by themselves. */
export interface Report {
  /** A bar where a person watches, else a line now and then. Call it as often as is convenient. */
  progress(progress: Progress): void
  /** A line of prose. */
  say(text: string): void
  metric(metric: Metric): void
  /** Says that a server listens at `url`, in a line that programs wait for: `ready http://…`. */
  ready(url: string): void
  /** Ends a bar that still stands; may be called again. */
  done(): void
  /** `done`, then `fail`. */
  fail(error: unknown): void
}

/** The little of a stream that is needed. */
export interface Output {
  write(text: string): unknown
}

export interface ReportOptions {
  /** Standard output carries one JSON object a metric and nothing else; prose goes to standard error. */
  readonly json: boolean
  /** Whether a person watches standard error (default: whether it is a terminal). */
  readonly tty?: boolean
  readonly stdout?: Output
  readonly stderr?: Output & Partial<Pick<NodeJS.WriteStream, 'isTTY'>>
  readonly clock?: Clock
}

/** Without a bar: no line sooner after the last … */
const QUIET_MS = 3000
/** … and then only at so much more of the whole, or after so long. */
const SHARE = 0.1
const LONG_MS = 30_000

export function createReport(options: ReportOptions): Report {
  const { json, stdout = process.stdout, stderr = process.stderr, clock = systemClock } = options
  const { tty = stderr.isTTY === true } = options
  const stages = tty ? inBars(stderr) : inLines(stderr, clock)
  const prose = json ? stderr : stdout
  const done = () => stages.end()
  const say = (text: string) => {
    stages.pause()
    prose.write(`${text}\n`)
  }
  return {
    progress: (progress) => stages.show(progress),
    say,
    metric(metric) {
      if (metric.value !== null && !Number.isFinite(metric.value))
        throw new RangeError(`${metric.metric} is ${metric.value}`)
      if (!json) return say(sentenceOf(metric))
      stages.pause()
      stdout.write(`${JSON.stringify(metric)}\n`)
    },
    ready: (url) => say(`ready ${url}`),
    done,
    fail(error) {
      done()
      fail(error, stderr)
    },
  }
}

/** Ends a command: one clear sentence on standard error and the exit status 1; the stack where KINDRED_DEBUG is set. */
export function fail(error: unknown, stderr: Output = process.stderr): void {
  const message = error instanceof Error ? error.message : String(error)
  const [sentence = ''] = message.trim().split('\n')
  const debug = Boolean(process.env.KINDRED_DEBUG)
  const unexpected = !(error instanceof AppError) && !debug
  const hint = unexpected ? ' (not foreseen: KINDRED_DEBUG=1 shows where it happened)' : ''
  stderr.write(`kindred: ${sentence || 'it failed without saying why'}${hint}\n`)
  if (debug && error instanceof Error) stderr.write(`${stackOf(error)}\n`)
  process.exitCode = 1
}

interface Stages {
  show(progress: Progress): void
  /** Makes room for a line of something else. */
  pause(): void
  end(): void
}

/** One line that is drawn anew; a finished stage leaves its last line behind. */
function inBars(stream: Output): Stages {
  let bar: SingleBar | undefined
  let shown: Progress | undefined
  const end = () => {
    bar?.stop()
    bar = undefined
    shown = undefined
  }
  return {
    show(progress) {
      const { stage, done, total, note = '' } = progress
      if (shown?.stage !== stage) end()
      if (!bar) {
        bar = new SingleBar(barOptions(stream, total > 0))
        bar.start(total, done, { stage, note })
      }
      shown = progress
      bar.setTotal(total)
      bar.update(done, { stage, note })
      if (isDone(progress)) end()
    },
    // The line as it is stays, and the stage goes on in a new one below.
    pause: end,
    end,
  }
}

function barOptions(stream: Output, bounded: boolean): Options {
  return {
    stream: stream as NodeJS.WritableStream,
    format: bounded ? '{stage} {bar} {percentage}% of {total} {note}' : '{stage} {value} {note}',
    formatValue: (value, _, type) => (type === 'value' || type === 'total' ? grouped(value) : String(value)),
    barCompleteChar: '━',
    barIncompleteChar: '─',
    barsize: 24,
    // Ctrl-C in the middle of a bar must leave nothing to restore.
    hideCursor: false,
    linewrap: true,
  }
}

/** A line when a stage is over, and before that no more than a few a minute. */
function inLines(stream: Output, clock: Clock): Stages {
  let stage: string | undefined
  let last = { at: 0, done: 0 }
  let over = false
  return {
    show(progress) {
      const now = clock.now()
      if (progress.stage !== stage) {
        stage = progress.stage
        last = { at: now, done: 0 }
        over = false
      }
      if (over) return
      over = isDone(progress)
      if (!over && !isDue(progress, last, now)) return
      last = { at: now, done: progress.done }
      stream.write(`${lineOf(progress)}\n`)
    },
    pause() {},
    end() {},
  }
}

function isDue({ done, total }: Progress, last: { at: number; done: number }, now: number): boolean {
  const waited = now - last.at
  if (waited < QUIET_MS || done === last.done) return false
  return waited >= LONG_MS || (total > 0 && (done - last.done) / total >= SHARE)
}

const isDone = ({ done, total }: Progress): boolean => total > 0 && done >= total

function lineOf({ stage, done, total, note }: Progress): string {
  const more = note === undefined ? '' : `, ${note}`
  if (total <= 0) return `${stage}: ${grouped(done)}${more}`
  if (done >= total) return `${stage}: ${grouped(total)}, done`
  return `${stage}: ${Math.floor((100 * done) / total)} % of ${grouped(total)}${more}`
}

function sentenceOf({ metric, value, unit, target, rival, detail }: Metric): string {
  const number = value === null ? 'not measured' : `${readable(value)} ${unit}`.trim()
  const notes = [
    ...(target === undefined ? [] : [`target ${target}`]),
    ...(rival === undefined ? [] : [`against ${rival}`]),
    ...(value === null && typeof detail?.why === 'string' ? [detail.why] : []),
  ]
  return `${metric}: ${number}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`
}

/** Four significant digits, but whole numbers whole. */
const readable = (value: number): string =>
  Number.isInteger(value) ? grouped(value) : String(Number(value.toPrecision(4)))

const grouped = (value: number): string => value.toLocaleString('en-GB')

function stackOf(error: Error): string {
  const { cause } = error
  return `${error.stack}${cause instanceof Error ? `\ncaused by ${stackOf(cause)}` : ''}`
}
