/** What a contact asks for that does not come from this user: the data, and which tasks are active. Side by side, as both are waited for. */
import { AppError } from '../../../shared/failure.ts'
import { checkData } from '../../../shared/trust/verify.ts'
import type { Models } from '../models/models.ts'
import type { Db } from '../storage/tables.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { type Active, adopt } from './active.ts'
import type { Delivery } from './delivery.ts'

export interface RefreshDeps {
  readonly db: Db
  readonly models: Models
  readonly tunnel: Tunnel
  readonly delivery: Delivery
}

export interface Refreshed {
  /** The data, where they are new. */
  readonly data: Active | undefined
  /** Why the tasks stay as they were, where the server was reached all the same. */
  readonly trouble: unknown
}

/** Failures that say nothing of the line, the device or its storage. */
const OF_TASKS: readonly string[] = ['bad-artifact', 'bad-input', 'refused']

/**
 * Asks for tasks and, if they are wanted, for data other than `present`. Data that no snapshot vouches for are asked for once more, with the
 * snapshot, because a release may have come between the two answers; then they are refused (`bad-artifact`). Where there are data and only
 * the tasks fail, that is told and not thrown.
 */
export async function refresh(
  deps: RefreshDeps,
  present: Active | undefined,
  wanted: boolean,
  signal: AbortSignal,
): Promise<Refreshed> {
  const asked = deps.delivery.contact(signal)
  // Both come to their end, so that nothing goes on unseen.
  const [tasks, data] = await Promise.allSettled([
    asked,
    wanted ? vouched(deps, present, asked, signal) : undefined,
  ])
  const trouble = tasks.status === 'rejected' ? tasks.reason : undefined
  if (data.status === 'rejected' && !(present && data.reason === trouble)) throw data.reason
  if (trouble && !(trouble instanceof AppError && OF_TASKS.includes(trouble.code))) throw trouble
  return { data: data.status === 'fulfilled' ? data.value : undefined, trouble }
}

async function vouched(
  { db, models, tunnel, delivery }: RefreshDeps,
  present: Active | undefined,
  asked: ReturnType<Delivery['contact']>,
  signal: AbortSignal,
): Promise<Active | undefined> {
  for (const again of [false, true]) {
    const trusted = again ? delivery.contact(signal) : asked
    trusted.catch(() => {}) // it may fail before it is looked at
    let named = true
    const check = async (sha256: string) => {
      const found = await trusted
      named = false
      checkData(found, sha256)
      named = true
    }
    try {
      // What nobody has vouched for is not shown as known.
      const known = again || present?.sha256 === undefined ? null : present.etag
      const answer = await tunnel.task(known, signal)
      if (answer.state === 'none') return undefined
      if (answer.state === 'new')
        return await adopt({ db, models, tunnel }, answer, () => check(answer.sha256), signal)
      await check(present!.sha256!)
      return undefined
    } catch (error) {
      await trusted.catch(() => {})
      if (named || again) throw error
    }
  }
  return undefined
}
