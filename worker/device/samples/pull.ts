/** Pulling the day's batches of matched samples, each exactly once. */

import type { BatchList } from '../../../shared/api.ts'
import { type Clock, dayOf } from '../../../shared/clock.ts'
import type { Hyper } from '../../../shared/hyper.ts'
import type { Active } from '../delivery/active.ts'
import { getState, putState, type StateValue } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { teaches } from './lifecycle.ts'
import type { Samples } from './samples.ts'

export type Pulled = StateValue<'pulled'>

/** During the day the server may have more, of what came since: it is asked again after this, … */
const ASK_MORE_MS = 10 * 60_000

/** Whether everything that the server had for this device's day when it was last asked has been pulled. */
export const pulledToday = (
  pulled: Pulled | undefined,
  clock: Clock,
  { dayMs }: Pick<Hyper, 'dayMs'>,
): boolean => pulled?.done === dayOf(clock.now(), dayMs)

/** … or at once, where it goes by the latest click and there is a newer one. Whether it may have more by now. */
export async function mayHaveMore(db: Db, { manifest }: Active, clock: Clock): Promise<boolean> {
  const { hyper, schema } = manifest
  const pulled = await getState(db, 'pulled')
  if (!pulled || !pulledToday(pulled, clock, hyper)) return true
  if (pulled.next >= hyper.batchesPerDay) return false
  if (Math.abs(clock.now() - pulled.asked) >= ASK_MORE_MS) return true
  if (schema.vectorOf !== 'latest') return false
  const newest = await db.history
    .orderBy('id')
    .reverse()
    .until(({ at }) => at <= pulled.asked)
    .toArray()
  return newest.some(({ type }) => type === 'click')
}

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
  if (pulled !== before && teaches(hyper)) await samples.makeRoom(hyper)
  const due = Math.min(count, hyper.batchesPerDay)
  const first = pulled.next
  let newest: number | undefined
  while (pulled.next < due) {
    const batch = await tunnel.batch(schema, day, pulled.next, signal)
    const next = pulled.next + 1
    const here = {
      ...pulled,
      next,
      count: due,
      bytes: pulled.bytes + batch.bytes,
      samples: pulled.samples + batch.samples.length,
      ...(next === due && { done: dayOf(clock.now(), hyper.dayMs) }),
    }
    await db.transaction('rw', db.matched, db.state, async () => {
      newest = await samples.add(batch.samples, newest)
      await putState(db, 'pulled', here)
    })
    pulled = here
  }
  if (pulled.next > first && !teaches(hyper)) await samples.forgetOld(hyper)
  // Without anything new the server's day is still the one we know, and `done` as it was: it is asked again, until its day has come.
  await putState(db, 'pulled', { ...pulled, asked: clock.now() })
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
  asked: 0,
})
