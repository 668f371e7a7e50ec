/**
 * What an experiment has found, as it comes: a line of JSON for each user under each arm and seed. Scores are kept, not
 * measures of them, so that whatever is to be measured later needs no second run. A run that was cut off leaves a
 * half-written last line at most, which is dropped when the file is opened again.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import * as z from 'zod'
import { parse } from '../../shared/failure.ts'
import { sha256Schema } from '../../shared/task.ts'

/** One user's future as one arm saw it: entry i of `labels`, `days` and `scores` is the i-th exposure of it. */
export interface Row {
  readonly arm: string
  readonly seed: number
  /** The source's name of the user. */
  readonly user: string
  /** Exposures of the user's past. */
  readonly activity: number
  /** Whether a model of the user's own was committed; without one M is M0, and this row is that of `cloud`. */
  readonly trained: boolean
  /** SHA-256 of M. */
  readonly m: string
  /** Wall time of everything that was done for this row, ms: registration, download, rounds, scoring. */
  readonly ms: number
  /** Rounds that ran, and the wall time of the longest, ms. */
  readonly rounds: number
  readonly roundMs: number
  /** Bytes of matched samples that were pulled, and how many of those the filter kept. */
  readonly down: number
  readonly filtered: number
  /** 1 where it was clicked. */
  readonly labels: readonly number[]
  /** Days of the replay, from 0, rising. */
  readonly days: readonly number[]
  /** Click probabilities, of float32 precision. */
  readonly scores: readonly number[]
}

const numbers = z.array(z.int().min(0))
/** Float32, little-endian, as base64: five and a half characters a score. */
const packed = z.base64().transform((text) => {
  const bytes = Buffer.from(text, 'base64')
  return Array.from({ length: bytes.length >> 2 }, (_, i) => bytes.readFloatLE(4 * i))
})
const lineSchema = z
  .strictObject({
    arm: z.string(),
    seed: z.int(),
    user: z.string(),
    activity: z.int(),
    trained: z.boolean(),
    m: sha256Schema,
    ms: z.number(),
    rounds: z.int(),
    roundMs: z.number(),
    down: z.int(),
    filtered: z.int(),
    labels: numbers,
    days: numbers,
    scores: packed,
  })
  .refine(({ labels, days, scores }) => labels.length === days.length && labels.length === scores.length)

function encodeRow(row: Row): string {
  const scores = Buffer.from(Float32Array.from(row.scores).buffer).toString('base64')
  return `${JSON.stringify({ ...row, scores })}\n`
}

/** The rows of a file; what follows the last whole line is not looked at. Throws `bad-input` naming the line that is bad. */
export const readRows = (path: string): Row[] => readLines(path, lineSchema)

function readLines<R>(path: string, schema: z.ZodType<R>): R[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line, i) => parse(schema, asJson(line), `${path}:${i + 1}`))
}

/** Undefined for what is none. */
function asJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Whose row it is, under which arm and seed. */
type Named = Pick<Row, 'arm' | 'seed' | 'user'>

export interface ResultsOf<R extends Named> {
  /** All that is there, in the order in which it came. */
  readonly rows: readonly R[]
  has(arm: string, seed: number, user: string): boolean
  /** On disk when it returns; a second row of the same arm, seed and user is refused with a `TypeError`. */
  append(row: R): void
}
export type Results = ResultsOf<Row>

/** Opens the file at `path`, or begins it. */
export const openResults = (path: string): Results => openLines(path, lineSchema, encodeRow)

/** Opens a file of such rows, or begins it. Throws `bad-input` naming the line that is bad. */
export function openLines<R extends Named>(
  path: string,
  schema: z.ZodType<R>,
  encode = (row: R) => `${JSON.stringify(row)}\n`,
): ResultsOf<R> {
  const rows = readLines(path, schema)
  dropHalfLine(path)
  const nameOf = ({ arm, seed, user }: Named) => JSON.stringify([arm, seed, user])
  const there = new Set(rows.map(nameOf))
  return {
    rows,
    has: (arm, seed, user) => there.has(nameOf({ arm, seed, user })),
    append(row) {
      const name = nameOf(row)
      if (there.has(name)) throw new TypeError(`${name} has a row already`)
      appendFileSync(path, encode(row))
      there.add(name)
      rows.push(row)
    },
  }
}

function dropHalfLine(path: string): void {
  if (!existsSync(path)) return
  const text = readFileSync(path)
  truncateSync(path, text.lastIndexOf('\n') + 1)
}
