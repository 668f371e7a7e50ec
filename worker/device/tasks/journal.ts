/** The journal: how each round went. */
import { type Round, roundSchema } from '../../../shared/protocol.ts'
import { getState, putState, type StateValue } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import type { Performed } from './run-task.ts'

/** Rounds that are remembered. */
const MAX_JOURNAL = 100

/** A round that begins `at`, with what came in since the last one. */
export const emptyRound = (at: number, sigma: number, came: StateValue<'pulled'> | undefined): Round => ({
  at,
  outcome: 'filtered',
  engine: 'none',
  ms: 0,
  bytes: came?.bytes ?? 0,
  matched: came?.samples ?? 0,
  classifying: 0,
  scored: 0,
  kept: 0,
  scores: [],
  sigma,
  local: { training: 0, validation: 0 },
  steps: 0,
  stepsKept: 0,
  losses: [],
  before: null,
  after: null,
})

/** What a script says of its run under names that the journal has; what does not fit is not told. */
const TOLD = {
  classifying: roundSchema.shape.classifying,
  losses: roundSchema.shape.losses,
  steps: roundSchema.shape.steps,
  stepsKept: roundSchema.shape.stepsKept,
  before: roundSchema.shape.before,
  after: roundSchema.shape.after,
  loss: roundSchema.shape.loss,
  course: roundSchema.shape.course,
  refit: roundSchema.shape.refit,
  resumed: roundSchema.shape.resumed,
} as const

/** The round with what a run has to tell. */
export function described(before: Round, { told, effects, lessons, folded }: Performed): Round {
  const { result, scores, used } = effects
  const round = { ...before, engine: told.engine }
  if (told.memory) round.memory = Math.max(round.memory ?? 0, told.memory)
  if (folded > 0) round.folded = folded
  const matched = new Set(lessons.matched.map(({ id }) => id))
  if (matched.size > 0) {
    const said = scores.flatMap(({ score }) => (score === null ? [] : [score]))
    round.classifying += used.filter((id) => matched.has(id)).length
    round.scored += said.length
    round.scores = [...round.scores, ...said]
    round.kept += scores.filter(({ keep }) => keep).length
  }
  if (typeof result !== 'object' || result === null) return round
  const fitting = Object.entries(TOLD).flatMap(([name, schema]) => {
    const value = (result as Record<string, unknown>)[name]
    const parsed = value === undefined ? undefined : schema.safeParse(value)
    return parsed?.success ? [[name, parsed.data]] : []
  })
  return Object.assign(round, Object.fromEntries(fitting))
}

/**
 * Writes it, in the place of entry `n` if that is given, and gives the entry; for use in a transaction. What came in for a round that
 * failed is left to the next.
 */
export async function writeJournal(db: Db, round: Round, n?: number): Promise<number> {
  return db.transaction('rw', db.journal, db.state, async () => {
    const entry = await db.journal.put(n === undefined ? { ...round } : { ...round, n })
    const kept = await db.journal.orderBy('n').reverse().limit(MAX_JOURNAL).primaryKeys()
    await db.journal
      .where('n')
      .below(kept.at(-1) ?? 0)
      .delete()
    const pulled = await getState(db, 'pulled')
    if (pulled && round.outcome !== 'failed')
      await putState(db, 'pulled', { ...pulled, bytes: 0, samples: 0 })
    return entry
  })
}
