/** Pulling the day's batches of matched samples, each exactly once. */

import type { BatchList } from '../../shared/api.ts'
import { type Clock, dayOf } from '../../shared/clock.ts'
import type { Active } from './active.ts'
import { type Db, getState, putState, type StateValue } from './db.ts'
import type { Samples } from './samples.ts'
import type { Tunnel } from './tunnel.ts'

export type Pulled = StateValue<'pulled'>

/** Whether everything of this device's day has been pulled. */
export const pulledToday = (pulled: Pulled | undefined, clock: Clock, dayMs: number): boolean =>
  pulled?.done === dayOf(clock.now(), dayMs)

/**
 * Asks for the day's batches and takes in those that are not here yet; each is stored together with the fact that it was
 * pulled, so a failure half-way costs nothing. Gives the server's word on the day.
 */
export async function pull(
  { db, tunnel, samples, clock }: { db: Db; tunnel: Tunnel; samples: Samples; clock: Clock },
  { manifest: { schema, hyper } }: Active,
  signal?: AbortSignal,
): Promise<BatchList['state']> {
  const { day, count, state } = await tunnel.batches(signal)
  const before = await getState(db, 'pulled')
  let pulled = before?.day === day ? before : newDay(day, before)
  if (pulled !== before) await samples.makeRoom(hyper)
  const due = Math.min(count, hyper.batchesPerDay)
  const first = pulled.next
  let newest: number | undefined
  while (pulled.next < due) {
    const batch = await tunnel.batch(schema, day, pulled.next, signal)
    const bytes = pulled.bytes + batch.bytes
    const here = {
      ...pulled,
      next: pulled.next + 1,
      count: due,
      bytes,
      samples: pulled.samples + batch.samples.length,
    }
    await db.transaction('rw', db.matched, db.state, async () => {
      newest = await samples.add(batch.samples, newest)
      await putState(db, 'pulled', here)
    })
    pulled = here
  }
  // Without anything new the server's day is still the one we know: it is asked again, until its day has come.
  if (pulled.next > first) await putState(db, 'pulled', { ...pulled, done: dayOf(clock.now(), hyper.dayMs) })
  return state
}

/** What came in since the last round is carried over: that round is still to come. */
const newDay = (day: number, before: Pulled | undefined): Pulled => ({
  day,
  next: 0,
  count: 0,
  bytes: before?.bytes ?? 0,
  samples: before?.samples ?? 0,
  done: null,
})
