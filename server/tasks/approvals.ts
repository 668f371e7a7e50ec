/** An approval counts for half a year. It is renewed in time where the approver's key is; where it is not, the operator is told. */
import { type Clock, DAY_MS, systemClock } from '../../shared/clock.ts'
import { toFailure } from '../../shared/failure.ts'
import type { Delivery } from './delivery.ts'

/** What is approved is signed once more when it counts for less than this. */
export const RENEW_MS = 60 * DAY_MS

export interface ApprovalOptions {
  /** Hears what only the operator can do, in a sentence. */
  readonly tell?: (sentence: string) => void
  readonly clock?: Clock
}

/** When what is approved counts no more, ms; null where nothing is approved. */
export const approvedUntil = ({ targets }: Pick<Delivery, 'targets'>): number | null =>
  targets()?.document.expires ?? null

export const untilSaid = (until: number): string =>
  `What is approved counts until ${new Date(until).toISOString().slice(0, 10)}`

/** Signs what is approved once more if that is due. */
export async function keepApproved(
  delivery: Pick<Delivery, 'targets' | 'renew'>,
  { tell = () => {}, clock = systemClock }: ApprovalOptions = {},
): Promise<void> {
  const until = approvedUntil(delivery)
  if (until === null || until - clock.now() > RENEW_MS) return
  try {
    await delivery.renew()
  } catch (error) {
    tell(`${untilSaid(until)}, and cannot be renewed here: ${toFailure(error).message}`)
  }
}
