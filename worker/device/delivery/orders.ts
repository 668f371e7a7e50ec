/**
 * Orders of the server: a manifest may tell all devices to go back to M0 (`rollback` in shared/task.ts). Each order is carried
 * out once, by its number; what is learnt afterwards stays.
 */

import type { Models } from '../models/models.ts'
import { getState, putState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import type { Active } from './active.ts'

/** Throws what `models.rollback` throws; the order is then still to be carried out. */
export async function obey({ db, models }: { db: Db; models: Models }, { manifest }: Active): Promise<void> {
  const { name, rollback } = manifest
  if (!rollback) return
  const { order, upTo } = rollback
  const before = await getState(db, 'obeyed')
  if (before?.task === name && before.order >= order) return
  const done = () => putState(db, 'obeyed', { task: name, order })
  const meant = (await models.list()).some(
    (row) => row.name === name && row.slot === 'M' && row.version <= upTo,
  )
  if (meant) await models.rollback(name, done)
  else await done()
}
