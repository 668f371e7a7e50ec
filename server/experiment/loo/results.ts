/** What was found, a line of JSON for each user under each arm and seed; a half-written last line is dropped. */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import * as z from 'zod'
import { parse } from '../../../shared/failure.ts'

/** Among what the clicked item was ranked. */
export const AMONG = ['uniform', 'popular', 'full'] as const
export type Among = (typeof AMONG)[number]

const placeSchema = z.strictObject({ above: z.int().min(0), tied: z.int().min(0) })
const rowSchema = z.strictObject({
  arm: z.string(),
  seed: z.int(),
  user: z.string(),
  /** Clicks of the user's past. */
  activity: z.int(),
  /** Whether a model of the user's own was committed. */
  trained: z.boolean(),
  /** Wall time of everything that was done for this row, ms. */
  ms: z.number(),
  rounds: z.int(),
  /** Among 100 drawn uniformly, 100 drawn by popularity, and all that the user never clicks. */
  uniform: placeSchema,
  popular: placeSchema,
  full: placeSchema,
})
export type LooRow = z.infer<typeof rowSchema>

export interface LooResults {
  readonly rows: readonly LooRow[]
  has(arm: string, seed: number, user: string): boolean
  /** On disk when it returns. */
  append(row: LooRow): void
}

/** Opens the file at `path`, or begins it. Throws `bad-input` naming a line that is bad. */
export function openLooResults(path: string): LooResults {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const lines = text.split('\n').slice(0, -1)
  const rows = lines.map((line, i) => parse(rowSchema, asJson(line), `${path}:${i + 1}`))
  if (text !== '') truncateSync(path, Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1)))
  const nameOf = (arm: string, seed: number, user: string) => JSON.stringify([arm, seed, user])
  const there = new Set(rows.map(({ arm, seed, user }) => nameOf(arm, seed, user)))
  return {
    rows,
    has: (arm, seed, user) => there.has(nameOf(arm, seed, user)),
    append(row) {
      appendFileSync(path, `${JSON.stringify(row)}\n`)
      there.add(nameOf(row.arm, row.seed, row.user))
      rows.push(row)
    },
  }
}

function asJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
