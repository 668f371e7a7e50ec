/** What is remembered of the runs of each task: so that none runs in circles, nor more often than its manifest says. */
import { dayOf } from '../../../shared/clock.ts'
import type { Active } from '../delivery/active.ts'
import { getState, putState, type StateValue } from '../storage/state.ts'
import type { Db, DeliveredRow } from '../storage/tables.ts'

export type Ran = StateValue<'ran'>[string]

/** Runs of one day of this device. */
export type RunsOfDay = Pick<Ran, 'day' | 'runs'>

/** One more run today. */
export const oneMore = (before: RunsOfDay | undefined, today: number): RunsOfDay => ({
  day: today,
  runs: before?.day === today ? before.runs + 1 : 1,
})

/** Whether the task has had all the runs that its manifest allows it today. */
export const isSpent = (
  ran: RunsOfDay | undefined,
  { manifest: { budget } }: DeliveredRow,
  today: number,
): boolean => ran?.day === today && ran.runs >= budget.runsPerDay

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
    ...oneMore(before, day),
    finished: left ? { day, delivered, ...left } : (before?.finished ?? null),
  }
  const here = new Set([name, ...(await db.delivered.toCollection().primaryKeys())])
  await putState(db, 'ran', Object.fromEntries(Object.entries(all).filter(([task]) => here.has(task))))
}
