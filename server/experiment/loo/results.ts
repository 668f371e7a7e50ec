/** What was found, a line of JSON for each user under each arm and seed. */
import * as z from 'zod'
import { openLines, type ResultsOf } from '../results.ts'

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

export type LooResults = ResultsOf<LooRow>

/** Opens the file at `path`, or begins it. Throws `bad-input` naming a line that is bad. */
export const openLooResults = (path: string): LooResults => openLines(path, rowSchema)
