/** The journal: how each round went. */
import type { Round } from '../../../shared/protocol.ts'
import { type Db, getState, putState, type StateValue } from '../storage/db.ts'

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
