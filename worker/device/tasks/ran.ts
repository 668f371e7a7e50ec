/** What is remembered of the runs of each task: so that none runs in circles, nor more often than its manifest says. */
import { dayOf } from '../../../shared/clock.ts'
import type { Active } from '../delivery/active.ts'
import { type Db, type DeliveredRow, getState, putState, type StateValue } from '../storage/db.ts'

export type Ran = StateValue<'ran'>[string]

export const ranBefore = async (db: Db, { name }: DeliveredRow): Promise<Ran | undefined> =>
  (await getState(db, 'ran'))?.[name]

/** What a finished run has left behind. */
export type Left = Pick<NonNullable<Ran['finished']>, 'exposure' | 'left'>

/** Counts a run, which has finished if it left something behind; for use in the transaction that ends it. */
export async function noteRan(
  db: Db,
  { manifest }: Active,
  { name }: DeliveredRow,
  now: number,
  left?: Left,
): Promise<void> {
  const day = dayOf(now, manifest.hyper.dayMs)
  const all = { ...(await getState(db, 'ran')) }
  const before = all[name]
  const delivered = (await db.models.get([manifest.name, 'M0']))?.sha256 ?? null
  all[name] = {
    day,
    runs: before?.day === day ? before.runs + 1 : 1,
    finished: left ? { day, delivered, ...left } : (before?.finished ?? null),
  }
  const here = new Set([name, ...(await db.delivered.toCollection().primaryKeys())])
  await putState(db, 'ran', Object.fromEntries(Object.entries(all).filter(([task]) => here.has(task))))
}
